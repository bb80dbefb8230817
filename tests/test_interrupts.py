"""Ctrl-C at each of the moments at which `threading` hands a lock over: it comes, and leaves the lock free."""

from __future__ import annotations

import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import pytest

from hil.interrupts import raising

MOMENTS = 400


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """SIGINT is handled after a test as it was before."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


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
        # Where what was put off arrives.
        select.select([], [], [], 0.1)

    before = sys.getprofile()
    sys.setprofile(profiler)
    try:
        waits()
    except BaseException as error:  # noqa: BLE001 - whatever it is, the test says
        return error
    finally:
        sys.setprofile(before)
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
