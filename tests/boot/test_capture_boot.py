"""A real boot whose capture process is killed half-way: the machine boots on, and what was kept until then is cut."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from scapy.utils import RawPcapNgReader

from hil.bench import open_bench
from hil.boot import Verdict
from hil.clock import Deadline, hold
from hil.config.rig import load_rig
from hil.keeper.client import Keeper
from hil.timeline.packets.stamps import Stamp, read_stamps
from hil.timeline.stages import PROFILE

pytestmark = pytest.mark.boot

LONG = 240.0
CAPTURE = "capture:node1"


def kept(folder: Path) -> tuple[list[bytes], list[Stamp]]:
    return [raw for raw, _ in RawPcapNgReader(str(folder / "packets.pcapng"))], read_stamps(folder / "packets.idx")[1]


def kill_capture(keeper: Keeper, folder: Path, said: bytes, deadline: Deadline) -> None:
    """Kill it as soon as it has kept these words, and not between its two files: it takes packets in its own time."""
    while True:
        keeper.signal(CAPTURE, signal.SIGSTOP)
        packets, stamps = kept(folder)
        if said in b"\n".join(packets) and len(packets) == len(stamps):
            keeper.signal(CAPTURE, signal.SIGKILL)
            return
        assert not deadline.expired
        keeper.signal(CAPTURE, signal.SIGCONT)
        hold(0.01)


def test_a_boot_goes_on_when_its_capture_dies(runtime: Path, tmp_path: Path) -> None:
    with open_bench(load_rig("virt", cwd=tmp_path), artifacts=tmp_path / "records", image="probe") as bench:
        [node] = bench.nodes.values()
        boot, deadline = node.power.on(), Deadline.after(LONG)
        while boot.timeline.first(PROFILE) is None:
            assert not deadline.expired
            node.attend(Deadline.after(0.05))
        kill_capture(bench.keeper, boot.folder, b"GET /ipxe?uuid=", deadline)
        assert node.wait_ready(LONG).verdict is Verdict.READY
        node.power.off()
    packets, stamps = kept(boot.folder)
    assert len(packets) == len(stamps)
    assert all(boot.timeline.origin_ns <= stamp.at_ns + stamp.error_ns for stamp in stamps)
    seen = b"\n".join(packets)
    for said in (b"PXEClient:Arch:00011", b"GET /boot.ipxe HTTP/1.1", b"GET /ipxe?uuid=", b"HTTP/1.1 200 OK"):
        assert said in seen
    # iPXE's scripts are what Matchbox answers: bodies.
    assert b"#!ipxe" not in seen
    assert (boot.folder / "packets.note").read_text().startswith("the capture process did not come to its end")
