"""Whom a probe of Spin asks; each may be missing, with the reason. Asks nobody itself, and judges nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hil.clock import Deadline
from hil.readiness.condition import Condition
from hil.readiness.kubernetes.facts import SpinApp
from hil.readiness.rounds import Missing

if TYPE_CHECKING:
    from hil.config.expect.spin import SpinExpect


class Cluster(Protocol):
    """A cluster's API, as far as it is asked; `hil.readiness.kubernetes.api.KubernetesApi` is one.

    Each call raises a HilError where the cluster cannot be asked.
    """

    def handlers(self, node: str, deadline: Deadline) -> tuple[str, ...] | None:
        """The runtime handlers of a node, by its Node.status.runtimeHandlers; None where it says none."""
        ...

    def runtime_class(self, name: str, deadline: Deadline) -> str | None:
        """The handler of a RuntimeClass; None when there is no such class."""
        ...

    def spin_app(self, namespace: str, name: str, deadline: Deadline) -> SpinApp | None:
        """A SpinApp; None when there is no such application; raises NoSuchKind without spin-operator."""
        ...


@dataclass(frozen=True, slots=True)
class SpinSources:
    """Whom to ask.

    Args:
        extension: the condition that an extension of this name is there in this version ("any" for any), by what
            Talos was asked after a moment (ns of the one clock), as `TalosProbe.look_for` judges it; it waits for
            nothing.
        started: when the service came to run that serves, ns of the one clock; None where that is not known, and then
            no cold start is told. It waits for nothing.
        read: a file of the node by its path, as `TalosApi.read` gives it to administrators.
        cluster: the cluster that the node is in.
        reach: where a TCP port of the node is reached now, as host and port.
        node: what the cluster calls the node; "" where that is what the rig calls it.
        ask_talos: has Talos asked anew at once, where it is asked; it waits for nothing.
    """

    extension: Callable[[str, str, int], Condition] | Missing
    started: Callable[[], int | None] | Missing
    read: Callable[[str, Deadline], bytes] | Missing
    cluster: Cluster | Missing
    reach: Callable[[int, Deadline], tuple[str, int]] | Missing
    node: str = ""
    ask_talos: Callable[[], None] = lambda: None

    def never(self, expect: SpinExpect) -> tuple[Missing, ...]:
        """Those that are missing, so that what is expected and only they can tell stays unknown."""
        needed: list[object] = []
        if expect.extension is not None:
            needed.append(self.extension)
        if expect.handler is not None and isinstance(self.cluster, Missing):
            needed.append(self.read)
        if expect.runtime_class is not None or expect.app is not None:
            needed.append(self.cluster)
        if expect.serves is not None:
            needed.append(self.reach)
        return tuple(source for source in needed if isinstance(source, Missing))
