"""The keeper's life: it answers its clients until its bench is to end, then ends it.

The owner is the client that started it; when that goes, the bench ends, unless it said to keep it. What is held,
and how it ends, is in `hil.keeper.holdings`.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hil.clock import Deadline
from hil.console.spec import BadPortSpec, from_json
from hil.errors import HilBug, HilError, InfrastructureError, UsageError
from hil.keeper.child import Command
from hil.keeper.connection import Connection, Request
from hil.keeper.holdings import Holdings
from hil.keeper.isolation import Isolation
from hil.keeper.journal import Entry, Journal
from hil.keeper.loop import Loop
from hil.keeper.protocol import JOURNAL_NAME, SOCKET_NAME
from hil.keeper.runtime import remove
from hil.keeper.sockets import listening_sockets

_FOREVER = Deadline.after(float("inf"))
_WHILE_ENDING = ("status", "end")
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# No descriptor is left: for this process, or for the host (accept(2)).
_FULL = (errno.EMFILE, errno.ENFILE)


class Server:
    """One keeper.

    Args:
        directory: its runtime folder, claimed already.
        isolation: how it is fenced in.
        owner: connected to the owning client.
        owner_process: a pidfd of that client, readable when it has ended (pidfd_open(2)).
    """

    def __init__(self, directory: Path, isolation: Isolation, owner: socket.socket, owner_process: int) -> None:
        self._directory = directory
        self._loop = Loop((signal.SIGCHLD, *_ENDING), self._signalled)
        self._holdings = Holdings(self._loop, isolation, self._child_ended)
        self._waiting: dict[str, list[Request]] = {}
        self._journal = Journal(directory / JOURNAL_NAME)
        self._keep = False
        self._ending = False
        self._last_requests: list[Request] = []
        self._connections: set[Connection] = set()
        self._listener = _listen(directory / SOCKET_NAME)
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._loop.watch(self._listener.fileno(), read=self._accept)
        self._owner = self._connect(owner)
        # A copy of the owner's socket in a forked process would hide its death; its pidfd has no copies.
        self._loop.watch(owner_process, read=lambda: self._owner_ended(owner_process))
        self._verbs: dict[str, Callable[[Request], None]] = {
            "listen": self._do_listen,
            "open_console": self._do_open_console,
            "spawn": self._do_spawn,
            "attach": self._do_attach,
            "listening": self._do_listening,
            "exit_status": self._do_exit_status,
            "wait_exit": self._do_wait_exit,
            "signal": self._do_signal,
            "policy": self._do_policy,
            "lock": self._do_lock,
            "hide": self._do_hide,
            "at_end": self._do_at_end,
            "status": self._do_status,
            "end": self._do_end,
        }

    def run(self) -> None:
        """Serve until the end, do what is to be done then, end everything, and remove the folder if all was done.

        A fault of its own is such an end, too: a port that was promised to be off is switched off first. The folder
        stays then, for its last words are in it.

        Raises:
            SystemExit: it ended by a fault of its own.
        """
        try:
            self._loop.run_until(lambda: self._ending, _FOREVER)
        except Exception:  # noqa: BLE001 - the border of the process
            import traceback

            # Before its clients notice: they look for its last words at once.
            traceback.print_exc()
            self._end(broken=True)
            sys.exit(1)
        self._end(broken=False)

    def _end(self, *, broken: bool) -> None:
        self._ending = True
        self._loop.watch(self._listener.fileno())
        undone = self._holdings.leave(self._journal.strike)
        self._holdings.close(in_order=not undone)
        if not (broken or self._journal.entries()):
            remove(self._directory)
        for request in self._last_requests:
            request.answer({"undone": undone})
        for connection in tuple(self._connections):
            connection.close()
        self._listener.close()
        os.close(self._spare)

    def _signalled(self, number: int) -> None:
        if number == signal.SIGCHLD:
            self._holdings.reap()
        elif number in _ENDING:
            self._ending = True

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:
            if error.errno not in _FULL:
                raise
            self._turn_away()
        else:
            self._connect(connection)

    def _turn_away(self) -> None:
        """Hang up on who connects while there is no descriptor left: to let him wait would wake this loop for ever."""
        os.close(self._spare)
        with suppress(OSError):
            self._listener.accept()[0].close()
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def _connect(self, connection: socket.socket) -> Connection:
        accepted = Connection(self._loop, connection, self._handle, self._gone)
        self._connections.add(accepted)
        return accepted

    def _gone(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if connection is self._owner and not self._keep:
            self._ending = True

    def _owner_ended(self, owner_process: int) -> None:
        self._loop.watch(owner_process)
        os.close(owner_process)
        self._ending = self._ending or not self._keep

    def _child_ended(self, name: str, status: int) -> None:
        for request in self._waiting.pop(name, []):
            request.answer(status)

    def _handle(self, request: Request) -> None:
        verb = self._verbs.get(request.verb)
        if verb is None:
            raise HilBug(f"the keeper does not know {request.verb!r}", hint="end old benches and try again")
        if self._ending and request.verb not in _WHILE_ENDING:
            raise InfrastructureError("the bench is being closed", hint="open it again")
        verb(request)

    def _do_listen(self, request: Request) -> None:
        self._holdings.listen(request.fields.text("key"), request.fields.text("path"))
        request.answer()

    def _do_open_console(self, request: Request) -> None:
        def done(error: HilError | None) -> None:
            if error is None:
                request.answer()
            else:
                request.fail(error)

        try:
            spec = from_json(request.fields.object("port"))
        except BadPortSpec as error:
            raise UsageError(str(error), hint="see hil.console.spec") from error
        record = request.fields.text_or_none("record")
        within = Deadline(request.fields.number_or_none("at_ns"), request.fields.number("within"))
        self._holdings.open_console(
            request.fields.text("name"),
            spec,
            None if record is None else Path(record),
            within,
            done,
            reopen=request.fields.flag("reopen"),
        )

    def _do_spawn(self, request: Request) -> None:
        fields = request.fields
        command = Command(
            argv=fields.texts("argv"),
            cwd=fields.text_or_none("cwd"),
            env=fields.table_or_none("env"),
            stop_order=fields.number("stop_order"),
            kill=fields.flag("kill"),
        )
        record = fields.text_or_none("record")
        pid = self._holdings.spawn(
            fields.text("name"), command, None if record is None else Path(record), fields.texts("fds")
        )
        request.answer({"pid": pid})

    def _do_attach(self, request: Request) -> None:
        stream = self._holdings.stream(request.fields.text("name"))
        start = request.fields.number_or_none("start")
        if start is not None and start < 0:
            raise UsageError(f"a stream has no byte {start}", hint="start at 0 or later")
        stream.attach(request.connection.detach({"id": request.number, "result": None}), start)

    def _do_listening(self, request: Request) -> None:
        request.answer(listening_sockets(self._holdings.child(request.fields.text("name")).pid))

    def _do_exit_status(self, request: Request) -> None:
        request.answer(self._holdings.child(request.fields.text("name")).returncode)

    def _do_wait_exit(self, request: Request) -> None:
        name = request.fields.text("name")
        status = self._holdings.child(name).returncode
        if status is not None:
            request.answer(status)
            return
        others = self._waiting.get(name, [])
        self._waiting[name] = [*(other for other in others if not other.connection.closed), request]

    def _do_signal(self, request: Request) -> None:
        self._holdings.child(request.fields.text("name")).signal(request.fields.number("number"))
        request.answer()

    def _do_policy(self, request: Request) -> None:
        self._keep = request.fields.flag("keep")
        request.answer()

    def _do_lock(self, request: Request) -> None:
        descriptor = request.connection.take_descriptor()
        try:
            path = Path(request.fields.text("path"))
        except BaseException:
            os.close(descriptor)
            raise
        self._holdings.lock(path, descriptor)
        request.answer()

    def _do_hide(self, request: Request) -> None:
        self._holdings.hide(request.fields.texts("secrets"))
        request.answer()

    def _do_at_end(self, request: Request) -> None:
        fields = request.fields
        name, argv, within = fields.text("name"), fields.texts("argv"), fields.number("within_ms") / 1000
        self._journal.append(Entry(fields.text("kind"), name, fields.object("data")))
        self._holdings.at_end(name, argv, within)
        request.answer()

    def _do_status(self, request: Request) -> None:
        request.answer({"policy": "keep" if self._keep else "close", **self._holdings.status()})

    def _do_end(self, request: Request) -> None:
        self._ending = True
        self._last_requests.append(request)


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    listener.bind(str(path))
    os.umask(mask)
    listener.listen()
    listener.setblocking(False)
    return listener
