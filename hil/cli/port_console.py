"""`hil console PORT`: this terminal on a serial line, or a serial server's port, that no bench has open.

It takes the same lock as a bench that uses it, so that each byte has one reader. Records nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
from collections.abc import Iterator

from hil.cli.console import LEAVE, write_all
from hil.clock import Deadline
from hil.config.model import HostPort
from hil.config.things import Thing, device, endpoint
from hil.console.port import Port, PortClosed, PortSpec, PtyPort, SerialPort, TcpPort, open_port
from hil.locks import Lock
from hil.taking import lock_folder, take

_PTY = re.compile(r"/dev/pts/[0-9]+")


def port_of(target: str, baud: int) -> tuple[PortSpec, Thing] | None:
    """The port that a target names, and what is locked for it; None for one that names a bench or a node.

    Args:
        target: the path of a device, or HOST:PORT of a server that speaks raw TCP.
        baud: of a serial line, bits per second.
    """
    if target.startswith("/"):
        thing = device(target)
        return (PtyPort(target) if _PTY.fullmatch(thing.name) else SerialPort(target, baud)), thing
    try:
        at = HostPort.parse(target)
    except ValueError:
        return None
    return TcpPort(at.host, at.port), endpoint(at)


@contextlib.contextmanager
def held_port(spec: PortSpec, thing: Thing, within: Deadline) -> Iterator[Port]:
    """The port, open and locked for the length of a block.

    Raises:
        Busy: a bench, or another terminal, has it.
        InfrastructureError: it cannot be opened.
    """
    lock = Lock(lock_folder() / thing.file_name, what="hil console", shared=True)
    take(lock, thing.name)
    try:
        with contextlib.closing(open_port(spec, within=within)) as port:
            yield port
    finally:
        lock.release()


def talk(port: Port, source: int | None, sink: int, *, read_only: bool) -> None:
    """Copy what a port says to `sink` and keys from `source` to it, until Ctrl-] or the end of either.

    Args:
        port: open.
        source: a descriptor to take keys from, or None.
        sink: a descriptor to write to.
        read_only: whether keys other than Ctrl-] are dropped.
    """
    unsent = b""
    while True:
        inputs = [port.fileno()] + ([] if source is None or unsent else [source])
        ready, writable, _ = select.select(inputs, [port.fileno()] if unsent else [], [])
        try:
            if writable:
                unsent = unsent[port.write(unsent) :]
            if source in ready:
                keys, leave, _ = os.read(source, 4096).partition(LEAVE)
                if keys and not read_only:
                    unsent = keys[port.write(keys) :]
                if leave or not keys:
                    return
            if port.fileno() in ready:
                write_all(sink, port.read(1 << 16))
        except (PortClosed, BrokenPipeError):
            return
