"""A boot's folder becomes packets.json and marks; what is missing, broken or secret makes no boot fail and is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.tftp import TFTP, TFTP_ACK, TFTP_DATA, TFTP_RRQ
from scapy.packet import Packet

from hil.boot import Boot, Verdict
from hil.clock import WallAnchor
from hil.redaction import Hidden
from hil.timeline.draw import table
from hil.timeline.packets.conversations import read_packets
from hil.timeline.packets.marks import marks_of
from hil.timeline.timeline import Mark, Timeline
from tests.support.packets import START_NS, STEP_NS, write_capture

MAC = bytes.fromhex("525400123456")
BROADCAST = Ether(dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67)
CLIENT, SERVER = "10.0.2.15", "10.0.2.2"
IPXE = "User-Agent: iPXE/1.21\r\n\r\n"


def dhcp(kind: str, op: int = 1, client: bytes = b"PXEClient", server: str = SERVER, **fields: object) -> Packet:
    options = [("message-type", kind), (60, client) if op == 1 else ("server_id", server), "end"]
    return BROADCAST / BOOTP(op=op, xid=7, chaddr=MAC, **fields) / DHCP(options=options)


def to_server(layer: Packet) -> Packet:
    return Ether() / IP(src=CLIENT, dst=SERVER) / layer


def to_client(layer: Packet) -> Packet:
    return Ether() / IP(src=SERVER, dst=CLIENT) / layer


class Http:
    """A connection to a Matchbox."""

    def __init__(self) -> None:
        self._client, self._server = 1, 1
        self.frames = [to_server(self._tcp("S")), to_client(self._tcp("SA", server=True))]

    def ask(self, target: str, status: int, body: bytes = b"") -> None:
        ask = f"GET {target} HTTP/1.1\r\n{IPXE}".encode()
        answer = f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        self.frames += [to_server(self._tcp("A", ask)), to_client(self._tcp("A", answer, server=True))]

    def _tcp(self, flags: str, data: bytes = b"", *, server: bool = False) -> Packet:
        ports = (8080, 40000) if server else (40000, 8080)
        segment = TCP(sport=ports[0], dport=ports[1], flags=flags, seq=self._server if server else self._client)
        if server:
            self._server += len(data) + ("S" in flags)
        else:
            self._client += len(data) + ("S" in flags)
        return segment / data if data else segment


def a_boot() -> list[Packet]:
    http = Http()
    http.ask("/boot.ipxe", 200, b"#!ipxe")
    http.ask("/ipxe?mac=a&token=hunter2hunter2", 200, b"#!ipxe")
    http.ask("/assets/kernel", 200, bytes(900))
    http.ask("/assets/initrd", 200, bytes(700))
    http.ask("/generic?mac=a", 404, b"no")
    asked = UDP(sport=2000, dport=69) / TFTP() / TFTP_RRQ(filename="ipxe.efi")
    return [
        dhcp("discover"),
        dhcp("discover"),
        dhcp("offer", 2, yiaddr=CLIENT, file=b"ipxe.efi"),
        dhcp("offer", 2, yiaddr="10.0.2.99", server="10.0.2.9"),
        dhcp("request"),
        dhcp("ack", 2, yiaddr=CLIENT, file=b"ipxe.efi"),
        to_server(asked),
        to_client(UDP(sport=4000, dport=2000) / TFTP() / TFTP_DATA(block=1) / b"program"),
        to_server(UDP(sport=2000, dport=4000) / TFTP() / TFTP_ACK(block=1)),
        *http.frames,
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_capture(tmp_path, [bytes(packet) for packet in a_boot()])
    return tmp_path


def boot_in(folder: Path) -> Boot:
    return Boot(1, "node1", "probe", {}, folder, Timeline(START_NS, WallAnchor(START_NS, 0)))


def test_the_marks_of_a_boot(folder: Path) -> None:
    found = read_packets(folder)
    assert found is not None
    marks = marks_of(found)
    assert [(mark.stage, (mark.at_ns - START_NS) // STEP_NS) for mark in marks] == [
        ("pxe", 1),
        ("dhcp-offer", 3),
        ("dhcp-offer", 4),
        ("lease", 6),
        ("nbp", 8),
        ("ipxe", 12),
        ("profile", 15),
        ("kernel-fetched", 17),
        ("initrd-fetched", 19),
    ]
    assert {mark.source for mark in marks} == {"packets"}
    assert marks[2].evidence == "10.0.2.9 offers 10.0.2.99 to firmware"
    # What is known of a packet's moment: 1 us to either side, and QEMU's clock to a whole one.
    assert {mark.error_ns for mark in marks} == {2000}


def test_the_record(folder: Path) -> None:
    boot = boot_in(folder)
    boot.settle(Verdict.READY)
    document = json.loads((folder / "packets.json").read_text())
    assert document["schema"] == "hil.packets/1"
    assert document["capture"] == {
        "packets": 21,
        "bytes": sum(len(bytes(packet)) for packet in a_boot()),
        "payloads": "cut",
        "file": "packets.pcapng",
        "complete": True,
        "note": "",
    }
    assert [(said["message"], said["client"]) for said in document["dhcp"]][-1] == ("ACK", "firmware")
    assert [(one["file"], one["outcome"], one["bytes"]) for one in document["tftp"]] == [("ipxe.efi", "done", 7)]
    told = [(one["target"], one["status"], one["bytes"], one["outcome"]) for one in document["http"]]
    assert told[2:] == [
        ("/assets/kernel", 200, 900, "done"),
        ("/assets/initrd", 200, 700, "done"),
        ("/generic?mac=a", 404, 2, "done"),
    ]
    assert document["http"][0]["seconds"] == pytest.approx(0.012)
    assert json.loads((folder / "boot.json").read_text())["packets"] == {"read": True, "note": ""}


def test_a_second_reading_doubles_no_mark(folder: Path) -> None:
    boot = boot_in(folder)
    write_capture(folder, [bytes(packet) for packet in a_boot()[:9]])
    boot.settle(Verdict.READY)
    assert boot.timeline.first("profile") is None
    write_capture(folder, [bytes(packet) for packet in a_boot()])
    boot.leave()
    stages = [mark["stage"] for mark in json.loads((folder / "timeline.json").read_text())["marks"]]
    assert (stages.count("pxe"), stages.count("profile")) == (1, 1)
    assert len(json.loads((folder / "packets.json").read_text())["http"]) == 5


def test_what_has_not_grown_is_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boot = boot_in(folder)
    boot.settle(Verdict.READY)
    monkeypatch.setattr("hil.timeline.packets.conversations.read_packets", lambda _: pytest.fail("read again"))
    boot.leave()
    boot.settle(Verdict.READY)


@pytest.mark.parametrize(
    ("file", "data", "note"),
    [
        ("packets.pcapng", b"", "no pcapng file"),
        ("packets.idx", b"not an index", "no index of captured packets"),
        ("packets.idx", None, "cannot be read"),
        ("packets.pcapng", None, "no packets were captured"),
    ],
)
def test_a_broken_capture_is_no_error_of_the_boot(folder: Path, file: str, data: bytes | None, note: str) -> None:
    (folder / file).unlink()
    if data is not None:
        (folder / file).write_bytes(data)
    boot = boot_in(folder)
    boot.settle(Verdict.READY)
    assert (boot.verdict, boot.error) == (Verdict.READY, None)
    assert not (folder / "packets.json").exists()
    told = json.loads((folder / "boot.json").read_text())["packets"]
    assert not told["read"]
    assert note in told["note"]


def test_what_is_missing_is_said(folder: Path) -> None:
    (folder / "packets.note").write_text("the limit was reached: no packet after it was kept\n")
    file = folder / "packets.pcapng"
    file.write_bytes(file.read_bytes()[:-3])
    boot = boot_in(folder)
    boot.settle(Verdict.READY)
    capture = json.loads((folder / "packets.json").read_text())["capture"]
    assert (capture["packets"], capture["complete"]) == (20, False)
    assert capture["note"] == (
        "the limit was reached: no packet after it was kept; packets.pcapng ends in the middle of a packet"
    )
    assert json.loads((folder / "boot.json").read_text())["packets"]["note"] == capture["note"]


def test_a_secret_in_a_target_reaches_no_record(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = Hidden()
    monkeypatch.setattr("hil.report.folder.HIDDEN", hidden)
    boot_in(folder).settle(Verdict.READY)
    written = [folder / name for name in ("packets.json", "timeline.json", "timeline.txt")]
    assert all("hunter2hunter2" in path.read_text() for path in written[:2])
    hidden.add(["hunter2hunter2"])
    boot_in(folder).settle(Verdict.READY)
    assert not any("hunter2hunter2" in path.read_text() for path in written)


def test_sources_that_agree_have_one_row_and_others_two(folder: Path) -> None:
    boot = boot_in(folder)
    console = Mark("nbp", START_NS + 10 * STEP_NS, 5_000_000, "console", "NBP file downloaded successfully")
    matchbox = Mark("profile", START_NS + 4000 * STEP_NS, 5_000_000, "matchbox", "profile 'probe'")
    boot.timeline.add([console, matchbox])
    boot.settle(Verdict.READY)
    rows = [(row.split()[0], row) for row in (folder / "timeline.txt").read_text().splitlines()[1:]]
    [nbp] = [row for stage, row in rows if stage == "nbp"]
    assert nbp.endswith("NBP file downloaded successfully (packets: -0.002s)")
    one, other = [row for stage, row in rows if stage == "profile"]
    assert "packets  200 GET /ipxe?mac=a" in one
    assert other.endswith("matchbox profile 'probe'")
    # In the record both stand in any case.
    assert [mark.source for mark in boot.timeline if mark.stage == "nbp"] == ["packets", "console"]


def test_an_error_bound_widens_what_agrees() -> None:
    packets = Mark("nbp", 0, 0, "packets", "a")
    console = Mark("nbp", 3_000_000_000, 0, "console", "b")
    for seconds, rows in ((0, 3), (2, 2)):
        timeline = Timeline(0, WallAnchor(0, 0))
        timeline.add([packets, replace(console, error_ns=seconds * 1_000_000_000)])
        assert len(table(timeline).splitlines()) == rows
