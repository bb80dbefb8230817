"""What must hold of Spin on a node, judged by what was last found. Pure: asks nothing.

Five levels, each of which can be wrong alone: the extension, containerd's handler, the RuntimeClass that leads to it,
the application, and its answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from hil.readiness.condition import Condition, Truth
from hil.readiness.kubernetes.facts import SpinApp
from hil.readiness.rounds import Missing
from hil.readiness.spin.facts import Absent, SpinFacts
from hil.readiness.spin.handlers import KUBERNETES
from hil.readiness.spin.serving import Served

if TYPE_CHECKING:
    from hil.config.expect.spin import SpinExpect

T = TypeVar("T")
Dated: TypeAlias = tuple[T, int]
"""What was found, and when, ns of the one clock."""

_API: Final = "api"
_HTTP: Final = "http"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was last found, or why it is not known.

    Args:
        extension: the condition that the extension is there.
        facts: of the cluster and of the node.
        served: of the request.
    """

    extension: Condition | Missing
    facts: Dated[SpinFacts] | Missing
    served: Dated[Served] | Missing


def conditions(seen: Seen, expect: SpinExpect) -> tuple[Condition, ...]:
    """Each level that is expected, and whether it holds.

    Args:
        seen: what was found.
        expect: what must hold; what is not expected is not judged.

    Returns:
        the conditions from the extension up to the answer.
    """
    judge = _Judge(seen)
    found: list[Condition] = []
    if expect.extension is not None:
        found.append(judge.extension(expect.extension))
    if expect.handler is not None:
        found.append(judge.handler(expect.handler))
        if expect.runtime_class is not None:
            found.append(judge.runtime_class(expect.runtime_class, expect.handler))
    if expect.app is not None:
        found.append(judge.app(expect.app))
    if expect.serves is not None:
        found.append(judge.http(expect.serves.words))
    return tuple(found)


class _Judge:
    """Judges by one set of findings."""

    def __init__(self, seen: Seen) -> None:
        self._extension = seen.extension
        self._served = seen.served
        if isinstance(seen.facts, Missing):
            self._facts, self._facts_ns = SpinFacts(seen.facts, seen.facts, seen.facts), 0
        else:
            self._facts, self._facts_ns = seen.facts

    def extension(self, version: str) -> Condition:
        """Whether Talos has the extension."""
        if isinstance(self._extension, Missing):
            return _unknown("spin.extension", "any version" if version == "any" else version, self._extension, _API)
        return replace(self._extension, name="spin.extension")

    def handler(self, expected: str) -> Condition:
        """Whether the node's containerd has the handler."""
        name, found = "spin.handler", self._facts.handlers
        if isinstance(found, Missing):
            return _unknown(name, expected, found, KUBERNETES)
        holds = expected in found.names
        return _known(name, expected, found.words, found.source, self._facts_ns, holds=holds)

    def runtime_class(self, which: str, handler: str) -> Condition:
        """Whether the RuntimeClass leads to the handler, and the node has that."""
        name, expected = "spin.runtime-class", f"{which} with handler {handler}"
        found, node = self._facts.runtime_class, self._facts.handlers
        if isinstance(found, Missing):
            return _unknown(name, expected, found, KUBERNETES)
        if isinstance(found, Absent):
            return self._by_cluster(name, expected, found.words, holds=False)
        words = f"RuntimeClass {which} has handler {found or 'none'}"
        if not isinstance(node, Missing):
            holds = found == handler and handler in node.names
            return self._by_cluster(name, expected, f"{words}, the node's containerd has {node.words}", holds=holds)
        if found != handler:
            return self._by_cluster(name, expected, words, holds=False)
        why = Missing(f"{words}; what the node's containerd has is not known: {node.reason}")
        return _unknown(name, expected, why, KUBERNETES)

    def app(self, place: str) -> Condition:
        """Whether the SpinApp is ready."""
        name, expected, found = "spin.app", f"{place} ready", self._facts.app
        if isinstance(found, Missing):
            return _unknown(name, expected, found, KUBERNETES)
        if isinstance(found, Absent):
            return self._by_cluster(name, expected, found.words, holds=False)
        why_not = _why_not_ready(found)
        return self._by_cluster(name, expected, f"{_replicas(found)}{why_not}", holds=not why_not)

    def http(self, expected: str) -> Condition:
        """Whether the expected answer comes."""
        if isinstance(self._served, Missing):
            return _unknown("spin.http", expected, self._served, _HTTP)
        served, at_ns = self._served
        found = _known("spin.http", expected, served.words, _HTTP, at_ns, holds=served.holds)
        return replace(found, figures=served.timings.to_json() if served.timings.count else {})

    def _by_cluster(self, name: str, expected: str, observed: str, *, holds: bool) -> Condition:
        return _known(name, expected, observed, KUBERNETES, self._facts_ns, holds=holds)


def _replicas(app: SpinApp) -> str:
    return f"{app.ready_replicas} of {_wanted(app)} replicas ready"


def _wanted(app: SpinApp) -> int:
    """How many replicas it wants; one that an autoscaler decides for wants one at least."""
    return 1 if app.replicas is None else app.replicas


def _why_not_ready(app: SpinApp) -> str:
    """What speaks against its being ready, or "" (spinkube/spin-operator, api/v1alpha1: SpinAppStatus)."""
    available, progressing = (app.conditions.get(kind) for kind in ("Available", "Progressing"))
    if available is not None and available.status != "True":
        return f"; Available is {available.status}: {available.words}"
    if app.ready_replicas >= _wanted(app):
        return ""
    return f"; Progressing is {progressing.status}: {progressing.words}" if progressing else "; it does not say why"


def _known(name: str, expected: str, observed: str, source: str, at_ns: int, *, holds: bool) -> Condition:
    return Condition(name, Truth.TRUE if holds else Truth.FALSE, expected, observed, source, at_ns)


def _unknown(name: str, expected: str, why: Missing, source: str) -> Condition:
    return Condition(name, Truth.UNKNOWN, expected, " ".join(why.reason.split()), source, None)
