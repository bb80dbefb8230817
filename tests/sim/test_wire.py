"""One direction of a serial line on a clock of its own: its pace, what it cannot carry, what is cut off."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from support.virtual_time import run_virtually

from hil.sim.wire import Ends, Wire


def wire(speed: float, *, sent: int = 115200) -> tuple[Wire, bytearray]:
    heard = bytearray()
    return Wire(Ends(lambda: sent, lambda: sent, lambda: False), heard.extend, Random(1), speed), heard


@pytest.mark.parametrize(("speed", "sent", "seconds"), [(1.0, 115200, 1.0), (2.0, 115200, 0.5), (1.0, 9600, 12.0)])
def test_a_tenth_of_the_baud_rate_in_bytes_goes_through_in_a_second(speed: float, sent: int, seconds: float) -> None:
    async def doing() -> None:
        line, heard = wire(speed, sent=sent)
        line.send(bytes(11520))
        await asyncio.sleep(seconds / 2)
        assert len(heard) == pytest.approx(5760, abs=sent * speed / 10 * 0.02)
        await asyncio.sleep(seconds / 2 + 0.02)
        assert len(heard) == 11520

    run_virtually(doing())


def test_bytes_stay_in_order_over_pauses_and_pieces() -> None:
    async def doing() -> None:
        line, heard = wire(1.0, sent=9600)
        said = bytes(range(256)) * 4
        for place in range(0, len(said), 7):
            line.send(said[place : place + 7])
            await asyncio.sleep(0.03 if place % 2 else 0.001)
        await asyncio.sleep(2)
        assert heard == said

    run_virtually(doing())


def test_what_nothing_holds_any_more_is_lost_and_counted() -> None:
    async def doing() -> None:
        line, heard = wire(1.0)
        line.send(bytes(3 << 20))
        await asyncio.sleep(600)
        assert len(heard) + line.lost == 3 << 20
        assert line.lost > 1 << 20

    run_virtually(doing())


def test_a_transmitter_without_power_sends_no_more_and_begins_anew_with_it() -> None:
    async def doing() -> None:
        line, heard = wire(1.0)
        line.send(b"x" * 11520)
        await asyncio.sleep(0.5)
        line.clear()
        cut = len(heard)
        await asyncio.sleep(1)
        assert len(heard) == cut < 11520
        line.send(b"again")
        await asyncio.sleep(0.1)
        assert bytes(heard[cut:]) == b"again"

    run_virtually(doing())
