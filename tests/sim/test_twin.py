"""A whole twin on a clock of its own: contacts, boards, wires, faults, and that a seed repeats a run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar, cast

import pytest
from support.twin_parts import MADE, Listener, Relay, plain_devices
from support.virtual_time import run_virtually

from hil.errors import UsageError
from hil.sim.devices import KINDS
from hil.sim.plan import BoardPlan, DevicePlan, Plan, Script
from hil.sim.twin import Twin

__all__ = ["plain_devices"]
pytestmark = pytest.mark.usefixtures("plain_devices")

T = TypeVar("T")
READY = b"/ # "


def bench(tmp_path: Path, *, seed: int = 1, baud: int = 115200, script: str = "linux", speed: float = 0.0) -> Plan:
    return Plan(
        seed,
        tmp_path,
        (DevicePlan("relay", "plain-relay"), DevicePlan("uart1", "plain-console", {"baud": baud})),
        (BoardPlan("node1", feeds=(("relay", 1),), console="uart1", actor=Script(script), speed=speed),),
    )


def played(plan: Plan, doing: Callable[[Twin, Relay, Listener], Awaitable[T]]) -> tuple[T, list[str]]:
    """What `doing` returns, done with a twin that runs; and what the twin told."""
    told: list[str] = []

    async def play() -> T:
        twin = Twin(plan, told.append)
        try:
            await twin.start()
            return await doing(twin, cast(Relay, MADE["relay"]), cast(Listener, MADE["uart1"]))
        finally:
            await twin.close()

    return run_virtually(play()), told


def board(twin: Twin) -> dict[str, object]:
    return cast("dict[str, dict[str, dict[str, object]]]", twin.state())["boards"]["node1"]


def test_a_board_boots_when_its_relay_closes_and_its_prompt_echoes(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        await asyncio.sleep(5)
        assert uart.said == b""
        assert board(twin)["powered"] is False

        relay.outlets[1].command(True)
        await asyncio.sleep(2)
        assert b"Booting Linux" in uart.said
        assert uart.said.endswith(READY)

        uart.typed(b"hello\n")
        assert uart.said.endswith(b"hello\r\n" + READY)

    _, told = played(bench(tmp_path), doing)
    assert told == ["relay channel 1: closes", "node1: its supply is there", "node1: starts"]


def test_a_short_interruption_is_not_even_noticed_and_a_long_one_boots_anew(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        contact = relay.outlets[1]
        contact.command(True)
        await asyncio.sleep(2)
        contact.command(False)
        await asyncio.sleep(0.08)
        contact.command(True)
        await asyncio.sleep(2)
        assert uart.said.count(b"Booting Linux") == 1

        contact.command(False)
        await asyncio.sleep(2)
        contact.command(True)
        await asyncio.sleep(2)
        assert uart.said.count(b"Booting Linux") == 2
        assert (board(twin)["starts"], board(twin)["resets"]) == (2, 1)

    played(bench(tmp_path), doing)


def test_a_board_that_lost_its_power_says_nothing_more(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        relay.outlets[1].command(True)
        await asyncio.sleep(5)
        relay.outlets[1].command(False)
        await asyncio.sleep(1)
        heard = len(uart.said)
        uart.typed(b"hello\n")
        await asyncio.sleep(5)
        assert len(uart.said) == heard > 0

    played(bench(tmp_path, script="chatty"), doing)


def test_a_welded_contact_feeds_its_board_whatever_it_is_told(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        relay.outlets[1].command(True)
        await asyncio.sleep(2)
        twin.fault("relay", "welded", 1, on=True)
        relay.outlets[1].command(False)
        await asyncio.sleep(5)
        assert (relay.outlets[1].commanded, relay.outlets[1].conducts) == (False, True)
        assert (board(twin)["powered"], board(twin)["resets"]) == (True, 0)
        assert relay.place is not None
        assert relay.place.load(1).watts > 1

        twin.mend("relay")
        await asyncio.sleep(1)
        assert (board(twin)["powered"], board(twin)["resets"]) == (False, 1)
        assert relay.place.load(1).watts == 0

    played(bench(tmp_path), doing)


def test_contacts_in_series_feed_a_board_when_all_conduct(tmp_path: Path) -> None:
    plan = bench(tmp_path)
    both = BoardPlan("node1", feeds=(("relay", 1), ("relay", 3)), console="uart1")
    plan = Plan(plan.seed, plan.directory, plan.devices, (both,))

    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        fed = []
        for channel, on in ((1, True), (3, True), (1, False), (1, True), (3, False)):
            relay.outlets[channel].command(on)
            fed.append(board(twin)["powered"])
        assert fed == [False, True, False, True, False]

    played(plan, doing)


def test_a_plug_that_only_measures_sees_the_board_whatever_its_own_contact_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "tasmota", KINDS["plain-relay"])
    measured = BoardPlan("node1", feeds=(("relay", 1),), measured_by=(("plug", 2),))
    beside = BoardPlan("node2", feeds=(("relay", 3),), measured_by=(("plug", 2),))
    plugs = DevicePlan("relay", "plain-relay"), DevicePlan("uart1", "plain-console"), DevicePlan("plug", "tasmota")

    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        place, plug = relay.place, cast(Relay, MADE["plug"]).place
        assert place is not None
        assert plug is not None
        for channel in (1, 3):
            relay.outlets[channel].command(True)
        await asyncio.sleep(50)
        assert plug.load(2).watts == pytest.approx(2 * place.load(1).watts / 0.85 + 0.1, rel=0.1)
        relay.outlets[3].command(False)
        await asyncio.sleep(50)
        assert plug.load(2).watts == pytest.approx(place.load(1).watts / 0.85 + 0.1)
        assert (plug.load(1).watts, plug.load(1).supply_volts) == (0, 230)

    played(Plan(1, tmp_path, plugs, (measured, beside)), doing)


def test_a_wire_of_its_own_speed_takes_its_time_and_loses_nothing(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> bytes:
        relay.outlets[1].command(True)
        await asyncio.sleep(0.45)
        early = len(uart.said)
        await asyncio.sleep(10)
        assert early < len(uart.said) / 2
        return uart.said

    plan = bench(tmp_path, speed=0.05)
    slow, _ = played(plan, doing)
    quick, _ = played(bench(tmp_path), _boot)
    assert slow == quick


async def _boot(twin: Twin, relay: Relay, uart: Listener) -> bytes:
    relay.outlets[1].command(True)
    await asyncio.sleep(2)
    return uart.said


@pytest.mark.parametrize("fault", ["noise", "wrong-baud"])
def test_a_faulty_wire_garbles_and_a_mended_one_does_not(tmp_path: Path, fault: str) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> bytes:
        twin.fault("uart1", fault, None, on=True)
        garbled = await _boot(twin, relay, uart)
        twin.fault("uart1", fault, None, on=False)
        uart.said = b""
        uart.typed(b"reboot\n")
        await asyncio.sleep(2)
        assert b"Booting Linux on physical CPU" in uart.said
        return garbled

    garbled, _ = played(bench(tmp_path), doing)
    plain, _ = played(bench(tmp_path), _boot)
    assert garbled != plain
    if fault == "noise":
        assert len(garbled) == len(plain)
        assert sum(one != other for one, other in zip(garbled, plain, strict=True)) < 0.1 * len(plain)
    else:
        assert b"Linux" not in garbled


def test_a_reader_at_another_speed_than_the_board_hears_garbage(tmp_path: Path) -> None:
    said, _ = played(bench(tmp_path, baud=9600), _boot)
    assert said
    assert b"Linux" not in said


def test_a_break_is_one_byte_of_zeros(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        twin.fault("uart1", "break", None, on=True)
        assert uart.said == b"\0"

    played(bench(tmp_path), doing)


def test_what_a_board_had_not_sent_when_it_lost_its_power_is_never_sent(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        await _boot(twin, relay, uart)
        relay.outlets[1].command(False)
        await asyncio.sleep(1)
        heard = len(uart.said)
        await asyncio.sleep(10)
        assert len(uart.said) == heard > 0

    played(bench(tmp_path, speed=0.01), doing)


def test_a_device_can_start_itself_again_and_again(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        seen: list[tuple[str, int | None, bool]] = []
        relay.faults.watch(lambda name, channel, on: seen.append((name, channel, on)))
        for _ in range(2):
            twin.fault("relay", "reboots", None, on=True)
        assert [on for _, _, on in seen] == [True, False, True]

    played(bench(tmp_path), doing)


def test_a_seed_repeats_bytes_and_figures_and_another_does_not(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> tuple[bytes, list[object]]:
        twin.fault("uart1", "noise", None, on=True)
        figures: list[object] = []
        for off in (0.08, 0.3, 2.0):
            relay.outlets[1].command(True)
            await asyncio.sleep(1.7)
            figures.append(twin.state())
            assert relay.place is not None
            figures += [relay.place.load(1), relay.place.random.random()]
            relay.outlets[1].command(False)
            await asyncio.sleep(off)
        return uart.said, figures

    once, again, other = (played(bench(tmp_path, seed=seed), doing) for seed in (7, 7, 8))
    assert once == again
    assert once[0][0] != other[0][0]
    assert once[0][1] != other[0][1]


def test_a_supply_that_is_too_weak_makes_a_board_start_over_and_over_until_it_is_mended(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        twin.fault("node1", "brown-out", None, on=True)
        assert board(twin)["faults"] == ["brown-out"]
        relay.outlets[1].command(True)
        await asyncio.sleep(15)
        assert cast(int, board(twin)["resets"]) > 3
        assert uart.said.count(b"this boot is a script") == board(twin)["starts"]
        twin.mend("node1")
        await asyncio.sleep(5)
        starts = board(twin)["starts"]
        await asyncio.sleep(60)
        assert board(twin)["starts"] == starts
        for name, words in (("node1", "no fault 'no-link'"), ("node2", "no device 'node2'")):
            with pytest.raises(UsageError, match=words):
                twin.fault(name, "no-link", None, on=True)

    _, told = played(bench(tmp_path), doing)
    assert "node1: brown-out begins" in told
    assert "node1: brown-out ends" in told


def test_a_board_that_shuts_itself_down_keeps_its_supply(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        await _boot(twin, relay, uart)
        uart.typed(b"poweroff\n")
        await asyncio.sleep(5)
        assert uart.said.endswith(b"reboot: Power down\r\n")
        assert board(twin)["powered"] is True
        assert 0 < cast(float, board(twin)["watts"]) < 1.5

    played(bench(tmp_path), doing)


def test_what_a_twin_does_not_have_is_named(tmp_path: Path) -> None:
    async def doing(twin: Twin, relay: Relay, uart: Listener) -> None:
        with pytest.raises(UsageError, match="no device 'plug'"):
            twin.fault("plug", "silent", None, on=True)
        with pytest.raises(UsageError, match="no channel 9"):
            twin.fault("relay", "silent", 9, on=True)
        with pytest.raises(UsageError, match="no fault 'tired'"):
            twin.fault("relay", "tired", None, on=True)

    played(bench(tmp_path), doing)
    for wrong, why in (
        (BoardPlan("node1", console="relay"), "its console relay is a plain-relay"),
        (BoardPlan("node1", feeds=(("relay", 7),)), "no channel 7"),
        (BoardPlan("node1", actor=Script("opera")), "no script 'opera'"),
    ):
        with pytest.raises(UsageError, match=why):
            played(Plan(1, tmp_path, bench(tmp_path).devices, (wrong,)), _boot)
    with pytest.raises(UsageError, match="no model of the kind 'toaster'"):
        played(Plan(1, tmp_path, (DevicePlan("relay", "toaster"),)), _boot)
