"""Whole power-ons in a network whose servers say anything: each ends in time, with a report."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP
from scapy.layers.inet import IP, UDP
from scapy.packet import Packet
from support.rom_network import settings
from support.rom_wire import MAC, SERVER_MAC, Wire, run_in_its_time, seconds, udp

from hil.sim.rom.bootloader import Bootloader
from hil.sim.rom.cm3 import BootRom
from hil.sim.rom.faults import Faults
from hil.sim.rom.network import PortNetwork, block_size
from hil.sim.rom.pace import Pace
from hil.sim.rom.port import BCM2711, BCM2837, Port
from hil.sim.rom.report import Report
from hil.sim.rom.seconds import Seconds
from hil.sim.rom.uart import Uart

SERVER, BOARD = "10.0.2.100", "10.0.2.11"
MENU = b"\6\1\3\x0a\4\0PXE\x09\x17\0\0\x14Raspberry Pi Boot   \xff"
GOOD = {54: b"\x0a\0\2\x64", 1: b"\xff\xff\xff\0", 43: MENU}
SHORT = {"BOOT_ORDER": 0xE2, "DHCP_TIMEOUT": 5000, "TFTP_FILE_TIMEOUT": 5000}
WITHIN = 300.0

VALUES = st.binary(max_size=8) | st.sampled_from([b"\x0a\0\2\x64", bytes(4), MENU])
NAMES = st.binary(max_size=12) | st.sampled_from([b"", b"10.0.2.100", b"10.0.2.08", b"10.0.2.256"])
OPTIONS = st.fixed_dictionaries({66: NAMES}, optional=dict.fromkeys((0, 1, 3, 28, 43, 51, 53, 54, 60, 255), VALUES))
ANSWERS = st.tuples(
    st.sampled_from([2, 5, 6]),
    st.sampled_from([BOARD, "0.0.0.0", "255.255.255.255"]),
    st.sampled_from([SERVER, "0.0.0.0", "192.0.2.1"]),
    OPTIONS,
)
USUAL = st.builds(lambda kind, more: (kind, BOARD, SERVER, {**GOOD, **more}), st.sampled_from([2, 5]), OPTIONS)
TFTP = (
    st.binary(max_size=30)
    | st.builds(lambda block, data: struct.pack("!HH", 3, block) + data, st.integers(0, 3), st.binary(max_size=600))
    | st.builds(lambda code, text: struct.pack("!HH", 5, code) + text, st.integers(0, 2), st.binary(max_size=9))
    | st.sampled_from([b"\0\6tsize\x0050\0blksize\x001468\0", b"\0\6tsize\x00-1\0blksize\x007\0", b"\0\5\0\1no\0"])
)


def dhcp(asked: Packet, kind: int, yours: str, server: str, options: dict[int, bytes]) -> Packet:
    own = BOOTP(op=2, xid=asked[BOOTP].xid, chaddr=asked[BOOTP].chaddr, yiaddr=yours, siaddr=server)
    told = b"".join(bytes([number, len(value)]) + value for number, value in {53: bytes([kind]), **options}.items())
    return udp(SERVER, 67, "255.255.255.255", 68, bytes(own)[:236] + b"\x63\x82\x53\x63" + told + b"\xff")


def booted(model: str, data: st.DataObject) -> tuple[Report, float]:
    def answers(asked: Packet) -> Iterable[Packet]:
        if asked[UDP].dport == 67:
            for answer in data.draw(st.lists(USUAL | ANSWERS, max_size=3)):
                yield dhcp(asked, *answer)
        else:
            for words in data.draw(st.lists(TFTP, max_size=3)):
                port = data.draw(st.sampled_from([50000, 50000, 69]))
                yield udp(SERVER, port, asked[IP].src, asked[UDP].sport, words)

    async def play() -> tuple[Report, float]:
        own, pace, older = settings(model=model, eeprom=SHORT), Pace(1), model == "cm3"
        said, passed = bytearray(), Seconds(pace)
        async with Port(Wire(answers, {SERVER: SERVER_MAC}), MAC, pace, BCM2837 if older else BCM2711) as port:
            network = PortNetwork(port, block_size(own))
            uart = Uart(said.extend, passed, "2021" if older else "2024", speaks=True)
            rom = (BootRom if older else Bootloader)(own, network, uart, passed, Faults())
            return await rom.run(), seconds()

    return run_in_its_time(play())


@pytest.mark.parametrize("model", ["cm4", "cm3"])
@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_power_on_ends_whatever_servers_say(model: str, data: st.DataObject) -> None:
    report, passed = booted(model, data)
    assert report.outcome in ("handed over", "halted")
    assert passed < WITHIN
