"""Joins one connection of a guest, the socket on standard input, to the TCP address HOST PORT or a unix socket PATH.

QEMU runs it once for each connection to a forwarded address (qemu(1), "guestfwd=...-cmd:"), with a socket
as its descriptors 0, 1 and 2; so it is a plain script, imports next to nothing, and never writes a word to
descriptor 2. It ends when both sides have ended, each side's end of file passed on as it comes. Exit
status: 0, or 1 when the service cannot be reached or the connection breaks.
"""

import os
import select
import sys
from _socket import AF_INET, AF_INET6, AF_UNIX, SHUT_WR, SOCK_STREAM, socket

_PIECE = 1 << 18
_CONNECT_SECONDS = 5.0


class _Direction:
    """Bytes on their way from one descriptor to another, at most one piece of them."""

    def __init__(self, source: int, target: int, finish: "socket") -> None:
        self.source = source
        self.target = target
        self.finish = finish
        self.waiting = b""
        self.open = True

    def step(self, readable: bool, writable: bool) -> None:
        """Move what can be moved without waiting."""
        if self.waiting and writable:
            self.waiting = self.waiting[os.write(self.target, self.waiting) :]
        elif readable and not self.waiting:
            data = os.read(self.source, _PIECE)
            if data:
                self.waiting = data[_written(self.target, data) :]
            else:
                self.finish.shutdown(SHUT_WR)
                self.open = False


def _written(target: int, data: bytes) -> int:
    try:
        return os.write(target, data)
    except BlockingIOError:
        return 0


def _pump(guest: "socket", service: "socket") -> None:
    directions = (
        _Direction(guest.fileno(), service.fileno(), service),
        _Direction(service.fileno(), guest.fileno(), guest),
    )
    for end in (guest, service):
        end.setblocking(False)
    while any(direction.open for direction in directions):
        sources = [d.source for d in directions if d.open and not d.waiting]
        targets = [d.target for d in directions if d.open and d.waiting]
        readable, writable, _ = select.select(sources, targets, [])
        for direction in directions:
            if direction.open:
                direction.step(direction.source in readable, direction.target in writable)


def _tcp(host: str, port: int) -> "tuple[int, str | tuple[str, int]]":
    return AF_INET6 if ":" in host else AF_INET, (host, port)


def main(words: "list[str]") -> int:
    """Join descriptor 0, a connected socket, to HOST PORT or to PATH, as `words` say, until both have ended."""
    family, address = _tcp(words[0], int(words[1])) if len(words) > 1 else (AF_UNIX, words[0])
    service = socket(family, SOCK_STREAM)
    service.settimeout(_CONNECT_SECONDS)
    try:
        service.connect(address)
        _pump(socket(fileno=0), service)
    except OSError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
