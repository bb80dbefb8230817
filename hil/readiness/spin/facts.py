"""What one round finds of Spin below HTTP: the node's handlers, a RuntimeClass, a SpinApp. Judges nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from hil.clock import Deadline
from hil.errors import HilError
from hil.readiness.kubernetes.facts import SpinApp
from hil.readiness.kubernetes.trouble import NoSuchKind
from hil.readiness.rounds import Missing
from hil.readiness.spin.handlers import Handlers, ask_handlers
from hil.readiness.spin.sources import Cluster, SpinSources

if TYPE_CHECKING:
    from hil.config.expect.spin import SpinExpect

T = TypeVar("T")

_NOT_ASKED = Missing("it is not asked for")


@dataclass(frozen=True, slots=True)
class Absent:
    """What the cluster itself says is not there.

    Args:
        words: what, on one line.
    """

    words: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one round asks for; None or False is not asked.

    Args:
        handlers: the node's runtime handlers.
        runtime_class: the name of a RuntimeClass.
        app: namespace and name of a SpinApp, with a slash between them.
    """

    handlers: bool
    runtime_class: str | None
    app: str | None

    @classmethod
    def of(cls, expect: SpinExpect) -> Wanted | None:
        """What is to be asked where this is expected; None for nothing."""
        wanted = cls(expect.handler is not None, expect.runtime_class, expect.app)
        return wanted if wanted.handlers or wanted.app is not None else None


@dataclass(frozen=True, slots=True)
class SpinFacts:
    """What one round found; each thing may be missing, with the reason.

    Args:
        handlers: of the node.
        runtime_class: the handler of the RuntimeClass.
        app: the SpinApp.
    """

    handlers: Handlers | Missing
    runtime_class: str | Absent | Missing
    app: SpinApp | Absent | Missing


def ask_facts(node: str, wanted: Wanted, sources: SpinSources, deadline: Deadline) -> SpinFacts:
    """One round of questions; what cannot be asked keeps nothing else from being asked.

    Args:
        node: as the rig calls it.
        wanted: what to ask for.
        sources: whom to ask.
        deadline: for all of it.
    """
    cluster = sources.cluster
    named, app = wanted.runtime_class, wanted.app
    return SpinFacts(
        handlers=ask_handlers(sources.node or node, cluster, sources.read, deadline)
        if wanted.handlers
        else _NOT_ASKED,
        runtime_class=_asked(cluster, lambda there: _runtime_class(there, named, deadline)) if named else _NOT_ASKED,
        app=_asked(cluster, lambda there: _app(there, app, deadline)) if app else _NOT_ASKED,
    )


def _asked(cluster: Cluster | Missing, question: Callable[[Cluster], T]) -> T | Absent | Missing:
    if isinstance(cluster, Missing):
        return cluster
    try:
        return question(cluster)
    except NoSuchKind as error:
        return Absent(error.message)
    except HilError as error:
        return Missing.of(error)


def _runtime_class(cluster: Cluster, name: str, deadline: Deadline) -> str | Absent:
    handler = cluster.runtime_class(name, deadline)
    return Absent(f"there is no RuntimeClass {name}") if handler is None else handler


def _app(cluster: Cluster, place: str, deadline: Deadline) -> SpinApp | Absent:
    namespace, _, name = place.partition("/")
    app = cluster.spin_app(namespace, name, deadline)
    return Absent(f"there is no SpinApp {place}") if app is None else app
