"""Listens to what Talos tells by itself: watches of resources, and its events. Each wakes whoever waits for a round.

What comes becomes a Change with its moment, so that a state that holds for a moment only is seen too. A node may
refuse a watch (before Talos 1.13, in maintenance mode, there are no events): then the rounds alone tell.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType

from google.protobuf.message import DecodeError

from hil.clock import now_ns
from hil.readiness.talos import resources
from hil.readiness.talos.board import Board
from hil.readiness.talos.calls import Calls
from hil.readiness.talos.changes import Change, TalosEvent
from hil.readiness.talos.channel import CALL_FAILURES
from hil.readiness.talos.happening import read_event
from hil.readiness.talos.observation import Known, Unknown
from hil.readiness.talos.proto.state_pb2 import DESTROYED, ERRORED, Event

_WATCHED = {
    resources.MACHINE_STATUS: "talos.status",
    resources.HOSTNAME: "talos.hostname",
    resources.SERVICES: "talos.service",
    resources.EXTENSIONS: "talos.extension",
}
_QUIET = frozenset({"PhaseEvent", "TaskEvent"})
_GONE = "gone"


class Watching:
    """Listens on one connection, inside its `async with` block.

    Args:
        calls: the questions on it.
        board: where changes and events go.
        wanted: is set when a round is worth while.
    """

    def __init__(self, calls: Calls, board: Board, wanted: asyncio.Event) -> None:
        self._calls = calls
        self._board = board
        self._wanted = wanted
        self._known: dict[str, str] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.live = False
        self.offset: Known[float] = Unknown("nothing has changed on the node while it was watched")

    async def __aenter__(self) -> Watching:
        listening = [self._watch(kind, what) for kind, what in _WATCHED.items()]
        self._tasks = [asyncio.ensure_future(one) for one in (*listening, self._events())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch(self, kind: resources.Kind, what: str) -> None:
        try:
            async for event, old in self._calls.watch(kind):
                if event.event_type != ERRORED:
                    self._heard(kind, what, event, old)
        except CALL_FAILURES:
            return

    def _heard(self, kind: resources.Kind, what: str, event: Event, old: bool) -> None:
        resource = event.resource
        name = what if kind.id else f"{what}.{resource.metadata.id}"
        try:
            says = _GONE if event.event_type == DESTROYED else resources.in_words(kind, resource)
        except DecodeError:
            says = "what cannot be read"
        before = self._known.get(name)
        if not old and resource.metadata.HasField("updated") and says != _GONE:
            self.offset = resource.metadata.updated.ToNanoseconds() / 1e9 - time.time()
        if says == before or (before is None and says == _GONE):
            return
        self._known[name] = says
        evidence = says if before is None else f"{says} (was: {before})"
        self._board.note(Change(now_ns(), name, evidence, first=before is None))
        self._wanted.set()

    async def _events(self) -> None:
        try:
            async for message in self._calls.events(-1):
                kind, text = read_event(message)
                event = TalosEvent(now_ns(), message.id, kind, text)
                if kind and self._board.add(event) and self.live and kind not in _QUIET:
                    self._board.note(Change(event.at_ns, f"talos.event.{kind}", text))
                    self._wanted.set()
        except CALL_FAILURES:
            return
