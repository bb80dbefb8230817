"""A board that is a Raspberry Pi in its twin: bootloader, guest, resets, faults, and which UART is on its pins.

Both programs are stand-ins (support/twin_rom.py, support/twin_guest.py).
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest
from support import twin_guest, twin_rom
from support.rom_network import settings
from support.twin_parts import MADE, Listener, Relay, plain_devices

from hil.errors import UsageError
from hil.sim.character import Character
from hil.sim.plan import BoardPlan, DevicePlan, Plan, Qemu, Rom
from hil.sim.player import Stage
from hil.sim.rom.player import RomPlayer
from hil.sim.twin import Twin

__all__ = ["plain_devices"]
pytestmark = [pytest.mark.boot, pytest.mark.usefixtures("plain_devices")]

WITHIN = 20.0
EMPTIES_SOON = Character(farads=0.01)
HANDED = '{"outcome": "handed over", "image": "RPI_EFI.fd", "pins": "%s"}'
RESET = '{"outcome": "reset", "why": "MAX_RESTARTS"}'
Doing = Callable[[Twin, Relay, Listener], Awaitable[None]]


def rom_of(tmp_path: Path, *reports: str) -> Rom:
    guest = Qemu((sys.executable, str(twin_guest.__file__), "{fd:serial}", "{fd:qmp}", str(tmp_path / "pid")))
    return Rom((sys.executable, str(twin_rom.__file__), "{settings}", *reports), settings().to_json(), guest)


def with_board(tmp_path: Path, doing: Doing, *reports: str, told: list[str] | None = None) -> None:
    """Do it with a twin whose board's bootloaders end as the reports say."""
    actor = rom_of(tmp_path, *reports)
    board = BoardPlan("node1", feeds=(("relay", 1),), console="uart1", actor=actor, character=EMPTIES_SOON)
    devices = DevicePlan("relay", "plain-relay"), DevicePlan("uart1", "plain-console", {"baud": 115200})

    async def run() -> None:
        twin = Twin(Plan(1, tmp_path, devices, (board,)), (told if told is not None else []).append)
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


def state(twin: Twin) -> dict[str, object]:
    return cast("dict[str, dict[str, dict[str, object]]]", twin.state())["boards"]["node1"]


