"""Serial lines that are ptys behind names: against pyserial on the other side."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import serial

from hil.sim.line import PtyLine

WITHIN = 10.0


def lined(tmp_path: Path, doing: Callable[[PtyLine], Awaitable[None]]) -> None:
    async def run() -> None:
        line = PtyLine(tmp_path / "relay")
        try:
            async with asyncio.timeout(WITHIN):
                await doing(line)
        finally:
            line.close()
        assert not (tmp_path / "relay").is_symlink()

    asyncio.run(run())


def opened(line: PtyLine, baud: int = 9600) -> serial.Serial:
    return serial.Serial(str(line.path), baud, timeout=WITHIN)


async def lost(line: PtyLine, count: int) -> None:
    """Wait until so many bytes are."""
    while line.lost < count:
        await asyncio.sleep(0.005)


def test_bytes_go_both_ways_as_they_are_and_the_readers_speed_is_seen(tmp_path: Path) -> None:
    async def doing(line: PtyLine) -> None:
        every = bytes(range(256))
        assert line.opened is False
        with opened(line) as port:
            port.write(every)
            received = b""
            while len(received) < len(every):
                received += await line.read()
            assert received == every
            line.write(every)
            assert await asyncio.to_thread(port.read, len(every)) == every
            assert line.opened is True
            speeds = [line.baud]
            for baud in (115200, 74880):  # the second is none of termios's own
                port.baudrate = baud
                speeds.append(line.baud)
            assert speeds == [9600, 115200, 74880]

    lined(tmp_path, doing)


def test_what_is_said_to_nobody_is_lost_counted_and_heard_by_no_later_reader(tmp_path: Path) -> None:
    async def doing(line: PtyLine) -> None:
        line.write(b"nobody")
        assert line.lost == 6
        with opened(line) as port:
            line.write(b"somebody")
            assert await asyncio.to_thread(port.read, 8) == b"somebody"
        line.write(b"nobody again")
        assert line.lost == 18

    lined(tmp_path, doing)


def test_a_reader_that_does_not_read_holds_up_nobody_and_loses_what_is_too_much(tmp_path: Path) -> None:
    async def doing(line: PtyLine) -> None:
        said = b"0123456789" * 20_000
        with opened(line) as port:
            line.write(said)
            assert 0 < line.lost < len(said)
            kept = await asyncio.to_thread(port.read, len(said) - line.lost)
            assert kept == said[: len(kept)]
            line.write(b"next")
            assert await asyncio.to_thread(port.read, 4) == b"next"

    lined(tmp_path, doing)


def test_a_program_that_sets_nothing_gets_and_sends_bytes_as_they_are_and_no_echo(tmp_path: Path) -> None:
    async def doing(line: PtyLine) -> None:
        descriptor = os.open(line.path, os.O_RDWR | os.O_NOCTTY)
        try:
            os.write(descriptor, b"a\r\n")
            assert await line.read() == b"a\r\n"
            line.write(b"b\r\n\x03")
            assert await asyncio.to_thread(os.read, descriptor, 100) == b"b\r\n\x03"
        finally:
            os.close(descriptor)

    lined(tmp_path, doing)


def test_a_line_that_nobody_has_open_any_more_wakes_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    woken = []
    original = PtyLine._take
    monkeypatch.setattr(PtyLine, "_take", lambda line: (woken.append(1), original(line)))

    async def doing(line: PtyLine) -> None:
        opened(line).close()
        await asyncio.sleep(0.05)
        assert len(woken) < 5

    lined(tmp_path, doing)


def test_a_reader_that_closes_with_bytes_still_on_their_way_loses_them(tmp_path: Path) -> None:
    async def doing(line: PtyLine) -> None:
        port = opened(line)
        line.write(bytes(60_000))
        before = line.lost
        port.close()
        await lost(line, before + 1)

    lined(tmp_path, doing)


def test_unplugging_hangs_up_and_the_same_name_comes_back(tmp_path: Path) -> None:
    async def doing(line: PtyLine) -> None:
        port = opened(line)
        reading = asyncio.create_task(line.read())
        line.unplug()
        assert not line.path.is_symlink()
        assert (line.plugged, line.opened, line.baud) == (False, False, 0)
        line.write(b"into the air")
        with pytest.raises((serial.SerialException, OSError)):
            await asyncio.to_thread(port.read)
        port.close()

        line.plug()
        with opened(line) as again:
            again.write(b"back")
            assert await reading == b"back"

    lined(tmp_path, doing)
