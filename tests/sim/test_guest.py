"""A board that is a process: power is its life. The process here is a stand-in for QEMU (support/twin_guest.py)."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest
from support import twin_guest
from support.twin_parts import MADE, Listener, Relay, plain_devices

from hil.sim.character import Character
from hil.sim.guest import GuestPlayer
from hil.sim.plan import BoardPlan, DevicePlan, Plan, Qemu
from hil.sim.player import Stage
from hil.sim.twin import Twin

__all__ = ["plain_devices"]
pytestmark = [pytest.mark.boot, pytest.mark.usefixtures("plain_devices")]

WITHIN = 20.0
EMPTIES_SOON = Character(farads=0.01)
LASTS = Character(farads=100.0)
"""Minutes without a supply, however long the host pauses in one that a test means to be short."""


def with_guest(
    tmp_path: Path,
    doing: Callable[[Twin, Relay, Listener], Awaitable[None]],
    *,
    argv: tuple[str, ...] | None = None,
    told: list[str] | None = None,
    character: Character = EMPTIES_SOON,
) -> None:
    """Run it with a twin whose board is a process; what the twin tells is added to `told`."""
    guest = sys.executable, str(twin_guest.__file__), "{fd:serial}", "{fd:qmp}", str(tmp_path / "pid")
    plan = Plan(
        1,
        tmp_path,
        (DevicePlan("relay", "plain-relay"), DevicePlan("uart1", "plain-console", {"baud": 115200})),
        (BoardPlan("node1", feeds=(("relay", 1),), console="uart1", actor=Qemu(argv or guest), character=character),),
    )
    tell = (told if told is not None else []).append

    async def run() -> None:
        twin = Twin(plan, tell)
        try:
            async with asyncio.timeout(WITHIN):
                await twin.start()
                await doing(twin, cast(Relay, MADE["relay"]), cast(Listener, MADE["uart1"]))
        finally:
            await twin.close()

    asyncio.run(run())


async def until(holds: Callable[[], object]) -> None:
    while not holds():
        await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_each_power_on_is_a_new_process_and_losing_power_is_the_end_of_it(tmp_path: Path) -> None:
    pids: list[int] = []

    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        for count in (1, 2):
            relay.outlets[1].command(True)
            await until(lambda: uart.said.count(b"qmp: qmp_capabilities") == count)  # noqa: B023
            pids.append(int((tmp_path / "pid").read_text()))
            uart.typed(b"abc")
            await until(lambda: uart.said.endswith(b"abc"))
            relay.outlets[1].command(False)
            await until(lambda: not alive(pids[-1]))
        relay.outlets[1].command(True)
        await until(lambda: uart.said.count(b"qmp:") == 3)
        pids.append(int((tmp_path / "pid").read_text()))

    with_guest(tmp_path, doing)
    assert len(set(pids)) == 3
    assert not alive(pids[-1])
    assert {path.name for path in tmp_path.iterdir()} == {"pid"}


def test_an_interruption_that_the_board_outlives_leaves_its_process_alone(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        relay.outlets[1].command(True)
        await until(lambda: b"qmp:" in uart.said)
        pid = int((tmp_path / "pid").read_text())
        relay.outlets[1].command(False)
        relay.outlets[1].command(True)
        uart.typed(b"still here")
        await until(lambda: uart.said.endswith(b"still here"))
        assert alive(pid)

    with_guest(tmp_path, doing, character=LASTS)


def test_a_guest_that_somebody_else_kills_is_told_of(tmp_path: Path) -> None:
    """As the kernel does on a host whose memory has come to its end."""

    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        relay.outlets[1].command(True)
        await until(lambda: b"qmp:" in uart.said)
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        await until(lambda: "node1: has shut itself down" in told)
        assert b"bench twin: the guest ended with status -9" in uart.said

    told: list[str] = []
    with_guest(tmp_path, doing, told=told)


@pytest.mark.parametrize(("typed", "status"), [(b"q", None), (b"!q", 3)])
def test_a_guest_that_ends_by_itself_is_a_board_that_shut_itself_down(
    tmp_path: Path, typed: bytes, status: int | None
) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        relay.outlets[1].command(True)
        await until(lambda: b"qmp:" in uart.said)
        uart.typed(typed)
        await until(lambda: "node1: has shut itself down" in told)
        assert (b"ended with status 3" in uart.said) is (status == 3)
        relay.outlets[1].command(False)
        await until(lambda: "node1: has lost its power" in told)
        relay.outlets[1].command(True)
        await until(lambda: uart.said.count(b"power on") == 2)

    told: list[str] = []
    with_guest(tmp_path, doing, told=told)


def test_a_process_is_started_when_the_one_before_has_ended(tmp_path: Path) -> None:
    said = bytearray()

    async def run() -> None:
        plan = Qemu((sys.executable, str(twin_guest.__file__), "{fd:serial}", "{fd:qmp}", str(tmp_path / "pid")))
        player = GuestPlayer(plan, Stage(said.extend, lambda: None), tmp_path)
        async with asyncio.timeout(WITHIN):
            player.start()
            player.start()
            await until(lambda: b"qmp:" in said)
            first = int((tmp_path / "pid").read_text())
            assert said.count(b"power on") == 1
            player.typed(b"q")
            await until(lambda: said.count(b"qmp:") == 2)
            assert not alive(first)
            await player.close()

    asyncio.run(run())


def test_a_program_that_is_not_there_is_said_on_the_console(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        relay.outlets[1].command(True)
        await until(lambda: b"the guest cannot be started" in uart.said)

    with_guest(tmp_path, doing, argv=("/nonexistent/qemu",))
