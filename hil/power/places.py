"""Where the name of a device on the network leads, looked up within a deadline. Connects to nothing."""

from __future__ import annotations

import queue
import socket
import threading
from dataclasses import dataclass
from typing import Final, TypeAlias

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.power.port import PortAbsent

_NOT_THERE: Final = "see whether the rig file's `at:` is its name, and whether this host can look names up"

Address: TypeAlias = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
"""As `socket` has it, of IPv4 and IPv6."""


@dataclass(frozen=True, slots=True)
class Place:
    """One address where a device may listen.

    Args:
        family: of the socket.
        protocol: of the socket.
        address: for `connect`.
    """

    family: socket.AddressFamily
    protocol: int
    address: Address


def places(at: HostPort, kind: socket.SocketKind, what: str, *, deadline: Deadline) -> list[Place]:
    """All addresses of a name, the best first (getaddrinfo(3)).

    Args:
        at: an address or a name, and the port.
        kind: SOCK_STREAM or SOCK_DGRAM.
        what: what a person calls the device, for messages.
        deadline: by when; an address needs no time.

    Raises:
        PortAbsent: it has no address, or the look-up has not ended by then.
    """
    try:
        return _look_up(at, kind, socket.AI_NUMERICHOST)
    except OSError:
        pass
    answer: queue.SimpleQueue[list[Place] | OSError] = queue.SimpleQueue()

    def look() -> None:
        try:
            answer.put(_look_up(at, kind, 0))
        except OSError as error:
            answer.put(error)

    # A look-up cannot be ended from outside; one that is given up ends with the resolver's own time limit.
    threading.Thread(target=look, name=f"looking up {at.host}", daemon=True).start()
    try:
        found = answer.get(timeout=deadline.remaining())
    except queue.Empty:
        raise PortAbsent(f"{what}: {at.host!r} could not be looked up within {deadline}", hint=_NOT_THERE) from None
    if isinstance(found, OSError):
        raise PortAbsent(f"{what}: no address is known for {at.host!r}: {found.strerror}", hint=_NOT_THERE)
    return found


def _look_up(at: HostPort, kind: socket.SocketKind, flags: int) -> list[Place]:
    found = socket.getaddrinfo(at.host, at.port, type=kind, flags=flags)
    return [Place(family, protocol, address) for family, _, protocol, _, address in found]
