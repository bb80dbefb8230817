"""One round of questions about a CozyStack to its cluster. Judges nothing: what could not be asked is Missing.

The questions are those of CozyStack's own end-to-end test (cozystack/cozystack, hack/e2e-install-cozystack.bats); how
v0 is known is from its documentation: a ConfigMap `cozystack` in `cozy-system` in place of the platform's Package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from hil.clock import Deadline
from hil.errors import HilError
from hil.readiness.cozystack.facts import Absent, CozystackFacts, Item
from hil.readiness.kubernetes import kinds, reading
from hil.readiness.kubernetes.api import KubernetesApi
from hil.readiness.kubernetes.fields import Object, number, text, truth
from hil.readiness.kubernetes.kinds import Kind
from hil.readiness.kubernetes.trouble import NoSuchKind
from hil.readiness.rounds import Missing

if TYPE_CHECKING:
    from hil.config.expect.cozystack import CozystackExpect

T = TypeVar("T")

CRDS = (str(kinds.PACKAGE), str(kinds.PACKAGE_SOURCE))
_NAMESPACE, _CONFIG = "cozy-system", "cozystack"


def ask(api: KubernetesApi, expect: CozystackExpect, deadline: Deadline) -> CozystackFacts:
    """What the cluster says of what is expected of a CozyStack.

    Args:
        api: is asked.
        expect: what is not expected is not asked for.
        deadline: for all of it.
    """
    crds = _or_missing(lambda: _each(api, kinds.CRD, CRDS, deadline)) if expect.packages else None
    return CozystackFacts(
        crds,
        version_0=isinstance(crds, dict) and not any(crds.values()) and _has_config(api, deadline),
        packages=_list(api, kinds.PACKAGE, deadline) if expect.packages else None,
        sources=_list(api, kinds.PACKAGE_SOURCE, deadline) if expect.packages else None,
        releases=_list(api, kinds.HELM_RELEASE, deadline),
        api_services=_or_missing(lambda: _each(api, kinds.API_SERVICE, expect.api_services, deadline)),
    )


def item(found: Object) -> Item:
    """An object, as far as it says whether it is ready."""
    return Item(
        text(found, "metadata", "namespace"),
        reading.name(found),
        number(found, "metadata", "generation"),
        number(found, "status", "observedGeneration"),
        truth(found, "spec", "suspend"),
        reading.statuses(found),
    )


def _list(api: KubernetesApi, kind: Kind, deadline: Deadline) -> tuple[Item, ...] | Absent | Missing:
    try:
        return tuple(map(item, api.all(kind, deadline)))
    except NoSuchKind:
        return Absent(f"{kind.name} is no kind of this cluster")
    except HilError as error:
        return Missing.of(error)


def _each(api: KubernetesApi, kind: Kind, names: Iterable[str], deadline: Deadline) -> dict[str, Item | None]:
    found = {name: api.one(kind, name, deadline) for name in names}
    return {name: None if one is None else item(one) for name, one in found.items()}


def _has_config(api: KubernetesApi, deadline: Deadline) -> bool:
    try:
        return api.one(kinds.CONFIG_MAP, _CONFIG, deadline, _NAMESPACE) is not None
    except HilError:
        return False


def _or_missing(question: Callable[[], T]) -> T | Missing:
    try:
        return question()
    except HilError as error:
        return Missing.of(error)
