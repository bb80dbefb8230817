"""How the API of Talos on one node is reached, at one moment. Reaches nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.readiness.talos.tls import check_fingerprint

if TYPE_CHECKING:
    from hil.readiness.talos.talosconfig import TalosConfigContext


@dataclass(frozen=True, slots=True)
class Access:
    """Where the API is and what opens it.

    Args:
        host: an address or a name, of the node or of a door to it.
        port: of TCP.
        talosconfig: what opens a node that has its configuration; None to ask as one asks a node in maintenance mode,
            without a client certificate.
        fingerprint: of the key that a node in maintenance mode must show, as its console says it; None takes any key,
            and then nothing proves which node answers.
        forwarded: whether `host` is a door (a forwarded port) and not the node's own address. Behind a door the
            certificate cannot name the address, so its name is not compared; its CA always is.

    Raises:
        UsageError: the fingerprint cannot be one.
    """

    host: str
    port: int
    talosconfig: TalosConfigContext | None = None
    fingerprint: str | None = None
    forwarded: bool = False

    def __post_init__(self) -> None:
        if self.fingerprint is not None:
            check_fingerprint(self.fingerprint)

    @property
    def place(self) -> str:
        """Host and port, for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"
