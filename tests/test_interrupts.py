"""Ctrl-C at each of the moments at which `threading` hands a lock over, and where Python swallows it: it comes."""

from __future__ import annotations

import gc
import select
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from types import FrameType
from typing import cast

import pytest
from coverage.collector import Collector

from hil.interrupts import raising

MOMENTS = 400


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """SIGINT and what Python swallows are handled after a test as they were before."""
    # What tests before this one left may have finalizers that raise: they are not to be told to this one's hook.
    gc.collect()
    before, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
    yield
    signal.signal(signal.SIGINT, before)
    sys.unraisablehook = hook


def interrupted_at(moment: int, condition: threading.Condition) -> BaseException | None:
    """Wait on a condition, with SIGINT at the n-th call or return; what was raised."""
    seen = 0

    def profiler(frame: FrameType, event: str, argument: object) -> None:
        nonlocal seen
        # Python runs a handler when a call of C is over, never as it begins.
        if event == "c_call" or frame.f_code is interrupted_at.__code__:
            return
        seen += 1
        if seen == moment:
            sys.setprofile(None)
            signal.raise_signal(signal.SIGINT)

    def waits() -> None:
        with condition:
            condition.notify_all()
            condition.wait(0.02)
        if seen >= moment:
            # Where what was put off arrives: however late, it must not come in another test.
            select.select([], [], [], 20)

    before = sys.getprofile()
    # A moment in a callback of the collector (Hypothesis has one) is none of the lock's: what comes then is swallowed.
    gc.disable()
    sys.setprofile(profiler)
    try:
        waits()
    except BaseException as error:  # noqa: BLE001 - whatever it is, the test says
        return error
    finally:
        sys.setprofile(before)
        gc.enable()
    return None


def free(condition: threading.Condition) -> bool:
    """Whether another thread gets its lock."""
    got: list[bool] = []

    def take() -> None:
        if condition.acquire(timeout=0.1):
            got.append(True)
            condition.release()

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return bool(got)


def harm(handler: Callable[[int, FrameType | None], None]) -> list[str]:
    """What goes wrong with a handler of SIGINT at each moment, until the block is over before its signal."""
    signal.signal(signal.SIGINT, handler)
    wrong: list[str] = []
    for moment in range(1, MOMENTS):
        condition = threading.Condition()
        raised = interrupted_at(moment, condition)
        if raised is None:
            return wrong
        if not isinstance(raised, KeyboardInterrupt):
            wrong.append(f"{moment}: {raised!r}")
        if not free(condition):
            wrong.append(f"{moment}: its lock is still taken")
    raise AssertionError(f"the block has more than {MOMENTS} moments")


def test_it_comes_and_leaves_the_lock_free() -> None:
    assert harm(raising(KeyboardInterrupt)) == []


def test_the_check_finds_what_pythons_own_handler_leaves() -> None:
    wrong = harm(signal.default_int_handler)
    assert any("its lock is still taken" in line for line in wrong)
    assert any("cannot release un-acquired lock" in line for line in wrong)


class Collecting(Collector):
    """coverage's collector, of which the lock alone is used, with SIGINT when that was just taken."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.data_lock = cast("threading.Lock", self)

    def acquire(self) -> None:
        self.lock.acquire()
        interrupt()

    def release(self) -> None:
        self.lock.release()


@pytest.mark.parametrize(
    ("handler", "taken"), [(raising(KeyboardInterrupt), False), (signal.default_int_handler, True)]
)
def test_the_lock_of_coverages_tracer_is_left_free(
    handler: Callable[[int, FrameType | None], None], taken: bool
) -> None:
    collector = Collecting()
    signal.signal(signal.SIGINT, handler)

    def traces() -> None:
        collector.lock_data()
        collector.unlock_data()
        select.select([], [], [], 5)

    with pytest.raises(KeyboardInterrupt):
        traces()
    assert collector.lock.locked() == taken


class Finalized:
    """Something that ends, by a callback of its own or of a weak reference."""

    def __init__(self, callback: Callable[[], object] | None = None) -> None:
        self.callback = callback

    def __del__(self) -> None:
        if self.callback is not None:
            self.callback()


def interrupt() -> None:
    """SIGINT as it comes: its handler runs at the next call."""
    signal.raise_signal(signal.SIGINT)
    len("")


def a_finalizer() -> None:
    Finalized(interrupt)


def a_weak_reference() -> None:
    ends = Finalized()
    reference = weakref.ref(ends, lambda _: interrupt())
    del ends
    assert reference() is None


def a_garbage_collection() -> None:
    ends = Finalized(interrupt)
    vars(ends)["itself"] = ends
    del ends
    gc.collect()


def a_generator() -> None:
    def generates() -> Iterator[None]:
        try:
            yield
        finally:
            interrupt()

    next(generates())


SWALLOWING = [a_finalizer, a_weak_reference, a_garbage_collection, a_generator]


@pytest.mark.parametrize("swallowing", SWALLOWING)
def test_what_python_swallows_comes_again(swallowing: Callable[[], None]) -> None:
    others: list[object] = []
    sys.unraisablehook = others.append
    signal.signal(signal.SIGINT, raising(KeyboardInterrupt))
    swallowing()
    with pytest.raises(KeyboardInterrupt):
        select.select([], [], [], 5)
    assert others == []


@pytest.mark.parametrize("swallowing", SWALLOWING)
def test_pythons_own_handler_loses_it(swallowing: Callable[[], None]) -> None:
    others: list[object] = []
    sys.unraisablehook = others.append
    signal.signal(signal.SIGINT, signal.default_int_handler)
    swallowing()
    select.select([], [], [], 0.05)
    assert len(others) == 1


def test_what_is_no_signals_goes_to_the_hook_that_was_there() -> None:
    others: list[type[BaseException]] = []
    sys.unraisablehook = lambda unraisable: others.append(unraisable.exc_type)
    signal.signal(signal.SIGINT, raising(KeyboardInterrupt))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            interrupt()
    Finalized(lambda: {}["nothing"])
    assert others == [KeyError]
