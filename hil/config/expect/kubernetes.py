"""What must hold of a node in Kubernetes: the keys of `expect: {kubernetes: ...}`. Asks no cluster."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field

from hil.config.expect.overriding import Section
from hil.config.model import invalid, shown_as

_LABEL: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"
_VERSION: Final = r"v\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?"


def _version(text: str) -> str:
    if re.fullmatch(_VERSION, text) is None:
        raise invalid(f"{text[:40]!r} is no version of Kubernetes", "write it like v1.34.4")
    return text


def _subdomain(text: str) -> str:
    if len(text) > 253 or re.fullmatch(_SUBDOMAIN, text) is None:
        raise invalid(f"{text[:40]!r} cannot be a name in Kubernetes", "write lower case letters, digits, - and .")
    return text


def _label(text: str) -> str:
    if re.fullmatch(_LABEL, text) is None:
        raise invalid(f"{text[:40]!r} cannot be a runtime handler", "write lower case letters, digits and -")
    return text


KubeletVersion: TypeAlias = Annotated[str, AfterValidator(_version), shown_as(_VERSION, "v1.34.4")]
"""A version of the kubelet, as Node.status.nodeInfo.kubeletVersion gives it: v1.34.4."""

ObjectName: TypeAlias = Annotated[str, AfterValidator(_subdomain), shown_as(_SUBDOMAIN)]
"""A name of Kubernetes: a DNS subdomain (kubernetes.io, Object Names and IDs; RFC 1123)."""

Handler: TypeAlias = Annotated[str, AfterValidator(_label), shown_as(_LABEL)]
"""A runtime handler of a RuntimeClass: a DNS label (k8s.io/api node/v1, RuntimeClass.handler)."""


class KubernetesExpect(Section):
    """What must hold of a node in Kubernetes; what is not given is not asked, but for the node itself."""

    SECTION: ClassVar[str] = "kubernetes"
    WHOSE: ClassVar[str] = "Kubernetes"

    node: ObjectName | None = Field(
        default=None, description="what the cluster calls the node; left out, what the rig calls it"
    )
    version: KubeletVersion | None = Field(default=None, description="the version of the kubelet that runs on it")
    runtime_classes: dict[ObjectName, Handler] = Field(
        default={}, description="RuntimeClasses that must be there, each with its handler"
    )
    pods: Literal["node", "all", "none"] = Field(
        default="node", description="whose pods must run: the node's, all of the cluster's, or none's"
    )
