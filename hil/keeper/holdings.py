"""What a keeper holds: streams, consoles, children, listening sockets, locks; and how all of it ends.

Requests are turned into calls of this by `hil.keeper.server`.
"""

from __future__ import annotations

import json
import math
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from hil.clock import Deadline, now_ns
from hil.console.spec import PortSpec
from hil.errors import HilError, InfrastructureError, UsageError
from hil.keeper.child import Child, Command
from hil.keeper.console import Console
from hil.keeper.isolation import Isolation, die_with_parent
from hil.keeper.loop import Loop
from hil.keeper.runtime import MAX_SOCKET_PATH
from hil.keeper.stream import Stream
from hil.locks import Lock
from hil.redaction.redactor import Redactor

EVENTS = "keeper"
"""Name of the stream of the keeper's own events, a JSON line each."""

_STOP_SECONDS = 1.2
_KILL_SECONDS = 0.4
_READ_SECONDS = 0.2


def leave_name(name: str) -> str:
    """The keeper's name for a program of the end, and of its stream."""
    return f"leave:{name}"


class Holdings:
    """Owns everything a bench needs to be alive.

    Args:
        loop: serves it.
        isolation: how the keeper itself is fenced in.
        on_exit: told a child's name and exit status when it has ended.
    """

    def __init__(self, loop: Loop, isolation: Isolation, on_exit: Callable[[str, int], None]) -> None:
        self._loop = loop
        self._isolation = isolation
        self._on_exit = on_exit
        self._streams: dict[str, Stream] = {}
        self._consoles: dict[str, Console] = {}
        self._children: dict[str, Child] = {}
        self._listeners: dict[str, socket.socket] = {}
        self._locks: dict[str, Lock] = {}
        self._leaves: dict[str, tuple[Sequence[str], float]] = {}
        self._secrets: set[str] = set()
        self._redactor = Redactor(())
        self._stream(EVENTS, None).begin(None)

    def listen(self, key: str, path: str) -> None:
        """Hold a listening unix socket at `path` until a child takes it by `key`."""
        if len(os.fsencode(path)) > MAX_SOCKET_PATH:
            raise UsageError(f"{path} is too long for a unix socket", hint=f"use at most {MAX_SOCKET_PATH} bytes")
        with suppress(FileNotFoundError):
            if Path(path).is_socket():
                Path(path).unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            listener.bind(path)
            listener.listen()
        except OSError as error:
            listener.close()
            raise InfrastructureError(
                f"a socket at {path} cannot be made: {error.strerror}", hint="see that its folder exists"
            ) from error
        finally:
            os.umask(mask)
        old = self._listeners.pop(key, None)
        if old is not None:
            old.close()
        self._listeners[key] = listener

    def open_console(
        self,
        name: str,
        spec: PortSpec,
        record: Path | None,
        deadline: Deadline,
        done: Callable[[HilError | None], None],
        *,
        reopen: bool = False,
    ) -> None:
        """Open a port and read it from now on, if `reopen` again and again; `done` is told None or why not."""
        if name in self._children or name == EVENTS:
            raise UsageError(f"{name} is a process, not a console", hint="give the console another name")
        console = self._consoles.get(name)
        if console is None:
            console = self._consoles[name] = Console(
                self._loop, self._stream(name, record), lambda event, why: self.note(event, name, {"why": why})
            )
        else:
            # What the port before said last belongs to the recording before.
            console.drain()
            console.close()
            self._stream(name, record)
        console.open(spec, deadline, done, reopen=reopen)

    def spawn(self, name: str, command: Command, record: Path | None, keys: Sequence[str]) -> int:
        """Start a child; its pid."""
        if name in self._consoles or name == EVENTS:
            raise UsageError(f"{name} is a console, not a process", hint="give the process another name")
        if name in self._children and self._children[name].returncode is None:
            raise UsageError(f"the process {name} runs already", hint="end it first, or give another name")
        missing = [key for key in keys if key not in self._listeners]
        if missing:
            raise UsageError(f"no socket is held for {', '.join(missing)}", hint="call listen() first")
        argv = list(command.argv)
        for key in keys:
            number = str(self._listeners[key].fileno())
            argv = [item.replace(f"{{fd:{key}}}", number) for item in argv]
        descriptors = [self._listeners[key].fileno() for key in keys]
        descriptors += [lock.fileno() for lock in self._locks.values()]
        child = Child(
            self._loop,
            self._stream(name, record),
            Command(argv, command.cwd, command.env, command.stop_order, command.kill),
            die_with_parent() if self._isolation.death_signal else None,
            descriptors,
        )
        self._children[name] = child
        for key in keys:
            # Our copy would keep the socket connectable after the child's death.
            self._listeners.pop(key).close()
        return child.pid

    def stream(self, name: str) -> Stream:
        """The stream of that name."""
        if name not in self._streams:
            raise UsageError(
                f"there is no stream {name}; there are: {', '.join(sorted(self._streams))}",
                hint="name one of these",
            )
        return self._streams[name]

    def child(self, name: str) -> Child:
        """The child of that name."""
        if name not in self._children:
            raise UsageError(
                f"there is no process {name}; there are: {', '.join(sorted(self._children)) or 'none'}",
                hint="name one of these",
            )
        return self._children[name]

    def hide(self, secrets: Sequence[str]) -> None:
        """Take these out of each stream too, of those that there are and of those to come."""
        self._secrets.update(secrets)
        self._redactor = Redactor(self._secrets)
        for stream in self._streams.values():
            stream.hide(self._redactor)

    def lock(self, path: Path, descriptor: int) -> None:
        """Hold a lock that a client has taken and passed on."""
        self._locks[str(path)] = Lock.taken_over(path, descriptor)

    def at_end(self, name: str, argv: Sequence[str], within: float) -> None:
        """Run a program at the end, before anything is ended; for so many seconds at most."""
        self._leaves[name] = (argv, within)

    def leave(self, done: Callable[[str], None]) -> dict[str, str]:
        """Run the programs of the end, all at once, while consoles are still read.

        Args:
            done: told the name of each that exited with 0.

        Returns:
            what each of the others said last, by name.
        """
        undone: dict[str, str] = {}
        limits = {name: Deadline.after(within) for name, (_, within) in self._leaves.items()}
        for name, (argv, _) in self._leaves.items():
            try:
                self.spawn(leave_name(name), Command(argv, None, None, 0, True), None, ())
            except HilError as error:
                undone[name] = error.message
        for name, limit in limits.items():
            if name in undone:
                continue
            child = self._children[leave_name(name)]
            self._await_end([child], limit)
            if child.returncode == 0:
                done(name)
            else:
                said = self._streams[leave_name(name)].last_words()
                undone[name] = said or f"it had not ended within {limit}"
        return undone

    def reap(self) -> None:
        """Take the exit status of each process that has ended, orphans too when we are an init."""
        names = {child.pid: name for name, child in self._children.items() if child.returncode is None}
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            name = names.pop(ended.si_pid, None)
            if name is None:
                os.waitpid(ended.si_pid, 0)
                continue
            child = self._children[name]
            child.reap()
            self.note("exit", name, {"exit_status": child.returncode})
            self._on_exit(name, child.returncode or 0)

    def note(self, event: str, name: str, more: Mapping[str, object]) -> None:
        """Say something on the stream of events."""
        line = json.dumps({"event": event, "name": name, "at_ns": now_ns(), **more}).encode()
        self._streams[EVENTS].arrived(line + b"\n")

    def status(self) -> dict[str, object]:
        """All that there is, for people and machines."""
        return {
            "isolation": self._isolation.name,
            "children": {name: child.status() for name, child in self._children.items()},
            "streams": {name: stream.status() for name, stream in self._streams.items()},
            "sockets": sorted(self._listeners),
            "end_seconds": math.ceil(max((within for _, within in self._leaves.values()), default=0.0)),
            "locks": sorted(self._locks),
        }

    def close(self, *, in_order: bool = True) -> None:
        """End it all: children in their order, then consoles, streams and locks; less than two seconds.

        Args:
            in_order: whether what the locks stand for is as it is to be left. If not, they keep the name of this
                holder, as if it had died with them, and so does the next one hear of it.
        """
        terms = Deadline.after(_STOP_SECONDS)
        for order in sorted({child.command.stop_order for child in self._children.values()}):
            group = [child for child in self._children.values() if child.command.stop_order == order]
            for child in group:
                child.signal(signal.SIGKILL if child.command.kill else signal.SIGTERM, group=True)
            self._await_end(group, terms)
            for child in group:
                child.signal(signal.SIGKILL, group=True)
            self._await_end(group, Deadline.after(_KILL_SECONDS))
        for console in self._consoles.values():
            console.drain()
            console.close()
        lagging = self._streams.values()
        self._loop.run_until(lambda: not any(stream.lagging for stream in lagging), Deadline.after(_READ_SECONDS))
        for stream in self._streams.values():
            stream.close()
        for listener in self._listeners.values():
            listener.close()
        if in_order:
            for lock in self._locks.values():
                lock.release()

    def _await_end(self, group: Sequence[Child], deadline: Deadline) -> None:
        self.reap()
        self._loop.run_until(lambda: all(child.returncode is not None for child in group), deadline)

    def _stream(self, name: str, record: Path | None) -> Stream:
        if name not in self._streams:
            self._streams[name] = Stream(
                self._loop,
                name,
                record,
                self._redactor,
                lambda problem: self.note("recording-error", name, {"message": problem}),
            )
        else:
            self._streams[name].record_in(record)
        return self._streams[name]
