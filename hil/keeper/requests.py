"""What may be asked of a keeper, as methods: to hold sockets, consoles, children, locks; to tell what they say.

Every call is synchronous and may be made from any thread. How a keeper starts and ends is in `hil.keeper.client`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hil.clock import Deadline
from hil.console.spec import PortSpec, SerialPort
from hil.errors import HilBug, InfrastructureError
from hil.keeper import protocol
from hil.keeper.feed import SocketFeed
from hil.keeper.journal import Entry
from hil.keeper.launch import last_words
from hil.keeper.link import Link, LinkLost
from hil.keeper.status import StreamStatus
from hil.locks import Lock
from hil.redaction import HIDDEN

_ANSWER_SECONDS = 10.0


class Requests:
    """A connection to one keeper.

    Args:
        directory: the keeper's.
        link: the connection, owned from here.
    """

    def __init__(self, directory: Path, link: Link) -> None:
        self.directory = directory
        self._link = link
        self._closed = False

    @property
    def pid(self) -> int:
        """The keeper's process, as this process sees it.

        Raises:
            InfrastructureError: it has ended.
        """
        link = self._new_link(Deadline.after(_ANSWER_SECONDS))
        try:
            return link.peer_pid()
        finally:
            link.close()

    def listen(self, key: str, path: Path) -> None:
        """Make a listening unix socket (mode 0600) and hold it for ONE child, which `spawn` hands it to.

        Args:
            key: what `spawn` calls it.
            path: at most 107 bytes (unix(7)); a socket that is there already is replaced.

        Raises:
            UsageError: the path is too long.
            InfrastructureError: it cannot be made.
        """
        self._ask("listen", {"key": key, "path": str(path)})

    def open_console(
        self, name: str, port: PortSpec, record: Path | None, *, within: float | Deadline = 5.0, reopen: bool = False
    ) -> None:
        """Open a port and read it for ever, into the stream `name`.

        Args:
            name: "console:NODE" for a node's console. The same name again is the next incarnation: its former port is
                closed, offsets go on.
            port: what to open.
            record: base path of the recording (BASE.log, .idx, .cast; see hil.console.recording). At the next
                incarnation another path begins a new recording there; the same, or None, goes on with the one there
                is, or with none.
            within: seconds, or a deadline, for the connection.
            reopen: open it again whenever it goes away, in the same incarnation; the stream of events says so
                (`hil.keeper.console`, LOST and BACK).

        Raises:
            InfrastructureError: the port cannot be opened, or the recording not be made; another program that holds
                a serial line is named.
        """
        limit = Deadline.of(within)
        if isinstance(port, SerialPort):
            self._must_be_free(port.path)
        fields: dict[str, object] = {
            "name": name,
            "port": port.to_json(),
            "record": _text(record),
            "at_ns": limit.at_ns,
            "within": round(limit.within) if limit.at_ns is not None else 0,
            "reopen": reopen,
        }
        self._ask("open_console", fields, Deadline.after(_ANSWER_SECONDS + (limit.remaining() or 0.0)))

    def spawn(
        self,
        name: str,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        record: Path | None = None,
        fds: Sequence[str] = (),
        stop_order: int = 0,
        kill: bool = False,
    ) -> None:
        """Start a child of the keeper. Its output is the stream `name`, its input /dev/null.

        Args:
            name: of the process and its stream; after its end the name may be used again (next incarnation).
            argv: program and arguments; "{fd:KEY}" in an item becomes the number of that inherited socket.
            cwd: its folder; None for the one that the keeper was started in.
            env: its whole environment; None for the keeper's.
            record: as in `open_console`.
            fds: keys of sockets from `listen`.
            stop_order: at the end, children with lower numbers are ended earlier.
            kill: end it by SIGKILL at once, where SIGTERM is of no use.

        Raises:
            InfrastructureError: the program is absent or cannot be started.
            UsageError: the name is in use, or a key is not held.
        """
        fields: dict[str, object] = {
            "name": name,
            "argv": list(argv),
            "cwd": _text(cwd),
            "env": None if env is None else dict(env),
            "record": _text(record),
            "fds": list(fds),
            "stop_order": stop_order,
            "kill": kill,
        }
        self._ask("spawn", fields)

    def attach(self, name: str, *, start: int | None = 0) -> SocketFeed:
        """Read a stream; any number may, and a slow one holds up nobody.

        Args:
            name: of the stream.
            start: the first byte wanted; None for those that come from now on. Where old bytes are no longer to be had
                (no recording) the offset of a chunk shows it.

        Raises:
            UsageError: there is no such stream.
        """
        deadline = Deadline.after(_ANSWER_SECONDS)
        link = self._new_link(deadline)
        try:
            link.ask("attach", {"name": name, "start": start}, deadline)
            return SocketFeed(name, link.take())
        except LinkLost as error:
            raise self._lost() from error
        finally:
            link.close()

    def listening(self, name: str) -> list[tuple[str, int]]:
        """The (address, port) pairs of TCP sockets that a child listens on now; [] when it has ended."""
        places = self._ask("listening", {"name": name})
        if not isinstance(places, list):
            raise _puzzled("listening")
        return [(str(address), int(port)) for address, port in places]

    def exit_status(self, name: str) -> int | None:
        """A child's exit status, negative for a signal; None while it runs."""
        return _status(self._ask("exit_status", {"name": name}))

    def wait_exit(self, name: str, *, deadline: Deadline) -> int | None:
        """Wait for a child's end; its exit status, or None when it still runs at the deadline."""
        link = self._new_link(deadline.sooner(_ANSWER_SECONDS))
        try:
            return _status(link.ask("wait_exit", {"name": name}, deadline))
        except LinkLost as error:
            raise self._lost() from error
        except InfrastructureError:
            if deadline.expired:
                return self.exit_status(name)
            raise
        finally:
            link.close()

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a child; nothing when it has ended."""
        self._ask("signal", {"name": name, "number": number})

    def lock(self, lock: Lock) -> None:
        """Hand over a lock that we hold, for as long as the keeper, or a child that it starts later, lives.

        Args:
            lock: taken with the keeper's `pid`; no longer ours afterwards.
        """
        descriptor = lock.give()
        try:
            self._link.ask("lock", {"path": str(lock.path)}, Deadline.after(_ANSWER_SECONDS), descriptor=descriptor)
        except LinkLost as error:
            raise self._lost() from error
        finally:
            # Another process, forked without exec, must not hold what we hold no longer.
            os.close(descriptor)

    def hide(self, secrets: Iterable[str]) -> None:
        """Let none of these reach a record or a message: not by a stream of this keeper, nor by this process.

        What a stream said before stays as it was recorded; so say it before a machine can know it.

        Args:
            secrets: the values, as they are; of fewer than six characters they are not hidden (`hil.redaction.forms`).
        """
        values = list(secrets)
        HIDDEN.add(values)
        if values:
            self._ask("hide", {"secrets": values})

    def locks(self) -> list[str]:
        """The lock files that it holds."""
        return protocol.Fields(self.status()).texts("locks")

    def at_end(self, entry: Entry, argv: Sequence[str], *, within: float) -> None:
        """Have a program run when the bench ends, however it ends, before anything of it is ended.

        Should the keeper itself be killed, the entry stays in its journal, and `hil.keeper.runtime.sweep` hands it on.
        A program that does not exit with 0 leaves its entry there too.

        Args:
            entry: what is to be done; without secrets.
            argv: the program that does it; as in `spawn`, with the keeper's environment.
            within: seconds that it may take.
        """
        fields = {"kind": entry.kind, "name": entry.name, "data": dict(entry.data)}
        self._ask("at_end", {**fields, "argv": list(argv), "within_ms": round(within * 1000)})

    def status(self) -> Mapping[str, object]:
        """Isolation, policy, children, streams (bytes, readers, recording errors), sockets, locks: as JSON has it."""
        return protocol.Fields({"status": self._ask("status", {})}).object("status")

    def streams(self) -> dict[str, StreamStatus]:
        """The streams that there are, by name."""
        streams = protocol.Fields(self.status()).object("streams")
        return {name: StreamStatus.from_json(stream) for name, stream in streams.items()}

    def recording_error(self, name: str) -> str | None:
        """Why a stream is no longer recorded, or None; its reading and its feeds go on."""
        stream = self.streams().get(name)
        return None if stream is None else stream.recording_error

    def _must_be_free(self, path: str) -> None:
        """A keeper in a PID namespace of its own sees no other program; this process does."""
        from hil.console.serial_line import held_by, holders

        ours = {self.pid, os.getpid()}
        others = [who for who in holders(path) if int(who.rpartition("pid ")[2].rstrip(")")) not in ours]
        if others:
            raise held_by(path, others)

    def _ask(self, verb: str, fields: dict[str, object], deadline: Deadline | None = None) -> object:
        try:
            return self._link.ask(verb, fields, deadline or Deadline.after(_ANSWER_SECONDS))
        except LinkLost as error:
            raise self._lost() from error

    def _new_link(self, deadline: Deadline) -> Link:
        try:
            return Link.connect(self.directory, deadline)
        except LinkLost as error:
            raise self._lost() from error

    def _lost(self) -> InfrastructureError:
        if self._closed or not self.directory.exists():
            return InfrastructureError(f"the bench in {self.directory} was closed", hint="open it again")
        return InfrastructureError(
            f"the keeper of the bench in {self.directory} has died, and with it all that it held",
            hint="open the bench again; if it dies again, report this with the lines above",
            evidence=last_words(self.directory),
        )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path.absolute())


def _status(value: object) -> int | None:
    if value is None or isinstance(value, int):
        return value
    raise _puzzled("exit status")


def _puzzled(what: str) -> HilBug:
    return HilBug(f"the keeper's answer on {what} makes no sense", hint="report this")
