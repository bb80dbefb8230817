"""Each fault of a device, on each way that devices are reached: a line, HTTP, Modbus over TCP, SNMP."""

from __future__ import annotations

import asyncio
import json
import os
import termios
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import cast

import pytest
from support.twin_device import Bench, asked, with_device

from hil.sim.devices import firmware
from hil.sim.devices.modbus_line import crc
from hil.sim.devices.serial_device import SerialDevice
from hil.sim.devices.snmp import GET, INTEGER, SET, BadMessage, Binding, Message, decode
from hil.sim.line import PtyLine

pytestmark = pytest.mark.boot

SOON = 0.05
LATE = 10.0
SLOW = 0.3
RESTART = 0.4
ENABLE = (1, 3, 6, 1, 2, 1, 105, 1, 1, 1, 3, 1)


class Silent(Exception):
    """It said nothing."""


class Garbled(Exception):
    """What it said is no answer."""


@dataclass(frozen=True)
class Way:
    """How a client of one kind of device asks for a channel's state, and switches it; `first` is its first channel."""

    kind: str
    first: int
    switch: Callable[[str, int, bool, float], Awaitable[None]]
    read: Callable[[str, int, float], Awaitable[bool]]


def line(place: str) -> FileIO:
    """A line at 9600 baud, without what was said before."""
    # As the terminal of this session, if it has none, its end would be that of this process (termios(3): SIGHUP).
    port = FileIO(place, "r+b", opener=lambda path, flags: os.open(path, flags | os.O_NOCTTY))
    settings = termios.tcgetattr(port)
    settings[4] = settings[5] = termios.B9600
    termios.tcsetattr(port, termios.TCSANOW, settings)
    termios.tcflush(port, termios.TCIOFLUSH)
    return port


async def over_a_line(place: str, data: bytes, length: int, within: float) -> bytes:
    """The answer of a device on a pty, whose end this loop reads."""
    reader, loop = asyncio.StreamReader(), asyncio.get_running_loop()
    with line(place) as port:
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), port)
        port.write(data)
        try:
            async with asyncio.timeout(within):
                return await reader.readexactly(length)
        except TimeoutError as error:
            raise Silent from error
        finally:
            transport.close()


async def lcus_switch(place: str, channel: int, on: bool, within: float) -> None:
    """Not acknowledged."""
    with line(place) as port:
        port.write(bytes([0xA0, channel, on, 0xA0 + channel + on]))
        await asyncio.sleep(0.05)


async def lcus_read(place: str, channel: int, within: float) -> bool:
    said = await over_a_line(place, b"\xff", 10 * channel - 1, within)
    line = said.decode("latin-1").split("\r\n")[channel - 1].strip()
    if line not in (f"CH{channel}:ON", f"CH{channel}:OFF"):
        raise Garbled
    return line.endswith("ON")


def framed(pdu: bytes) -> bytes:
    return b"\1" + pdu + crc(b"\1" + pdu)


async def rtu(place: str, pdu: bytes, length: int, within: float) -> bytes:
    said = await over_a_line(place, framed(pdu), length + 3, within)
    if crc(said[:-2]) != said[-2:]:
        raise Garbled
    return said[1:-2]


async def rtu_switch(place: str, channel: int, on: bool, within: float) -> None:
    await rtu(place, bytes([5, 0, channel, 0xFF * on, 0]), 5, within)


async def rtu_read(place: str, channel: int, within: float) -> bool:
    return (await rtu(place, bytes([1, 0, channel, 0, 1]), 3, within))[2] == 1


async def tcp(place: str, pdu: bytes, within: float) -> bytes:
    host, _, port = place.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(b"\0\1\0\0\0" + bytes([len(pdu) + 1, 1]) + pdu)
        async with asyncio.timeout(within):
            head = await reader.readexactly(7)
            if head[2:4] != b"\0\0":
                raise Garbled
            return await reader.readexactly(head[5] - 1)
    except (TimeoutError, asyncio.IncompleteReadError) as error:
        raise Silent from error
    finally:
        writer.close()


async def tcp_switch(place: str, channel: int, on: bool, within: float) -> None:
    await tcp(place, bytes([5, 0, channel, 0xFF * on, 0]), within)


async def tcp_read(place: str, channel: int, within: float) -> bool:
    return (await tcp(place, bytes([1, 0, channel, 0, 1]), within))[2] == 1


async def web(place: str, path: str, within: float) -> dict[str, object]:
    try:
        async with asyncio.timeout(within):
            answer = await asked(place, "GET", path)
    except (TimeoutError, ConnectionError) as error:
        raise Silent from error
    try:
        return dict(json.loads(answer.body))
    except ValueError as error:
        raise Garbled from error


