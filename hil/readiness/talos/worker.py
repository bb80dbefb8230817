"""One thread with a loop of asyncio in it, so that those who call stay synchronous. Knows nothing of what it runs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, TypeVar

from hil.clock import Deadline

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

_ENDS = 5.0


class Ended(Exception):
    """The worker has ended, or did so before what it was called for was done."""


class Worker:
    """Runs one coroutine in the background, from its making to `close`.

    Args:
        main: makes the coroutine, in the thread; what it needs is imported there, and not waited for.
        name: of the thread.
        end: is called in the thread when all is over.
    """

    def __init__(
        self, main: Callable[[], Coroutine[object, object, None]], name: str, end: Callable[[], None]
    ) -> None:
        self._main = main
        self._end = end
        self._looping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._lock = threading.Lock()
        self._cancels: set[Callable[[], bool]] = set()
        self.failure: Exception | None = None
        self.ended = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, coroutine: Callable[[], Coroutine[object, object, T]], deadline: Deadline) -> T:
        """Run a coroutine in the loop and return what it returns.

        Raises:
            TimeoutError: it was not done in time; it is cancelled.
            Ended: the worker has ended.
        """
        self._looping.wait()
        future = self._begin(coroutine())
        try:
            return future.result(deadline.remaining())
        except CancelledError:
            self._thread.join(_ENDS)
            raise Ended from self.failure
        finally:
            future.cancel()
            with self._lock:
                self._cancels.discard(future.cancel)

    def _begin(self, coroutine: Coroutine[object, object, T]) -> Future[T]:
        """Have the loop run it; what it still has not run when it ends is cancelled."""
        import asyncio

        with self._lock:
            try:
                if self._loop is None:
                    raise RuntimeError("it has ended")
                future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
            except RuntimeError:  # asyncio's where its loop is closed
                coroutine.close()
                raise Ended from self.failure
            self._cancels.add(future.cancel)
            return future

    def post(self, callback: Callable[[], object]) -> None:
        """Have the loop call something soon; nothing when it has ended."""
        self._looping.wait()
        loop = self._loop  # its own thread takes it away
        if loop is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(callback)

    def close(self) -> None:
        """End it; returns when nothing of it runs any more. Safe to call twice."""
        self._looping.wait()
        if self._task is not None:
            self.post(self._task.cancel)
        self._thread.join(_ENDS)

    def _run(self) -> None:
        try:
            import asyncio

            asyncio.run(self._supervise())
        except Exception as error:
            self.failure = error
            raise
        finally:
            with self._lock:
                self._loop = None
                cancels = list(self._cancels)
            self.ended = True
            self._looping.set()
            for cancel in cancels:
                cancel()
            self._end()

    async def _supervise(self) -> None:
        import asyncio

        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._looping.set()
        with contextlib.suppress(asyncio.CancelledError):
            await self._main()
