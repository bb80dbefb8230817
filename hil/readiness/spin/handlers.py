"""Which runtime handlers a node's containerd has: by its cluster, or else by containerd's configuration on the node.

The kubelet asks containerd itself and writes the answer into its Node, so the cluster's word comes first. A node that
is in no cluster yet has the file that Talos's extension brings.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hil.clock import Deadline
from hil.errors import HilError
from hil.readiness.rounds import Missing
from hil.readiness.spin.sources import Cluster

PART: Final = "/etc/cri/conf.d/10-spin.part"
"""What Talos's extension adds to containerd's configuration (siderolabs/extensions, container-runtime/spin)."""

KUBERNETES: Final = "kubernetes"
API: Final = "api"

# containerd, docs/cri/config.md: the plugin's name since 2.0, and before.
_PLUGINS: Final = ("io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri")
# What Linux calls ENOENT (errno(3)); Talos hands it on.
_NO_FILE: Final = "no such file or directory"


@dataclass(frozen=True, slots=True)
class Handlers:
    """The runtime handlers of one node.

    Args:
        names: without containerd's default one, which has none.
        source: who said so.
        note: what else is to be said of it, or "".
    """

    names: tuple[str, ...]
    source: str
    note: str = ""

    @property
    def words(self) -> str:
        """Their names, as a person reads them."""
        return ", ".join(self.names) or self.note or "none"


def ask_handlers(
    node: str,
    cluster: Cluster | Missing,
    read: Callable[[str, Deadline], bytes] | Missing,
    deadline: Deadline,
) -> Handlers | Missing:
    """Ask the cluster, and where it does not say, the node.

    Args:
        node: as the cluster calls it.
        cluster, read: as in `SpinSources`.
        deadline: of all of it.

    Returns:
        the handlers, or why neither told them.
    """
    told = _by_cluster(node, cluster, deadline)
    if isinstance(told, Handlers):
        return told
    own = _by_node(read, deadline)
    if isinstance(own, Handlers) or isinstance(cluster, Missing):
        return own
    return Missing(f"{told.reason}; {own.reason}", told.hint or own.hint)


def parse_part(data: bytes) -> tuple[str, ...]:
    """The runtime handlers in a file of containerd's configuration.

    Raises:
        ValueError: it is no TOML, or has no table of runtimes where containerd looks for it.
    """
    try:
        document: object = tomllib.loads(data.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    names = [name for plugin in _PLUGINS for name in _runtimes(document, plugin)]
    if not names:
        raise ValueError("no runtime is in it")
    return tuple(dict.fromkeys(names))


def _runtimes(document: object, plugin: str) -> list[str]:
    found = document
    for key in ("plugins", plugin, "containerd", "runtimes"):
        found = found.get(key) if isinstance(found, dict) else None
    return [str(name) for name in found] if isinstance(found, dict) else []


def _by_cluster(node: str, cluster: Cluster | Missing, deadline: Deadline) -> Handlers | Missing:
    if isinstance(cluster, Missing):
        return cluster
    try:
        names = cluster.handlers(node, deadline)
    except HilError as error:
        return Missing.of(error)
    if names is None:
        return Missing(f"Kubernetes does not say which handlers {node} has")
    return Handlers(tuple(name for name in names if name), KUBERNETES)


def _by_node(read: Callable[[str, Deadline], bytes] | Missing, deadline: Deadline) -> Handlers | Missing:
    if isinstance(read, Missing):
        return read
    try:
        data = read(PART, deadline)
    except HilError as error:
        if _NO_FILE in error.message:
            return Handlers((), API, f"none: there is no {PART}")
        return Missing.of(error)
    try:
        return Handlers(parse_part(data), API)
    except ValueError as error:
        return Handlers((), API, f"none: {PART}: {' '.join(str(error).split())}")
