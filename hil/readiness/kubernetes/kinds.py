"""The kinds of objects that are asked for, as the API's paths name them. Asks nothing.

Sources: k8s.io/api v0.34.4; spinkube/spin-operator, api/v1alpha1/spinapp_types.go; cozystack/cozystack,
api/v1alpha1/package_types.go and packagesource_types.go; fluxcd/helm-controller, api/v2.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind.

    Args:
        group: of the API; "" for the core.
        version: of the group.
        name: of the kind, as "Node".
        plural: as the paths have it, as "nodes".
        namespaced: whether its objects lie in namespaces.
    """

    group: str
    version: str
    name: str
    plural: str
    namespaced: bool = False

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


NODE = Kind("", "v1", "Node", "nodes")
POD = Kind("", "v1", "Pod", "pods", namespaced=True)
EVENT = Kind("", "v1", "Event", "events", namespaced=True)
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps", namespaced=True)
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases", namespaced=True)
RUNTIME_CLASS = Kind("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses")
API_SERVICE = Kind("apiregistration.k8s.io", "v1", "APIService", "apiservices")
CRD = Kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions")
SPIN_APP = Kind("core.spinkube.dev", "v1alpha1", "SpinApp", "spinapps", namespaced=True)
PACKAGE = Kind("cozystack.io", "v1alpha1", "Package", "packages")
PACKAGE_SOURCE = Kind("cozystack.io", "v1alpha1", "PackageSource", "packagesources")
HELM_RELEASE = Kind("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases", namespaced=True)
