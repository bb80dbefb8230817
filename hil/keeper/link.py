"""A client's end of one connection to the keeper: a request out, its answer back, in step.

What may be asked is `hil.keeper.client`'s.
"""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.keeper import protocol

_SEND_SECONDS = 5.0


class LinkLost(Exception):
    """The keeper hung up. Never shown to a user as it is."""


class Link:
    """A connected socket, which it owns; for any number of threads, one request at a time.

    Args:
        connection: to the keeper.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._heard = bytearray()
        self._number = 0
        self._lock = threading.Lock()

    @classmethod
    def connect(cls, directory: Path, deadline: Deadline) -> Link:
        """A new connection to the keeper in `directory`.

        Raises:
            LinkLost: nobody listens there.
        """
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(deadline.remaining())
            connection.connect(str(directory / protocol.SOCKET_NAME))
        except OSError as error:
            connection.close()
            raise LinkLost(error.strerror) from error
        return cls(connection)

    def ask(
        self, verb: str, fields: dict[str, object], deadline: Deadline, *, descriptor: int | None = None
    ) -> object:
        """Send one request and return its result.

        Args:
            verb: what to do.
            fields: with what.
            deadline: for the answer.
            descriptor: goes along (SCM_RIGHTS in unix(7)); ours stays open.

        Raises:
            HilError: the keeper refused it.
            LinkLost: the keeper hung up.
            InfrastructureError: no answer by the deadline.
        """
        with self._lock:
            self._number += 1
            try:
                self._socket.settimeout(deadline.sooner(_SEND_SECONDS).remaining() or _SEND_SECONDS)
                request = protocol.encode({"id": self._number, "do": verb, **fields})
                if descriptor is not None:
                    request = request[socket.send_fds(self._socket, [request], [descriptor]) :]
                self._socket.sendall(request)
                while True:
                    answer = protocol.decode(self._line(deadline))
                    # A request that an interrupt cut short may have left its answer behind.
                    if answer.get("id") == self._number:
                        break
            except TimeoutError as error:
                raise InfrastructureError(
                    f"the keeper did not answer {verb!r} within {deadline}",
                    hint="see whether this host is out of memory or its disk hangs",
                ) from error
            except (OSError, protocol.BadMessage) as error:
                raise LinkLost(str(error)) from error
        if "error" in answer:
            raise protocol.error_from_json(answer["error"])
        return answer.get("result")

    def peer_pid(self) -> int:
        """The keeper's process, as this process sees it (SO_PEERCRED in unix(7)); for connections of `connect`."""
        credentials = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        pid: int = struct.unpack("3i", credentials)[0]
        return pid

    def take(self) -> socket.socket:
        """The socket itself, for other uses; the link is over."""
        return socket.socket(fileno=self._socket.detach())

    def close(self) -> None:
        """Hang up; more than once does no harm."""
        self._socket.close()

    def _line(self, deadline: Deadline) -> bytes:
        # One byte more than the line would belong to a feed: peek, then take no more than the line.
        while True:
            remaining = deadline.remaining()
            if remaining == 0.0:  # which settimeout() would take for "do not block"
                raise TimeoutError
            self._socket.settimeout(remaining)
            seen = self._socket.recv(1 << 16, socket.MSG_PEEK)
            if not seen:
                raise ConnectionResetError("end of stream")
            end = seen.find(b"\n") + 1
            self._heard += self._socket.recv(end or len(seen))
            if end:
                line, self._heard = bytes(self._heard), bytearray()
                return line
