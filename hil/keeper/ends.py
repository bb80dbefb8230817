"""What a keeper does to the world at its end: a program each, in the journal from when it was promised until it is done.

They run while all that the keeper holds is still there, locks and consoles too. What the programs do is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hil.clock import Deadline
from hil.console.stream import Chunk
from hil.errors import HilError, UsageError
from hil.keeper.backlog import Cursor
from hil.keeper.child import Command
from hil.keeper.holdings import Holdings
from hil.keeper.journal import Entry, Journal
from hil.keeper.loop import Loop

_LAST_LINES = 8


@dataclass(frozen=True, slots=True)
class _End:
    argv: Sequence[str]
    within: int


class Ends:
    """The programs to run at the end.

    Args:
        loop: goes on while they run.
        holdings: runs them.
        journal: has those that are not done.
    """

    def __init__(self, loop: Loop, holdings: Holdings, journal: Journal) -> None:
        self._loop = loop
        self._holdings = holdings
        self._journal = journal
        self._ends: dict[str, _End] = {}

    @property
    def seconds(self) -> int:
        """How long they may take together, for they run side by side."""
        return max((end.within for end in self._ends.values()), default=0)

    def promise(self, entry: Entry, argv: Sequence[str], within: int) -> None:
        """Note one, and write it down.

        Args:
            entry: what the journal says of it, for whoever does it if this keeper cannot.
            argv: program and arguments; the output of a program is its own stream, by the entry's name.
            within: s that it may take.

        Raises:
            UsageError: one of that name is noted already.
            InfrastructureError: the journal cannot be written.
        """
        if entry.name in self._ends:
            raise UsageError(f"{entry.name} is promised already", hint="give it another name")
        self._journal.append(entry)
        self._ends[entry.name] = _End(argv, within)

    def keep(self) -> Mapping[str, Sequence[str]]:
        """Run them all and wait for them; those that failed, each with its last words. Those that did not are struck
        from the journal."""
        failed: dict[str, list[str]] = {}
        limit = Deadline.after(self.seconds)
        for name, end in self._ends.items():
            try:
                self._holdings.spawn(name, Command(end.argv, None, None, 0, False), None, ())
            except HilError as error:
                failed[name] = [error.message]
        running = [name for name in self._ends if name not in failed]
        self._loop.run_until(lambda: all(self._status(name) is not None for name in running), limit)
        for name in running:
            status = self._status(name)
            if status != 0:
                how = f"it had not ended after {limit}" if status is None else f"it ended with status {status}"
                failed[name] = [*self._last_words(name), how]
        done = [name for name in running if name not in failed]
        try:
            for name in done:
                self._journal.strike(name)
        except HilError as error:
            failed["the journal"] = [error.message]
        return failed

    def _status(self, name: str) -> int | None:
        return self._holdings.child(name).returncode

    def _last_words(self, name: str) -> list[str]:
        stream, cursor, said = self._holdings.stream(name), Cursor(0, 0), b""
        chunk: Chunk | None
        while (chunk := stream.next(cursor)) is not None:
            said += chunk.data
        return said.decode("utf-8", "replace").splitlines()[-_LAST_LINES:]
