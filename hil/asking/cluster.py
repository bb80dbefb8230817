"""The cluster of one node, asked with a kubeconfig of the user's or with the one that Talos on the node hands out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hil.asking.surroundings import KUBERNETES_PORT, Door
from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.readiness.kubernetes.access import KubernetesAccess, from_file, from_talos
from hil.readiness.kubernetes.api import KubernetesApi

if TYPE_CHECKING:
    from hil.readiness.talos.api import TalosApi


class Cluster:
    """One node's cluster, from its making to its close.

    Args:
        door: leads to the node's ports.
        talos: the API of Talos on it while that answers, else None; called in other threads.
        kubeconfig: the user's; None for that of Talos, which is asked for once and kept in memory alone.
        context: which of its contexts; None for its own choice.
    """

    def __init__(
        self, door: Door, talos: Callable[[], TalosApi | None], kubeconfig: Path | None, context: str | None
    ) -> None:
        self._door = door
        self._talos = talos
        self._kubeconfig = kubeconfig
        self._context = context
        self._lock = threading.Lock()
        self._handed_out: bytes | None = None
        self.api = KubernetesApi(self._access)

    def close(self) -> None:
        """Close its connections."""
        self.api.close()

    def _access(self, deadline: Deadline) -> KubernetesAccess:
        if self._kubeconfig is not None:
            return from_file(self._kubeconfig, self._context)
        return from_talos(self._of_talos(deadline), *self._door(KUBERNETES_PORT, deadline))

    def _of_talos(self, deadline: Deadline) -> bytes:
        with self._lock:
            if self._handed_out is None:
                talos = self._talos()
                if talos is None:
                    raise InfrastructureError(
                        "Talos, which hands out the kubeconfig, has not answered yet",
                        hint="wait, or give the node a kubeconfig: `kubernetes: {kubeconfig: FILE}`",
                    )
                self._handed_out = talos.kubeconfig(deadline)
            return self._handed_out