async def shelly2_switch(place: str, channel: int, on: bool, within: float) -> None:
    await web(place, f"/rpc/Switch.Set?id={channel}&on={json.dumps(on)}", within)


async def shelly2_read(place: str, channel: int, within: float) -> bool:
    return (await web(place, f"/rpc/Switch.GetStatus?id={channel}", within))["output"] is True


async def shelly1_switch(place: str, channel: int, on: bool, within: float) -> None:
    await web(place, f"/relay/{channel}?turn={'on' if on else 'off'}", within)


async def shelly1_read(place: str, channel: int, within: float) -> bool:
    return (await web(place, f"/relay/{channel}", within))["ison"] is True


async def tasmota_switch(place: str, channel: int, on: bool, within: float) -> None:
    await web(place, f"/cm?cmnd=Power{channel}%20{int(on)}", within)


async def tasmota_read(place: str, channel: int, within: float) -> bool:
    return (await web(place, f"/cm?cmnd=Power{channel}", within))[f"POWER{channel}"] == "ON"


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.said: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.said.set_result(data)


async def snmp(place: str, message: Message, within: float) -> Message:
    host, _, port = place.partition(":")
    address = (host, int(port))
    transport, datagrams = await asyncio.get_running_loop().create_datagram_endpoint(Datagrams, remote_addr=address)
    try:
        transport.sendto(message.encode())
        async with asyncio.timeout(within):
            return decode(await datagrams.said)
    except TimeoutError as error:
        raise Silent from error
    except BadMessage as error:
        raise Garbled from error
    finally:
        transport.close()


async def poe_switch(place: str, channel: int, on: bool, within: float) -> None:
    value = (INTEGER, b"\1" if on else b"\2")
    await snmp(place, Message(1, b"private", SET, 1, 0, 0, (Binding((*ENABLE, channel), value),)), within)


async def poe_read(place: str, channel: int, within: float) -> bool:
    answer = await snmp(place, Message(1, b"private", GET, 1, 0, 0, (Binding((*ENABLE, channel)),)), within)
    return answer.bindings[0].value == (INTEGER, b"\1")


WAYS = [
    Way("lcus", 1, lcus_switch, lcus_read),
    Way("modbus-rtu", 0, rtu_switch, rtu_read),
    Way("modbus-tcp", 0, tcp_switch, tcp_read),
    Way("shelly1", 0, shelly1_switch, shelly1_read),
    Way("shelly2", 0, shelly2_switch, shelly2_read),
    Way("tasmota", 1, tasmota_switch, tasmota_read),
    Way("poe", 1, poe_switch, poe_read),
]
FAMILIES = [way for way in WAYS if way.kind in ("lcus", "modbus-tcp", "shelly2", "poe")]
"""One for each way to reach a device."""


@pytest.mark.parametrize("way", WAYS, ids=[way.kind for way in WAYS])
def test_each_fault_is_seen_by_a_client_and_ends(tmp_path: Path, way: Way) -> None:
    first, second = way.first, way.first + 1
    acknowledges = way.kind != "lcus"

    async def doing(bench: Bench) -> None:
        async def switch(on: bool, within: float = LATE) -> None:
            await way.switch(bench.place, first, on, within)

        async def read(channel: int = first, within: float = LATE) -> bool:
            return await way.read(bench.place, channel, within)

        async def switch_off_unanswered() -> None:
            with pytest.raises(Silent) if acknowledges else nullcontext():
                await switch(False, SOON)

        await switch(True)
        assert await read()
        assert bench.on() == [first]

        bench.fault("silent")
        await switch_off_unanswered()
        with pytest.raises(Silent):
            await read(within=SOON)
        assert bench.on() == [first], "it did not even hear it"
        bench.mend()

        bench.fault("checksum")
        with pytest.raises(Garbled):
            await read()
        bench.mend()

        bench.fault("lying")
        assert await read() is False
        bench.mend()

        bench.fault("dropped-reply")
        asking = asyncio.create_task(switch(False))
        while bench.on():  # it does it
            await asyncio.sleep(0.005)
        await asyncio.wait([asking], timeout=SOON)
        assert not (acknowledges and asking.done())
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        bench.mend()
        assert await read() is False

        bench.fault("wrong-channel")
        await switch(True)
        assert bench.on() == [second]
        bench.mend()
        assert (await read(), await read(second)) == (False, True)

        await switch(True)
        bench.fault("welded", first)
        await switch(False)
        assert await read() is False
        assert bench.device.outlets[first].conducts

    with_device(tmp_path, way.kind, doing, channel=first, channels=second)


