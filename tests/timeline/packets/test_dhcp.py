"""DHCP messages are read as an independent builder wrote them, options in parts and in odd places included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP, DHCP

from hil.timeline.packets.dhcp import Client, Message, parse, user_class
from hil.timeline.packets.dhcp_options import texts

MAC = bytes.fromhex("525400123456")
FIRMWARE = b"PXEClient:Arch:00011:UNDI:003000"


def message(*options: object, op: int = 1, **fields: object) -> bytes:
    return bytes(BOOTP(op=op, xid=0xC7A946D9, chaddr=MAC, **fields) / DHCP(options=[*options, "end"]))


def read(*options: object, op: int = 1, **fields: object) -> Message:
    found = parse(message(*options, op=op, **fields))
    assert found is not None
    return found


def test_a_firmware_asks() -> None:
    machine = bytes.fromhex("00302d1446183bb55c9f0a239562f2ca9d")
    said = read(
        ("message-type", "discover"),
        (60, FIRMWARE),
        (93, b"\0\x0b"),
        (94, b"\1\3\0"),
        (97, machine),
        (61, b"\1" + MAC),
    )
    assert (said.kind, said.from_client, said.xid, said.mac) == ("DISCOVER", True, 0xC7A946D9, "52:54:00:12:34:56")
    assert (said.arch, said.vendor_class, said.user_class, said.client) == (
        11,
        FIRMWARE.decode(),
        None,
        Client.FIRMWARE,
    )
    assert texts(said) == {
        "53 DHCP message type": "DISCOVER",
        "60 vendor class": FIRMWARE.decode(),
        "93 client architecture": "11 arm 64 UEFI",
        "94 client interface": "UNDI 3.0",
        "97 client machine": "46142d30-3b18-5cb5-9f0a-239562f2ca9d",
        "61 client identifier": "52:54:00:12:34:56",
    }


def test_a_server_answers() -> None:
    said = read(
        ("message-type", "offer"), ("server_id", "10.0.2.2"), ("lease_time", 86400), ("router", "10.0.2.2"),
        op=2, yiaddr="10.0.2.15", siaddr="10.0.2.3", file=b"ipxe-arm64.efi",
    )  # fmt: skip
    assert (said.kind, said.from_client, said.server, said.given) == ("OFFER", False, "10.0.2.2", "10.0.2.15")
    assert (said.next_server, said.boot_file, said.client) == ("10.0.2.3", "ipxe-arm64.efi", Client.UNKNOWN)
    assert texts(said)["51 lease time"] == "86400 s"


def test_option_67_is_the_boot_file_before_bootps() -> None:
    assert read(("message-type", "ack"), (67, b"http://a/b\0"), op=2, file=b"other").boot_file == "http://a/b"


@pytest.mark.parametrize(
    ("options", "client"),
    [
        ([(60, FIRMWARE)], Client.FIRMWARE),
        ([(60, b"HTTPClient:Arch:00019:UNDI:003000")], Client.FIRMWARE),
        ([(60, FIRMWARE), (77, b"iPXE")], Client.IPXE),
        ([(60, FIRMWARE), (77, b"\4iPXE")], Client.IPXE),
        ([(60, FIRMWARE), (175, b"\xb1\5\1")], Client.IPXE),
        ([(60, b"PXEClient:Arch:00000:UNDI:002001")], Client.ROM),
        ([(60, b"udhcp 1.35.0")], Client.SYSTEM),
        ([], Client.SYSTEM),
    ],
)
def test_who_asks(options: list[tuple[int, bytes]], client: Client) -> None:
    assert read(("message-type", "request"), *options).client is client


@pytest.mark.parametrize(
    ("value", "text"),
    [(b"iPXE", "iPXE"), (b"\4iPXE", "iPXE"), (b"\4iPXE\2ab", "iPXE, ab"), (b"\4iPXE\0", "\\x04iPXE\\x00"), (b"", "")],
)
def test_both_encodings_of_the_user_class(value: bytes, text: str) -> None:
    assert user_class(value) == text


@given(value=st.binary(min_size=256, max_size=700))
def test_an_option_in_parts_is_one(value: bytes) -> None:
    parts = [(43, value[at : at + 255]) for at in range(0, len(value), 255)]
    assert read(("message-type", "ack"), *parts).options[43] == value


@pytest.mark.parametrize(("used", "file", "sname"), [(1, "f", ""), (2, "", "s"), (3, "f", "s")])
def test_options_in_file_and_sname(used: int, file: str, sname: str) -> None:
    fields = {"file": b"\x43\4boot\xff" if file else b"other", "sname": b"\x42\2ab\xff" if sname else b"a name"}
    said = read(("message-type", "ack"), (52, bytes([used])), op=2, **fields)
    assert said.options.get(67) == (b"boot" if file else None)
    assert said.options.get(66) == (b"ab" if sname else None)
    assert said.boot_file == ("boot" if file else "other")


@given(data=st.binary(max_size=80), at=st.integers(0, 400))
def test_any_bytes_are_no_crash(data: bytes, at: int) -> None:
    whole = message(("message-type", "ack"), (52, b"\3"), (97, data[:17]), (94, data[:3]), op=2)
    for changed in (data, whole[:at], whole[:at] + data, whole[:-1] + data):
        if (said := parse(changed)) is not None:
            assert all(text.isprintable() for text in texts(said).values())
            _ = said.server, said.boot_file, said.arch, said.client


def test_bootp_without_a_type_is_none() -> None:
    assert parse(bytes(BOOTP(chaddr=MAC))) is None
    assert parse(message(("router", "10.0.0.1"))) is None
