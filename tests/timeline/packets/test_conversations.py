"""Any frames become a document of JSON; what is too much is left out and said."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.tftp import TFTP, TFTP_RRQ

from hil.timeline.packets import conversations
from hil.timeline.packets.conversations import converse
from hil.timeline.packets.marks import marks_of
from hil.timeline.packets.pcapng import Place, Places
from hil.timeline.packets.stamps import Stamp

ETHER = Ether(src="52:54:00:00:00:01", dst="52:54:00:00:00:02")
SEEDS = [
    bytes(ETHER / IP() / UDP(sport=68, dport=67) / BOOTP(chaddr=bytes(6)) / DHCP(options=[("message-type", 1)])),
    bytes(ETHER / IP() / UDP(sport=9, dport=69) / TFTP() / TFTP_RRQ(filename="a")),
    bytes(ETHER / IP() / TCP(flags="PA") / b"GET /ipxe HTTP/1.1\r\nUser-Agent: iPXE/1\r\n\r\n"),
    bytes(ETHER / IP() / TCP(flags="PA", sport=80, dport=20) / b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"),
]


def document(frames: list[bytes], *, whole: bool = True) -> dict[str, object]:
    places: list[Place] = []
    at = 0
    for frame in frames:
        places.append((at, at + len(frame), len(frame)))
        at += len(frame)
    found = converse(b"".join(frames), Places(places, whole), [Stamp(number, 1) for number in range(len(frames))])
    assert all(mark.evidence.isprintable() for mark in marks_of(found))
    return found.to_json(0)


@given(
    frames=st.lists(
        st.tuples(st.sampled_from(SEEDS), st.integers(0, 400), st.binary(max_size=12), st.booleans()), max_size=8
    )
)
def test_any_frames_are_a_document(frames: list[tuple[bytes, int, bytes, bool]]) -> None:
    changed = [seed[:at] + data + (seed[at + len(data) :] if goes_on else b"") for seed, at, data, goes_on in frames]
    made = document(changed)
    assert json.loads(json.dumps(made)) == made


def test_what_is_too_much_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "MOST", 2)
    made = document([SEEDS[0]] * 3 + [SEEDS[1]], whole=False)
    assert (len(made["dhcp"]), len(made["tftp"])) == (2, 1)  # type: ignore[arg-type]
    capture = made["capture"]
    assert isinstance(capture, dict)
    assert not capture["complete"]
    assert capture["note"] == (
        "packets.pcapng ends in the middle of a packet; of 3 DHCP messages the first 2 are listed"
    )
