"""What stands around a node that `hil check` asks: its tailnet, its cluster, the ways to its ports. Asks nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.clock import Deadline
from hil.errors import UsageError

if TYPE_CHECKING:
    from hil.joining import InTailnet
    from hil.readiness.rounds import Missing

API_KEY: Final = "HEADSCALE_API_KEY"
"""The environment variable with the API key of the headscale that `--control` names."""

HOST_PEER: Final = Path("/var/run/tailscale/tailscaled.sock")
"""Where a host's own tailscaled has its LocalAPI (tailscale, paths/paths.go, DefaultTailscaledSocket)."""


@dataclass(frozen=True, slots=True)
class Around:
    """How what stands around a node is asked.

    Args:
        kubeconfig: opens its cluster; None for the one that Talos hands out.
        kube_context: which of its contexts; None for its own choice.
        control: the URL of a headscale, whose API key is in the environment; None for none.
        peer: the LocalAPI socket of a tailscaled in the tailnet; None for this host's own, if it has one.
        bench: the private folder of the bench that the node is of; None for a node of no bench.
        networks: of its cluster, as far as a bench knows them.
        doors: where ports of the machine are reached; others are reached at its own address.
    """

    kubeconfig: Path | None = None
    kube_context: str | None = None
    control: str | None = None
    peer: Path | None = None
    bench: Path | None = None
    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    doors: Mapping[int, tuple[str, int]] = field(default_factory=dict)

    def in_tailnet(self) -> InTailnet | Missing:
        """Who in the node's tailnet can be asked.

        Raises:
            UsageError: the headscale's address is none, or no key of its API is in the environment.
        """
        from hil.joining import in_tailnet, is_api_key, is_server, read_tailnet
        from hil.services.tailnet.headscale_api import HeadscaleApi
        from hil.services.tailnet.http_access import Access

        if self.bench is not None and self.control is None and self.peer is None:
            return read_tailnet(self.bench)
        peer = self.peer or (HOST_PEER if HOST_PEER.exists() else None)
        if self.control is None:
            return in_tailnet("", None, peer)
        if not is_server(self.control):
            raise UsageError(
                f"--control: {self.control[:80]!r} is not the address of a control server",
                hint="write it like https://headscale.example:443",
            )
        key = os.environ.get(API_KEY, "").strip()
        if not is_api_key(key):
            raise UsageError(
                f"--control names a headscale, and ${API_KEY} has no key of its API",
                hint=f"make one by `headscale apikeys create`, and set {API_KEY}",
            )
        return in_tailnet(self.control, HeadscaleApi(Access(self.control), key), peer)

    def must_open(self) -> None:
        """See that the kubeconfig, where one is named, can open a cluster; asks none.

        Raises:
            ConfigError: it cannot be read, or has no such context.
        """
        if self.kubeconfig is not None:
            from hil.readiness.kubernetes.access import from_file, parse

            parse(from_file(self.kubeconfig, self.kube_context))

    def door(self, host: str, port: int, deadline: Deadline) -> tuple[str, int]:
        """Where a port of a machine at an address is reached."""
        del deadline  # nothing here waits
        return self.doors.get(port, (host, port))
