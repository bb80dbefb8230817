"""Keeps one connection to Talos on one node, asks on it, and opens it again when it is lost. Runs in asyncio's loop.

A round of questions comes whenever a watch or an event says that something changed, and every few seconds. While there
is no connection a try begins every half second, and is given up later than the next begins: a forwarded port takes a
connection long before its guest listens, and a busy guest needs its time for TLS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace

from hil.clock import now_ns
from hil.errors import HilError
from hil.readiness.talos.access import Access
from hil.readiness.talos.board import Board
from hil.readiness.talos.changes import Change
from hil.readiness.talos.connecting import Connection, NotConnected, connect
from hil.readiness.talos.observation import Known, Observation, Unknown, unreachable
from hil.readiness.talos.patience import Patience
from hil.readiness.talos.reading import NoAnswer, observe
from hil.readiness.talos.trouble import Kind, Trouble, forbidden
from hil.readiness.talos.watching import Watching
from hil.readiness.talos.words import Words

_FINAL = ("PERMISSION_DENIED", "UNIMPLEMENTED")


class Session:
    """Asks one node, for as long as `run` runs.

    Args:
        reach: how the API is reached now; asked anew for each try, as a door moves when its machine starts again. It
            may raise what a door raises.
        board: where all that is found goes.
        patience: how long things may take.
    """

    def __init__(self, reach: Callable[[], Access], board: Board, patience: Patience) -> None:
        self._reach = reach
        self._board = board
        self._patience = patience
        self._wanted = asyncio.Event()
        self._at_once = asyncio.Event()
        self._there: Connection | None = None
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Connect, ask, connect again; until it is cancelled."""
        while True:
            connection = await self._connect()
            try:
                await self._be_at(connection)
                await self._ask(connection)
                await self._be_at(None)
                if connection.channel.leaving.is_set():  # what was asked before the farewell is still answered
                    await _any_of(connection.channel.over, within=self._patience.farewell)
            finally:
                connection.channel.close()

    def ask_now(self) -> None:
        """Begin a round at once, or after the one that is under way."""
        self._at_once.set()
        self._wanted.set()

    async def connection(self, after: Connection | None = None) -> Connection:
        """The connection that can be asked on; waits for one.

        Args:
            after: one that has ended, which is not meant.
        """
        async with self._changed:
            while True:
                there = self._there
                if there is not None and there is not after and not there.channel.leaving.is_set():
                    return there
                await self._changed.wait()

    async def _be_at(self, connection: Connection | None) -> None:
        async with self._changed:
            self._there = connection
            self._changed.notify_all()

    async def _connect(self) -> Connection:
        """Try until Talos answers; each failure goes to the board."""
        loop = asyncio.get_running_loop()
        tries: set[asyncio.Task[Connection]] = set()
        begin_at = loop.time()
        try:
            while True:
                if loop.time() >= begin_at:
                    tries.add(loop.create_task(self._try()))
                    begin_at = loop.time() + self._patience.again
                left = max(0.0, begin_at - loop.time())
                if not tries:
                    await asyncio.sleep(left)
                    continue
                done, tries = await asyncio.wait(tries, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    failure = one.exception()
                    if failure is None:
                        tries |= done - {one}
                        return one.result()
                    if not isinstance(failure, NotConnected):
                        raise failure
                    begin_at = loop.time() + self._failed(failure)
        finally:
            await _abandon(tries)

    async def _try(self) -> Connection:
        """One try; NotConnected says when it began."""
        began = now_ns()
        try:
            return await connect(self._access(), patience=self._patience.one_try, stall=self._patience.stall)
        except NotConnected as failure:
            failure.began_ns = began
            raise

    def _access(self) -> Access:
        """How it is reached now; NotConnected when the door that leads there is not open."""
        try:
            return self._reach()
        except HilError as error:
            trouble = Trouble(Kind.NO_DOOR, error.message, error.hint, "its door is not open")
            raise NotConnected(trouble, "no door") from error

    def _failed(self, failure: NotConnected) -> float:
        """Tell that a try failed; the seconds until the next."""
        trouble = failure.trouble
        found = unreachable(now_ns(), failure.place, trouble, failure.fingerprint)
        self._board.publish(found, failure.began_ns)
        return self._patience.soon if trouble.passing else self._patience.after_no

    async def _ask(self, connection: Connection) -> None:
        """Ask until the connection is lost, or stalls; that goes to the board."""
        place = connection.asked.place
        self._board.note(Change(now_ns(), "talos.api", f"answers at {place}"))
        async with Watching(connection.calls, self._board, self._wanted) as watching:
            try:
                await self._rounds(connection, watching)
            except NoAnswer as end:
                trouble = Words(connection.access).ended(end.cause)
                self._board.publish(unreachable(now_ns(), place, trouble, connection.asked.fingerprint))
                self._board.note(Change(now_ns(), "talos.api", trouble.short))

    async def _rounds(self, connection: Connection, watching: Watching) -> None:
        """One round after the other; NoAnswer when the connection is over."""
        boot_id: Known[str] | None = None
        while True:
            self._wanted.clear()
            self._at_once.clear()
            found = await observe(connection.calls, connection.asked, boot_id)
            boot_id = found.boot_id if _is_settled(found.boot_id) else None
            self._board.publish(
                replace(found, trouble=connection.trouble or _refusal(found), clock_offset=watching.offset)
            )
            watching.live = True
            leaving = connection.channel.leaving
            await _any_of(self._at_once, leaving, within=self._patience.gap)
            await _any_of(self._wanted, leaving, within=self._patience.interval)
            if leaving.is_set():
                raise NoAnswer(ConnectionResetError(connection.channel.end or "the node ended it"))


async def _any_of(*events: asyncio.Event, within: float) -> None:
    """Wait until one of them is set, at most that many seconds."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _abandon(tasks: Collection[asyncio.Task[Connection]]) -> None:
    """End tries that nobody waits for any more, and close the connections that they made."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Connection):
            result.channel.close()


def _is_settled(boot_id: Known[str]) -> bool:
    """Whether asking once more on this connection would bring nothing else."""
    return not isinstance(boot_id, Unknown) or boot_id.why.startswith(_FINAL)


def _refusal(found: Observation) -> Trouble | None:
    """Talos answers, and says no to everything: the client certificate gives no right at all."""
    status = found.status
    if not isinstance(status, Unknown) or not status.why.startswith("PERMISSION_DENIED"):
        return None
    return forbidden(found.place, found.roles, "read the machine's status", "os:reader", status.why)