def test_a_bootloader_hands_over_and_a_reset_of_the_guest_goes_through_it_again(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        relay.outlets[1].command(True)
        await until(lambda: b"qmp: qmp_capabilities" in uart.said)
        assert uart.said.startswith(b"bootloader 0 with []\r\npower on")
        assert cast("dict[str, object]", state(twin)["bootloader"])["image"] == "RPI_EFI.fd"
        uart.typed(b"R")
        await until(lambda: uart.said.count(b"qmp: qmp_capabilities") == 2)
        assert b"bootloader 1 with []\r\npower on" in uart.said
        assert (state(twin)["starts"], state(twin)["resets"]) == (1, 0)

    told: list[str] = []
    with_board(tmp_path, doing, HANDED % "pl011", told=told)
    assert "node1: its bootloader starts RPI_EFI.fd, UART on the pins: pl011" in told


def test_a_guest_that_shuts_down_stays_down_until_its_supply_is_cut(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        relay.outlets[1].command(True)
        await until(lambda: b"qmp: qmp_capabilities" in uart.said)
        uart.typed(b"q")
        await until(lambda: 0 < cast(float, state(twin)["watts"]) < 1.5)
        assert uart.said.count(b"bootloader") == 1
        relay.outlets[1].command(False)
        await until(lambda: not state(twin)["running"])
        relay.outlets[1].command(True)
        await until(lambda: uart.said.count(b"power on") == 2)

    with_board(tmp_path, doing, HANDED % "pl011")


def test_nothing_of_the_guest_is_heard_where_its_uart_is_not_on_the_pins(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        relay.outlets[1].command(True)
        await until((tmp_path / "pid").exists)
        uart.typed(b"q")  # which would end it
        await asyncio.sleep(0.2)
        assert uart.said == b"bootloader 0 with []\r\n"
        assert cast(float, state(twin)["watts"]) > 1.5

    with_board(tmp_path, doing, HANDED % "mini")


def test_a_bootloader_that_resets_is_started_again_and_an_emmc_plays_its_system(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        relay.outlets[1].command(True)
        await until(lambda: b"raspberrypi login: " in uart.said)
        assert uart.said.count(b"bootloader") == 2
        assert not (tmp_path / "pid").exists()

    with_board(tmp_path, doing, RESET, '{"outcome": "emmc", "why": "it started what is in its eMMC"}')


def test_a_board_that_loses_its_power_in_mid_boot_boots_anew(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        relay.outlets[1].command(True)
        await until(lambda: b"bootloader 0" in uart.said)
        relay.outlets[1].command(False)
        await until(lambda: not state(twin)["running"])
        relay.outlets[1].command(True)
        await until(lambda: b"bootloader 1" in uart.said)

    with_board(tmp_path, doing, "wait")


def test_a_supply_that_comes_and_goes_at_once_leaves_one_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a brown-out on a busy host, where several resets and starts come in one turn of the loop."""
    made: list[asyncio.subprocess.Process] = []
    together: list[int] = []
    make = asyncio.create_subprocess_exec

    async def counted(*argv: str, **more: object) -> asyncio.subprocess.Process:
        together.append(sum(process.returncode is None for process in made))
        process = await make(*argv, **more)  # type: ignore[arg-type]  # as they came
        made.append(process)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", counted)

    async def run() -> None:
        said = bytearray()
        player = RomPlayer(rom_of(tmp_path, HANDED % "pl011"), Stage(said.extend, lambda: None), tmp_path)
        async with asyncio.timeout(WITHIN):
            player.start()
            for begun in (b"qmp: qmp_capabilities", b"bootloader", b"qmp: qmp_capabilities"):
                await until(lambda begun=begun: begun in said)  # type: ignore[misc]  # a default of its own
                said.clear()
                for _ in range(3):
                    player.stop()
                    player.start()
            await player.close()

    asyncio.run(run())
    assert not any(together)
    assert all(process.returncode is not None for process in made)


def test_a_fault_that_begins_while_the_bootloaders_process_is_made_holds(tmp_path: Path) -> None:
    async def run() -> None:
        said = bytearray()
        player = RomPlayer(rom_of(tmp_path, "wait"), Stage(said.extend, lambda: None), tmp_path)
        async with asyncio.timeout(WITHIN):
            player.start()
            while player._starts == 0:
                await asyncio.sleep(0)
            player.fault("no-link", on=True)
            player.fault("no-oack", on=True)
            player.fault("no-oack", on=False)
            await until(lambda: b"fault no-link on" in said)
            assert b"no-oack" not in said
            await player.close()

    asyncio.run(run())


def test_faults_hold_from_power_on_and_change_in_mid_boot(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        twin.fault("node1", "no-link", None, on=True)
        assert state(twin)["faults"] == ["no-link"]
        relay.outlets[1].command(True)
        await until(lambda: b"bootloader 0 with ['no-link']" in uart.said)
        twin.fault("node1", "no-oack", None, on=True)
        await until(lambda: b"fault no-oack on" in uart.said)
        twin.mend("node1")
        await until(lambda: b"fault no-link off" in uart.said)
        assert state(twin)["faults"] == []
        with pytest.raises(UsageError, match="no fault 'welded'"):
            twin.fault("node1", "welded", None, on=True)

    with_board(tmp_path, doing, "wait")


def test_a_silent_uart_carries_nothing(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        twin.fault("node1", "silent-uart", None, on=True)
        relay.outlets[1].command(True)
        await until((tmp_path / "pid").exists)
        uart.typed(b"q")
        await asyncio.sleep(0.2)
        assert uart.said == b""

    with_board(tmp_path, doing, HANDED % "pl011")


@pytest.mark.parametrize("broken", ["[]", '{"outcome": "halted", "more": 1}', json.dumps({"outcome": "gone"})])
def test_a_bootloader_that_fails_is_told_of_and_its_board_stays(tmp_path: Path, broken: str) -> None:
    told: list[str] = []

    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        relay.outlets[1].command(True)
        await until(lambda: any("the twin's bootloader has failed" in line for line in told))
        assert uart.said.startswith(b"bootloader 0 with []\r\nbench twin: the twin's bootloader has failed (status ")
        assert uart.said.count(b"bootloader 0") == 1

    with_board(tmp_path, doing, broken, told=told)


def test_a_bootloader_that_somebody_kills_is_told_of(tmp_path: Path) -> None:
    async def run() -> None:
        said = bytearray()
        player = RomPlayer(rom_of(tmp_path, "wait"), Stage(said.extend, lambda: None), tmp_path)
        async with asyncio.timeout(WITHIN):
            player.start()
            await until(lambda: b"bootloader 0" in said)
            assert player._process is not None
            player._process.kill()
            await until(lambda: player.report)
            await player.close()
        assert said.endswith(b"bench twin: the twin's bootloader has failed (signal SIGKILL): it said nothing\r\n")

    asyncio.run(run())
