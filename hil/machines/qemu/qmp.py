"""QEMU's control channel: commands with an answer, and events with the moment they happened.

The protocol is qemu.qmp's; this puts its asyncio client in one thread so that the callers stay synchronous and events
are taken in whatever a test is doing. Decides nothing about what an event means.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hil.clock import NANOSECONDS, Deadline, WallAnchor
from hil.errors import InfrastructureError
from hil.timeline.events import Event

if TYPE_CHECKING:
    import asyncio

    from qemu.qmp import QMPClient

T = TypeVar("T")

# gettimeofday(2) has microseconds; the two clocks are read within one, and NTP slews by at most 0.5 ms a second.
_EVENT_ERROR_NS = 1_000_000


class Qmp:
    """One guest's control channel, from connect to close.

    Args:
        socket: the unix socket that QEMU listens on.
        machine: the guest's name, for messages.
        settled: told, in another thread, that QEMU answered or never will; perhaps twice.

    The client is imported and connected in the background: QEMU's first second is not waited for. The first call
    that needs it waits.
    """

    def __init__(self, socket: Path, machine: str, settled: Callable[[], None] = lambda: None) -> None:
        self._socket = socket
        self._machine = machine
        self._settled = settled
        self._events: deque[Event] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._connected = threading.Event()
        self._failure: BaseException | None = None
        self._looping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._client: QMPClient | None = None
        self._thread = threading.Thread(target=self._run, name=f"qmp:{machine}", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Readable when `take` has events."""
        return self._wake

    def take(self) -> list[Event]:
        """The events since the last call."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        taken = []
        while self._events:
            taken.append(self._events.popleft())
        return taken

    def execute(self, command: str, arguments: Mapping[str, object] | None = None, *, deadline: Deadline) -> object:
        """Run one QMP command and return its answer as JSON has it.

        Raises:
            InfrastructureError: QEMU refuses the command, is gone, or does not answer in time.
        """
        from qemu.qmp import ExecuteError, QMPError

        client = self._ready(deadline)
        try:
            return self._call(client.execute(command, dict(arguments or {})), deadline)
        except ExecuteError as error:
            raise self._broken(f"QEMU refuses {command}: {error.error.error.desc}") from error
        except TimeoutError as error:
            raise self._broken(f"QEMU did not answer {command} within {deadline}") from error
        except QMPError as error:
            raise self._broken(f"QEMU went away during {command}: {error}") from error

    def close(self) -> None:
        """Leave; QEMU goes on. Safe to call twice and when QEMU is dead."""
        self._looping.wait()
        loop, task = self._loop, self._task  # the loop may end by itself, and is None at that moment
        if loop is not None and task is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(task.cancel)
        self._thread.join()
        if self._wake >= 0:
            os.close(self._wake)
            self._wake = -1

    def _broken(self, message: str) -> InfrastructureError:
        return InfrastructureError(
            f"{self._machine}: {message}", hint="look at QEMU's own output in the boot's folder (qemu.log)"
        )

    def _ready(self, deadline: Deadline) -> QMPClient:
        if not self._connected.wait(deadline.remaining()):
            raise self._broken(f"QEMU's control channel did not open within {deadline}")
        if self._client is None:
            raise self._broken(f"QEMU's control channel did not open: {self._failure}")
        return self._client

    def _call(self, coroutine: Coroutine[object, object, T], deadline: Deadline) -> T:
        import asyncio

        if self._loop is None:
            raise self._broken("QEMU's control channel is closed")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(deadline.remaining())
        finally:
            future.cancel()

    def _run(self) -> None:
        try:
            import asyncio

            with contextlib.suppress(asyncio.CancelledError):
                asyncio.run(self._main())
        finally:
            self._loop = None
            self._looping.set()
            self._connected.set()
            self._settled()

    async def _main(self) -> None:
        import asyncio

        from qemu.qmp import EventListener, QMPClient, QMPError

        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._looping.set()
        client = QMPClient(self._machine)
        listener = EventListener()
        client.register_listener(listener)
        try:
            await client.connect(str(self._socket))
        except (QMPError, OSError, AssertionError) as error:
            # qemu.qmp 0.0.6 asserts that it runs, which a QEMU that dies at this very moment makes untrue.
            self._failure = error
            return
        self._client = client
        self._connected.set()
        self._settled()
        try:
            while True:
                event = event_of(await listener.get(), WallAnchor.take())
                self._events.append(event)
                os.eventfd_write(self._wake, 1)
        finally:
            with contextlib.suppress(QMPError, OSError, EOFError):
                await client.disconnect()


def event_of(message: Mapping[str, object], anchor: WallAnchor) -> Event:
    """A QMP event as an Event.

    Args:
        message: the event as JSON; its `timestamp` is gettimeofday(2) of the host (qmp-spec, "Asynchronous events"),
            -1 where QEMU could not read it; then the moment of arrival is taken, with an unknown delay of up to 1 s.
        anchor: both clocks, read when the event arrived.
    """
    stamp = message.get("timestamp")
    at_ns, error_ns = anchor.monotonic_ns, NANOSECONDS
    if isinstance(stamp, Mapping):
        seconds, micros = stamp.get("seconds"), stamp.get("microseconds")
        if isinstance(seconds, int) and isinstance(micros, int) and seconds >= 0 <= micros:
            at_ns, error_ns = anchor.from_wall(seconds) + micros * 1000, _EVENT_ERROR_NS
    detail = json.dumps(message.get("data", {}), sort_keys=True, default=str)
    return Event(at_ns, error_ns, "qmp", str(message.get("event", "?")), detail)
