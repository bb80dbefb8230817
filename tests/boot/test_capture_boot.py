"""A real boot whose capture process is killed half-way: the machine boots on, and what was kept until then is cut."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from scapy.utils import RawPcapNgReader

from hil.bench import open_bench
from hil.boot import Verdict
from hil.clock import Deadline
from hil.config.rig import load_rig
from hil.timeline.packets.stamps import read_stamps
from hil.timeline.stages import PROFILE

pytestmark = pytest.mark.boot

LONG = 240.0


def test_a_boot_goes_on_when_its_capture_dies(runtime: Path, tmp_path: Path) -> None:
    with open_bench(load_rig("virt", cwd=tmp_path), artifacts=tmp_path / "records", image="probe") as bench:
        [node] = bench.nodes.values()
        boot, deadline = node.power.on(), Deadline.after(LONG)
        while boot.timeline.first(PROFILE) is None:
            assert not deadline.expired
            node.attend(Deadline.after(0.05))
        bench.keeper.signal("capture:node1", signal.SIGKILL)
        assert node.wait_ready(LONG).verdict is Verdict.READY
        node.power.off()
    packets = [raw for raw, _ in RawPcapNgReader(str(boot.folder / "packets.pcapng"))]
    _, stamps = read_stamps(boot.folder / "packets.idx")
    assert abs(len(packets) - len(stamps)) <= 1
    assert all(boot.timeline.origin_ns <= stamp.at_ns + stamp.error_ns for stamp in stamps)
    kept = b"\n".join(packets)
    for said in (b"PXEClient:Arch:00011", b"GET /boot.ipxe HTTP/1.1", b"GET /ipxe?uuid=", b"HTTP/1.1 200 OK"):
        assert said in kept
    # iPXE's scripts are what Matchbox answers: bodies.
    assert b"#!ipxe" not in kept
    assert (boot.folder / "packets.note").read_text().startswith("the capture process did not come to its end")
