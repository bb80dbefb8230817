"""What a board's faulty wire does to frames; scapy makes and takes apart the bytes of both sides."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether
from support.examples import unless_quick
from support.virtual_time import run_virtually

from hil.sim.rom.faults import Faults
from hil.sim.rom.faulty_wire import (
    ROUTER,
    FaultyWire,
    from_router,
    late_seconds,
    with_another_menu,
    without_options,
)
from hil.sim.rom.pace import Pace
from hil.sim.rom.settings import Settings

MAC = "dc:a6:32:01:36:c2"
MENU = b"\6\1\3\x0a\4\0PXE\x09\x14\0\0\x11Raspberry Pi Boot\xff"


def message(kind: str, *options: tuple[str, object], op: int = 1) -> bytes:
    ports = (68, 67) if op == 1 else (67, 68)
    head = Ether(src=MAC, dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255")
    inner = BOOTP(op=op, xid=0x1234, chaddr=bytes.fromhex(MAC.replace(":", "")))
    return bytes(
        head / UDP(sport=ports[0], dport=ports[1]) / inner / DHCP(options=[("message-type", kind), *options, "end"])
    )


OFFER = message("offer", ("vendor_specific", MENU), op=2)


class Cable:
    """Keeps what is sent; `arrives` is what comes."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.arrives: asyncio.Queue[bytes] = asyncio.Queue()

    def send(self, frame: bytes) -> None:
        self.sent.append(frame)

    async def recv(self) -> bytes:
        return await self.arrives.get()


def heard(fault: str, frame: bytes, *, sends: bytes = b"") -> tuple[list[bytes], list[bytes], float]:
    """What a board hears of a frame, what it sent, and after how many seconds it heard."""

    async def play() -> tuple[list[bytes], list[bytes], float]:
        cable, got = Cable(), []
        async with FaultyWire(cable, Faults([fault]), late_seconds=6.0) as wire:
            if sends:
                wire.send(sends)
            cable.arrives.put_nowait(frame)
            since = asyncio.get_running_loop().time()
            after = 0.0
            while True:
                try:
                    got.append(await asyncio.wait_for(wire.recv(), 30))
                    after = asyncio.get_running_loop().time() - since
                except TimeoutError:
                    return got, cable.sent, after

    return run_virtually(play())


def test_no_link_loses_frames_of_both_directions() -> None:
    assert heard("no-link", OFFER, sends=message("discover"))[:2] == ([], [])
    assert heard("", OFFER, sends=b"x" * 60)[:2] == ([OFFER], [b"x" * 60])


def test_offers_are_late_and_other_frames_are_not() -> None:
    arp = bytes(Ether(dst=MAC) / ARP(op=2))
    assert heard("late-answer", OFFER)[2] == 6
    for quick in (arp, message("ack", op=2), message("offer")):
        assert heard("late-answer", quick)[::2] == ([quick], 0)


def test_another_menu_is_in_a_whole_message() -> None:
    changed = Ether(heard("wrong-option-43", OFFER)[0][0])
    assert b"Raspberry" not in bytes(changed)
    vendor = dict(option for option in changed[DHCP].options if isinstance(option, tuple))["vendor_specific"]
    assert len(vendor) == len(MENU)
    summed = changed[UDP].chksum
    del changed[UDP].chksum
    assert Ether(bytes(changed))[UDP].chksum == summed


def test_a_router_answers_first_and_names_no_files() -> None:
    got, sent, _ = heard("foreign-dhcp", OFFER, sends=message("discover"))
    assert len(sent) == 1
    assert got[1] == OFFER
    offer = Ether(got[0])
    assert (offer[IP].src, offer[BOOTP].xid, offer[BOOTP].chaddr[:6].hex(":")) == (ROUTER, 0x1234, MAC)
    options = dict(option for option in offer[DHCP].options if isinstance(option, tuple))
    assert (options["message-type"], options["server_id"]) == (2, ROUTER)
    assert "vendor_specific" not in options

    taken = from_router(message("request", ("server_id", ROUTER)))
    assert taken is not None
    assert dict(o for o in Ether(taken)[DHCP].options if isinstance(o, tuple))["message-type"] == 5
    assert from_router(message("request", ("server_id", "10.77.0.1"))) is None


def test_a_router_is_deceived_by_no_bytes_that_look_like_an_option() -> None:
    looks = bytes([0, *b"\x35\x01\x01", *bytes(13)])
    request = message("request", ("server_id", "10.77.0.1"), ("pxe_client_machine_identifier", looks))
    assert looks in request
    assert from_router(request) is None


@pytest.mark.parametrize(
    ("model", "eeprom", "speed", "waits"),
    [("cm4", {}, 1, 4), ("cm4", {"DHCP_REQ_TIMEOUT": 20_000}, 1, 20), ("cm4", {}, 0, 1), ("cm3", {}, 1, 5)],
)
def test_an_answer_is_later_than_this_board_waits(model: str, eeprom: dict[str, int], speed: int, waits: int) -> None:
    late = late_seconds(Settings("tap0", MAC, model, "10c2a4b7", eeprom), Pace(speed))
    assert waits < late < waits * 1.5


def test_a_server_without_options_sees_none() -> None:
    def request(words: bytes, port: int = 69) -> bytes:
        head = Ether(src=MAC) / IP(src="10.0.2.11", dst="10.0.2.100") / UDP(sport=49152, dport=port)
        return bytes(head / words)

    full, plain = b"\0\1config.txt\0octet\0tsize\x000\0blksize\x001468\0", b"\0\1config.txt\0octet\0"
    for words in (full, plain):
        sent = heard("no-oack", OFFER, sends=request(words))[1][0]
        assert bytes(Ether(sent)[UDP].payload)[: Ether(sent)[UDP].len - 8] == plain
    for other in (request(full, 70), request(b"\0\4\0\1"), message("discover")):
        assert heard("no-oack", OFFER, sends=other)[1] == [other]


def test_a_wire_that_fails_is_told_of() -> None:
    class Broken(Cable):
        async def recv(self) -> bytes:
            raise OSError("gone")

    async def play() -> None:
        async with FaultyWire(Broken(), Faults(), late_seconds=1.0):
            await asyncio.sleep(0.1)

    with pytest.raises(OSError, match="gone"):
        run_virtually(play())


@settings(max_examples=unless_quick(60), deadline=None)
@given(st.binary(max_size=400) | st.integers(0, len(OFFER)).map(lambda end: OFFER[:end]))
def test_frames_of_any_bytes_are_passed_on(frame: bytes) -> None:
    assert from_router(frame) is None
    assert with_another_menu(frame) == frame or b"Raspberry Pi Boot" in frame
    assert without_options(frame) == frame
