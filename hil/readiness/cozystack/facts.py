"""What a cluster says of a CozyStack, as values; and whether one object of it is ready. Asks nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hil.readiness.kubernetes.facts import Status
from hil.readiness.rounds import Missing

READY = "Ready"


@dataclass(frozen=True, slots=True)
class Absent:
    """What was asked for, and the cluster said that it has no such thing.

    Args:
        words: what it is that is absent.
    """

    words: str


@dataclass(frozen=True, slots=True)
class Item:
    """An object that says of itself whether it is ready: a Package, a PackageSource, a HelmRelease, an APIService.

    Args:
        namespace: "" for one of the whole cluster.
        name: of the object.
        generation: of what is wanted of it; a change of its spec counts it up. None where it says none.
        observed: the generation that its controller saw last (status.observedGeneration); None where it says none.
        suspended: whether its controller leaves it alone (HelmRelease spec.suspend).
        conditions: of its status, by type.
    """

    namespace: str
    name: str
    generation: int | None
    observed: int | None
    suspended: bool
    conditions: Mapping[str, Status]

    @property
    def full_name(self) -> str:
        """Namespace and name, as a person writes them."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def why_not(self, wanted: str = READY) -> str:
        """Why a condition of it is not true of what is wanted of it now; "" when it is.

        What was true of another generation is no answer: so `kubectl wait` has it (kubectl v0.34.4,
        pkg/cmd/wait/condition.go).

        Args:
            wanted: the condition.
        """
        found = self.conditions.get(wanted)
        stale = self._stale(found)
        if found is None or stale:
            why = stale or "nothing is said of it yet"
        elif found.status == "True":
            return ""
        else:
            why = found.words if found.status == "False" else f"{found.status or 'no status'}: {found.words}"
        return f"is suspended, so nobody mends it; {why}" if self.suspended else why

    def _stale(self, found: Status | None) -> str:
        seen = [one for one in (self.observed, found and found.observed_generation) if isinstance(one, int)]
        if self.generation is None or not seen or min(seen) >= self.generation:
            return ""
        return f"was changed and not looked at since (generation {self.generation}, seen {min(seen)})"


@dataclass(frozen=True, slots=True)
class CozystackFacts:
    """What one round found; each None was not asked for.

    Args:
        crds: the CRDs that CozyStack's operator installs, by name; None for one that is not there.
        version_0: whether it looks like CozyStack v0, which has a ConfigMap and no Packages.
        packages, sources: all Packages and PackageSources.
        releases: all HelmReleases.
        api_services: those that are expected, by name; None for one that is not there.
    """

    crds: Mapping[str, Item | None] | Missing | None
    version_0: bool
    packages: tuple[Item, ...] | Absent | Missing | None
    sources: tuple[Item, ...] | Absent | Missing | None
    releases: tuple[Item, ...] | Absent | Missing
    api_services: Mapping[str, Item | None] | Missing
