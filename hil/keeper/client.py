"""The keeper as its clients see it: start or find one, and end it. What it is asked is in `hil.keeper.requests`.

Every call is synchronous and may be made from any thread. What the keeper does is in `hil.keeper.server`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from hil.clock import Deadline
from hil.errors import HilError, InfrastructureError
from hil.keeper import protocol
from hil.keeper.journal import Journal
from hil.keeper.launch import Launched, launch
from hil.keeper.link import Link, LinkLost
from hil.keeper.requests import Requests
from hil.keeper.runtime import remove

_END_SECONDS = 4.0


class Keeper(Requests):
    """A connection to one keeper; made by `start` or `connect`.

    As a context manager it closes at the end of its block.
    """

    def __init__(self, directory: Path, link: Link, launched: Launched | None = None) -> None:
        super().__init__(directory, link)
        self._launched = launched
        self._keep = False

    @classmethod
    def start(cls, directory: Path, *, deadline: Deadline) -> Self:
        """Start a keeper and own it: it ends when this client goes, unless `policy(keep=True)`.

        Args:
            directory: from `hil.keeper.runtime.new_runtime_dir`; the keeper removes it at its end.
            deadline: for its first answer.

        Raises:
            InfrastructureError: it does not start, or the folder cannot be used.
        """
        launched = launch(directory, deadline)
        return cls(directory, launched.link, launched)

    @classmethod
    def connect(cls, directory: Path, *, deadline: Deadline) -> Self:
        """Join the keeper that runs in `directory`; it does not notice when this client goes.

        Raises:
            InfrastructureError: none runs there.
        """
        try:
            return cls(directory, Link.connect(directory, deadline))
        except LinkLost as error:
            raise InfrastructureError(
                f"no bench is open in {directory} ({error})",
                hint="`hil console --list` shows the benches that are open",
            ) from error

    def policy(self, keep: bool) -> None:
        """Say what happens when the owning client goes: the bench is closed (as at first), or kept."""
        self._ask("policy", {"keep": keep})
        self._keep = keep

    def end(self) -> None:
        """End the bench whatever its policy: children in order, consoles, recordings, folder.

        It takes less than 2 s besides what programs of the end take (`at_end`).

        Raises:
            InfrastructureError: something that was to be done at the end could not be, or the keeper does not answer
                a client that is not its owner; an owner kills it.
        """
        if self._closed:
            return
        self._closed = True
        undone: dict[str, str] = {}
        died = False
        try:
            status = self._link.ask("status", {}, Deadline.after(_END_SECONDS))
            within = _END_SECONDS + protocol.Fields(status).number("end_seconds")
            undone = protocol.Fields(self._link.ask("end", {}, Deadline.after(within))).table("undone")
        except LinkLost:
            died = True
            if self._launched is not None:
                self._launched.kill()
        except InfrastructureError:
            if self._launched is None:
                raise
            self._launched.kill()
        finally:
            self._link.close()
            if self._launched is not None:
                self._launched.collect()
            if died or self._launched is not None:
                left = Journal(self.directory / protocol.JOURNAL_NAME).entries()
                undone = undone or {entry.name: f"{entry.name}: the keeper died before it was done" for entry in left}
                if self._launched is not None and not left:
                    remove(self.directory)
        if undone:
            raise InfrastructureError(
                f"the bench has ended, and not all is as it was to be left: {', '.join(undone)}",
                hint="see to it by hand; the next bench that is opened here tries again",
                evidence=list(undone.values()),
            )

    def close(self) -> None:
        """Go: an owner's bench ends, unless it is to be kept; any other client only hangs up. Once is enough."""
        if self._launched is not None and not self._keep:
            self.end()
        elif not self._closed:
            self._closed = True
            self._link.close()
            if self._launched is not None:
                self._launched.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        try:
            self.close()
        except InfrastructureError as undone:
            if error is None:
                raise
            # The first error is the one that is told; this one must not be lost.
            if isinstance(error, HilError):
                error.evidence = (*error.evidence, undone.message, *undone.evidence)
            else:
                error.add_note(undone.render())