@pytest.mark.parametrize("way", FAMILIES, ids=[way.kind for way in FAMILIES])
def test_a_slow_device_answers_when_its_time_has_come_and_one_that_restarts_is_gone_for_a_while(
    tmp_path: Path, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firmware, "_RESTART_SECONDS", RESTART)

    async def doing(bench: Bench) -> None:
        await way.switch(bench.place, way.first, True, LATE)
        bench.fault("slow")
        with pytest.raises(Silent):
            await way.read(bench.place, way.first, SOON)
        assert await way.read(bench.place, way.first, LATE)
        bench.mend()

        bench.fault("reboots")
        assert bench.on() == []
        with pytest.raises((Silent, ConnectionError)):
            await way.read(bench.place, way.first, SOON)
        await asyncio.sleep(RESTART)
        assert await way.read(bench.place, way.first, LATE) is False

    with_device(tmp_path, way.kind, doing, channel=way.first, channels=way.first + 1, slow=SLOW)


@pytest.mark.parametrize("way", FAMILIES, ids=[way.kind for way in FAMILIES])
def test_a_restart_ends_what_was_asked_before(tmp_path: Path, way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firmware, "_RESTART_SECONDS", 2 * RESTART)

    async def doing(bench: Bench) -> None:
        bench.fault("slow")
        asking = asyncio.create_task(way.read(bench.place, way.first, 1.5 * SLOW))
        await asyncio.sleep(SOON)
        bench.fault("reboots")
        with pytest.raises((Silent, ConnectionError)):
            await asking

    with_device(tmp_path, way.kind, doing, channel=way.first, slow=SLOW)


@pytest.mark.parametrize("before", [True, False])
def test_a_restart_forgets_half_a_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, before: bool) -> None:
    monkeypatch.setattr(firmware, "_RESTART_SECONDS", LATE)  # longer than any pause of the host
    heard = b""
    read = PtyLine.read

    async def kept(own: PtyLine) -> bytes:
        nonlocal heard
        data = await read(own)
        heard += data
        return data

    monkeypatch.setattr(PtyLine, "read", kept)

    async def doing(bench: Bench) -> None:
        with line(bench.place) as port:

            async def say(data: str) -> None:
                end = heard + bytes.fromhex(data)
                port.write(bytes.fromhex(data))
                while heard != end:
                    await asyncio.sleep(0.001)

            if before:
                await say("A0 01")
            bench.fault("reboots")
            if not before:
                await say("A0 01")
            cast(SerialDevice, bench.device)._firmware._started()
            await say("01 A2")
        assert bench.on() == []

    with_device(tmp_path, "lcus", doing)


@pytest.mark.parametrize("way", WAYS[1:], ids=[way.kind for way in WAYS[1:]])
def test_a_fault_of_one_channel_leaves_the_other_alone(tmp_path: Path, way: Way) -> None:
    async def doing(bench: Bench) -> None:
        bench.fault("silent", way.first)
        with pytest.raises(Silent):
            await way.switch(bench.place, way.first, True, SOON)
        await way.switch(bench.place, way.first + 1, True, LATE)
        assert bench.on() == [way.first + 1]

    with_device(tmp_path, way.kind, doing, channel=way.first, channels=way.first + 1)


def test_a_silent_device_says_nothing_of_itself_either(tmp_path: Path) -> None:
    async def shelly(bench: Bench) -> None:
        bench.fault("silent")
        with pytest.raises(Silent):
            await web(bench.place, "/shelly", SOON)

    async def switch(bench: Bench) -> None:
        bench.fault("silent")
        up_time = Binding((1, 3, 6, 1, 2, 1, 1, 3, 0))
        with pytest.raises(Silent):
            await snmp(bench.place, Message(1, b"private", GET, 1, 0, 0, (up_time,)), SOON)

    with_device(tmp_path, "shelly2", shelly, channel=0)
    with_device(tmp_path, "poe", switch)


def test_a_device_that_restarts_cuts_its_connections(tmp_path: Path) -> None:
    async def doing(bench: Bench) -> None:
        host, _, port = bench.place.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        await tcp_read(bench.place, 0, LATE)
        bench.fault("reboots")
        assert await reader.read() == b""
        writer.close()
        reader, writer = await asyncio.open_connection(host, int(port))
        assert await reader.read() == b"", "and takes none yet"
        writer.close()

    with_device(tmp_path, "modbus-tcp", doing, channel=0)


def test_a_shelly_has_six_connections(tmp_path: Path) -> None:
    # Gen2 API, General/RPCChannels: "limited to 6".
    async def doing(bench: Bench) -> None:
        host, _, port = bench.place.partition(":")
        writers = [(await asyncio.open_connection(host, int(port)))[1] for _ in range(6)]
        with pytest.raises(Silent):
            await shelly2_read(bench.place, 0, SOON)
        for writer in writers:
            writer.close()
        await asyncio.sleep(0.02)
        assert await shelly2_read(bench.place, 0, LATE) is False

    with_device(tmp_path, "shelly2", doing, channel=0)
