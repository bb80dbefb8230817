"""A tailscaled asked by its LocalAPI, over its unix socket: what it knows, and whether a node of its tailnet answers.

The paths are those of tailscale v1.102.3, ipn/localapi/localapi.go; what it lets root and its own user ask needs no
password on Linux (ipn/ipnauth).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, TypeAlias
from urllib.parse import urlencode

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.services.tailnet.exchange import Answer, exchange, unix
from hil.services.tailnet.status import NoPong, Pong, TailscaleStatus, read_ping, read_status

PingKind: TypeAlias = Literal["disco", "TSMP"]
"""How to ping (tailcfg/tailcfg.go, PingType). A disco ping tests the path between the two tailscaleds and tells which
that was; TSMP goes through WireGuard and tells nothing of the path."""

# The one name that is accepted, as that of a web page would be another (ipn/localapi/localapi.go, validHost).
_HOST: Final = "local-tailscaled.sock"


class LocalApi:
    """Asks one tailscaled; a connection for each question.

    Args:
        socket: its unix socket. It works across network namespaces, as it is found by its path.
    """

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def status(self, deadline: Deadline) -> TailscaleStatus:
        """What it knows of itself and of its tailnet.

        Raises:
            InfrastructureError: it does not answer in time, or not as a tailscaled does.
        """
        answer = self._ask("GET", "/localapi/v0/status", deadline)
        try:
            return read_status(answer.body)
        except ValueError as error:
            raise self._garbage("status", error) from error

    def ping(self, address: str, deadline: Deadline, kind: PingKind = "disco") -> Pong | NoPong:
        """Ping a node of the tailnet, and wait until that comes back or time is up.

        Args:
            address: one of its addresses in the tailnet.
            deadline: tailscaled itself waits without end for a pong, and stops when the connection ends.
            kind: how.

        Raises:
            InfrastructureError: tailscaled cannot be asked; a pong that does not come is no error.
        """
        target = "/localapi/v0/ping?" + urlencode({"ip": address, "type": kind})
        try:
            answer = self._ask("POST", target, deadline)
        except _TooLate:
            return NoPong(f"no pong within {deadline}", sent=True)
        try:
            return read_ping(answer.body)
        except ValueError as error:
            raise self._garbage("ping", error) from error

    def _ask(self, method: str, target: str, deadline: Deadline) -> Answer:
        try:
            answer = exchange(unix(self.socket), method, target, _HOST, deadline)
        except TimeoutError as error:
            raise _TooLate(
                f"tailscaled at {self.socket} gave no answer within {deadline}",
                hint="see whether it hangs, and read its log",
            ) from error
        except OSError as error:
            raise InfrastructureError(
                f"tailscaled at {self.socket} cannot be asked: {error.strerror or error}",
                hint="see whether tailscaled runs, and whether this user may open its socket",
            ) from error
        if answer.status != 200:
            raise InfrastructureError(
                f"tailscaled at {self.socket} answers {answer.status}: {answer.words}",
                hint="give the socket of a tailscaled that this user may ask (`tailscale set --operator=USER`)",
            )
        return answer

    def _garbage(self, what: str, error: ValueError) -> InfrastructureError:
        return InfrastructureError(
            f"what answers at {self.socket} gives no {what} of tailscaled: {error}",
            hint="give the LocalAPI socket of a tailscaled, as /var/run/tailscale/tailscaled.sock",
        )


class _TooLate(InfrastructureError):
    """No answer in time."""
