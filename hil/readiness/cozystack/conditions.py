"""What must hold of a CozyStack, judged by one round. Pure: asks nothing, and knows no more than it is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hil.readiness.condition import Condition, Truth
from hil.readiness.cozystack.facts import Absent, CozystackFacts, Item
from hil.readiness.rounds import Missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.config.expect.cozystack import CozystackExpect

SOURCE = "kubernetes"
_LISTED = 3
_VERSION_0 = "this is CozyStack v0: it has a ConfigMap cozystack, and no Packages"
# The reason of a HelmRelease that only waits for another (fluxcd/helm-controller, api/v2/condition_types.go): the
# other one is what a person wants to read of.
_DEPENDS = "DependencyNotReady"


def conditions(facts: CozystackFacts | Missing, expect: CozystackExpect, at_ns: int | None) -> tuple[Condition, ...]:
    """Each thing that must hold, and whether it does.

    Args:
        facts: what the last round found, or why there was none.
        expect: what must hold.
        at_ns: when that was found, ns of the one clock.
    """
    whole = _nothing(facts) if isinstance(facts, Missing) else facts
    return tuple(_Judge(whole, at_ns).all(expect))


def _nothing(why: Missing) -> CozystackFacts:
    return CozystackFacts(why, False, why, why, why, why)


class _Judge:
    """Judges by one round."""

    def __init__(self, facts: CozystackFacts, at_ns: int | None) -> None:
        self._facts = facts
        self._at_ns = at_ns

    def all(self, expect: CozystackExpect) -> Iterator[Condition]:
        """The conditions, in the order in which an installation goes through them."""
        if expect.packages:
            yield self._each("crds", "the CRDs of CozyStack are Established", self._facts.crds, "Established")
            yield self._sources(expect)
            yield self._packages(expect)
        yield self._releases(expect)
        if expect.api_services:
            expected = f"{', '.join(expect.api_services)} Available"
            yield self._each("api-services", expected, self._facts.api_services, "Available")

    def _judged(self, name: str, expected: str, wrong: str, well: str) -> Condition:
        truth = Truth.FALSE if wrong else Truth.TRUE
        return Condition(f"cozystack.{name}", truth, expected, wrong or well, SOURCE, self._at_ns)

    def _unasked(self, name: str, expected: str, why: Missing | Absent | None) -> Condition:
        if isinstance(why, Absent):
            return self._judged(name, expected, _VERSION_0 if self._facts.version_0 else why.words, "")
        reason = "it was not asked for" if why is None else why.reason
        return Condition(f"cozystack.{name}", Truth.UNKNOWN, expected, reason, SOURCE, None)

    def _each(
        self, name: str, expected: str, there: Mapping[str, Item | None] | Missing | None, wanted: str
    ) -> Condition:
        if there is None or isinstance(there, Missing):
            return self._unasked(name, expected, there)
        if name == "crds" and self._facts.version_0:
            return self._judged(name, expected, _VERSION_0, "")
        wrong = [f"there is no {one}" for one, item in there.items() if item is None]
        wrong += [f"{one}: {why}" for one, item in there.items() if item is not None and (why := item.why_not(wanted))]
        return self._judged(name, expected, "; ".join(wrong), f"all {len(there)} are")

    def _sources(self, expect: CozystackExpect) -> Condition:
        expected = f"PackageSources {', '.join(expect.packages)}"
        there = self._facts.sources
        if not isinstance(there, tuple):
            return self._unasked("sources", expected, there)
        return self._judged("sources", expected, _lacking(expect.packages, there), f"there are {len(there)}")

    def _packages(self, expect: CozystackExpect) -> Condition:
        expected = f"{', '.join(expect.packages)} and all other Packages ready"
        there = self._facts.packages
        if not isinstance(there, tuple):
            return self._unasked("packages", expected, there)
        wrong = _lacking(expect.packages, there) or _not_ready(there)
        return self._judged("packages", expected, wrong, f"all {len(there)} are ready")

    def _releases(self, expect: CozystackExpect) -> Condition:
        expected = f"at least {expect.releases} HelmReleases, all ready"
        there = self._facts.releases
        if not isinstance(there, tuple):
            return self._unasked("releases", expected, there)
        few = f"there are only {len(there)}" if len(there) < expect.releases else ""
        wrong = "; ".join(part for part in (few, _not_ready(there)) if part)
        suspended = [item.full_name for item in there if item.suspended]
        left_alone = f"; suspended: {_some(suspended)}" if suspended else ""
        return self._judged("releases", expected, wrong, f"all {len(there)} are ready{left_alone}")


def _lacking(names: Sequence[str], there: Sequence[Item]) -> str:
    known = {item.name for item in there}
    lacking = [name for name in names if name not in known]
    return f"there is no {', '.join(lacking)}" if lacking else ""


def _not_ready(there: Sequence[Item]) -> str:
    """What is not ready and why, causes before what waits for them; "" when all is."""
    wrong = [(item, why) for item in there if (why := item.why_not())]
    if not wrong:
        return ""
    wrong.sort(key=lambda pair: pair[1].startswith(_DEPENDS))
    told = [f"{item.full_name}: {why}" for item, why in wrong]
    return f"{len(wrong)} of {len(there)} are not ready: {_some(told, '; ')}"


def _some(words: Sequence[str], between: str = ", ") -> str:
    more = [f"and {len(words) - _LISTED} more"] if len(words) > _LISTED else []
    return between.join([*words[:_LISTED], *more])
