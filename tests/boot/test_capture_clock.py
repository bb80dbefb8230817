"""Frames sent at known times through a real QEMU without a guest: each is stamped with the time it was sent.

The frames go in at one network device of QEMU's hub and come out at another, where they are captured: each was on the
wire between its sending and its coming back.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from scapy.utils import RawPcapNgReader

from hil.clock import Deadline, hold, now_ns
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir
from hil.machines.qemu.qmp import Qmp
from hil.netboot.capture.process import Recording
from hil.netboot.capture.starting import GuestCapture
from hil.timeline.packets.stamps import HEADER, RECORD, Stamp, read_stamps
from hil.tools import programs

pytestmark = pytest.mark.boot

MS = 1_000_000
FRAMES = 20
# The local experimental EtherType 1 (IEEE 802).
FRAME = bytes.fromhex("ffffffffffff 525400000001 88b5")


def soon() -> Deadline:
    return Deadline.after(20)


@dataclass
class Hub:
    """A QEMU that is nothing but a hub with two devices, each a datagram socket.

    Args:
        way_in: frames that are sent there reach the hub.
        way_out: what comes out of the hub.
        qmp: its control channel.
        sent: of each frame, before it was sent and after it had come back, ns of the one clock.
    """

    way_in: socket.socket
    way_out: socket.socket
    qmp: Qmp
    sent: list[tuple[int, int]] = field(default_factory=list)

    def send(self, count: int) -> None:
        for _ in range(count):
            frame = FRAME + len(self.sent).to_bytes(4, "big") + bytes(46)
            before = now_ns()
            self.way_in.send(frame)
            assert self.way_out.recv(2048) == frame
            self.sent.append((before, now_ns()))
            hold(0.037)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hb-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def keeper(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    with Keeper.start(new_runtime_dir(), deadline=soon()) as keeper:
        yield keeper


def start(keeper: Keeper, folder: Path, *options: str) -> tuple[GuestCapture, Hub]:
    capture = GuestCapture.begin(Recording(keeper, keeper.directory, "n1", folder, "headers"))
    ours = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
    for number, end in enumerate(ours):
        end.bind(str(folder / f"ours{number}"))
        end.settimeout(10)
    keeper.listen("qmp", folder / "qmp")
    argv = [str(programs.qemu().path), "-machine", "none", "-nodefaults", "-display", "none", *options]
    for number, name in enumerate(("entry", "net0")):
        local, remote = (f"{whose}.type=unix,{whose}.path={folder}" for whose in ("local", "remote"))
        argv += ["-netdev", f"dgram,id={name},{local}/qemu{number},{remote}/ours{number}"]
        argv += ["-netdev", f"hubport,id=port{number},hubid=0,netdev={name}"]
    argv += ["-chardev", "socket,id=qmp0,fd={fd:qmp},server=on,wait=off", "-mon", "chardev=qmp0,mode=control"]
    keeper.spawn("qemu", [*argv, *capture.qemu_arguments], fds=["qmp"], kill=True)
    capture.await_ready()
    qmp = Qmp(folder / "qmp", "n1", capture.qemu_runs)
    qmp.execute("query-status", deadline=soon())
    ours[0].connect(str(folder / "qemu0"))
    return capture, Hub(ours[0], ours[1], qmp)


def end(keeper: Keeper, capture: GuestCapture, hub: Hub) -> None:
    keeper.signal("qemu", 9)
    keeper.wait_exit("qemu", deadline=soon())
    hub.qmp.close()
    hub.way_in.close()
    hub.way_out.close()
    capture.end()


@pytest.mark.parametrize("options", [[], ["-rtc", "base=2020-01-01"]], ids=["now", "2020"])
def test_each_frame_is_stamped_with_the_time_it_was_sent(keeper: Keeper, folder: Path, options: list[str]) -> None:
    capture, hub = start(keeper, folder, *options)
    try:
        hub.send(FRAMES)
        hub.qmp.execute("stop", deadline=soon())
        hold(2.0)
        hub.qmp.execute("cont", deadline=soon())
        hub.send(FRAMES)
    finally:
        end(keeper, capture, hub)
    anchor, stamps = read_stamps(folder / "packets.idx")
    assert len(stamps) == 2 * FRAMES
    rows = list(RECORD.iter_unpack((folder / "packets.idx").read_bytes()[HEADER.size :]))
    narrow = 0
    for stamp, (looked, arrived, _), (before, after) in zip(stamps, rows, hub.sent, strict=True):
        assert overlap(stamp, before, after)
        # What a capture that a busy host held up says of a frame is true, and not narrow.
        if arrived - looked < 30 * MS:
            narrow += 1
            assert before - 20 * MS < stamp.at_ns < after + 20 * MS
    assert narrow > FRAMES
    # QEMU's own stamps would not do: its clock stood still for two of the seconds.
    virtual = [row[2] for row in rows]
    assert (hub.sent[-1][1] - hub.sent[0][0]) - (virtual[-1] - virtual[0]) > 1900 * MS
    # What Wireshark shows is when it arrived, in wall time.
    shown = [anchor.from_wall(0) + wall_ns(meta) for _, meta in RawPcapNgReader(str(folder / "packets.pcapng"))]
    assert all(at + 1000 > before for at, (before, _) in zip(shown, hub.sent, strict=True))
    assert not (folder / "packets.note").exists()


def overlap(stamp: Stamp, before: int, after: int) -> bool:
    """Whether the stamp may be true: the frame was on the wire between these two moments."""
    return stamp.at_ns - stamp.error_ns <= after and before <= stamp.at_ns + stamp.error_ns


def wall_ns(meta: object) -> int:
    return (meta.tshigh << 32 | meta.tslow) * 10**9 // meta.tsresol  # type: ignore[attr-defined]
