"""Two QEMU guests of one rig at once, and what a test does to them: power, reset, link, console, a door.

One bench for all tests here; each test leaves both nodes booted, so that they may run in any order.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from support.rigs import write_rig

from hil.bench import Bench, open_bench
from hil.boot import Boot, Verdict
from hil.config.rig import load_rig
from hil.errors import MissingPart
from hil.images.probe import FACT, PROMPT
from hil.machine import Disks, Nic, PowerState
from hil.node import Node
from hil.timeline.stages import FIRMWARE, PROFILE, READY, RESET

pytestmark = pytest.mark.boot

LONG = 240.0
RIG = {
    "hil": 1,
    "name": "pair",
    "images": {
        "one": {"kind": "probe", "args": ["console=ttyAMA0", "who=one"]},
        "two": {"kind": "probe", "args": ["console=ttyAMA0", "who=two"]},
    },
    "nodes": {
        "a": {
            "kind": "qemu",
            "image": "one",
            "memory": "512MiB",
            "boot_within": "240s",
            "disks": ["virtio", {"bus": "nvme", "size": "5GiB"}],
        },
        "b": {
            "kind": "qemu",
            "image": "two",
            "memory": "640MiB",
            "cpus": 2,
            "boot_within": "240s",
            "mac": "52:54:00:0b:0b:0b",
            "uuid": "0b0b0b0b-0b0b-4b0b-8b0b-0b0b0b0b0b0b",
            "serial": "BOARD-0042",
        },
    },
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Both machines on, side by side, and ready."""
    folder = tmp_path_factory.mktemp("pair")
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="hb-", dir="/tmp") as runtime:
        patch.setenv("XDG_RUNTIME_DIR", runtime)
        rig = load_rig(write_rig(folder, RIG), cwd=folder)
        with open_bench(rig, artifacts=folder / "records") as bench:
            for node in bench.nodes.values():
                node.power.on()
            for node in bench.nodes.values():
                ready(node)
            yield bench


@pytest.fixture
def a(bench: Bench) -> Node:
    bench.nodes["a"].ensure()
    return bench.nodes["a"]


@pytest.fixture
def b(bench: Bench) -> Node:
    bench.nodes["b"].ensure()
    return bench.nodes["b"]


def ready(node: Node) -> Boot:
    """Wait until the node is ready and its shell waits for a command."""
    boot = node.wait_ready(LONG)
    node.wire.expect(re.escape(PROMPT), within=LONG)
    return boot


def facts(node: Node) -> dict[str, str]:
    """What the probe said of its machine, in the recording of the node's last boot."""
    recording = (node.boots[-1].folder / "console.log").read_bytes()
    return {name.decode(): value.decode().strip() for name, value in FACT.findall(recording)}


def shell(node: Node, command: str) -> str:
    """What a command prints in the probe's shell."""
    said = node.console.run(command, prompt=re.escape(PROMPT), within=60)
    return said.decode().replace("\r\n", "\n").partition("\n")[2].strip()


def test_each_node_is_itself_and_boots_what_is_its_own(bench: Bench, a: Node, b: Node) -> None:
    log = (bench.folder / "matchbox.log").read_text()
    for node, image in ((a, "one"), (b, "two")):
        identity, said = node.machine.identity, facts(node)
        assert (said["uuid"], said["serial"], said["mac"]) == (identity.uuid, identity.serial, identity.mac)
        assert f"who={image}" in said["cmdline"].split()
        assert f'mac:{identity.mac} serial:{identity.serial} uuid:{identity.uuid}]" profile={image}' in log
        marks = {mark.stage: mark.evidence for mark in node.boots[0].timeline if mark.source != "packets"}
        assert marks[PROFILE.name] == f"profile {image!r}"
    assert b.machine.identity.serial == "BOARD-0042"
    assert facts(b)["cpus"] == "2"
    assert int(facts(a)["memory_kib"]) < 512 * 1024 < int(facts(b)["memory_kib"]) < 640 * 1024
    assert a.machine.identity.mac != b.machine.identity.mac


def test_the_guest_finds_its_identity_where_software_looks(a: Node) -> None:
    identity = a.machine.identity
    assert shell(a, "cat /sys/class/dmi/id/product_uuid /sys/class/dmi/id/product_serial").splitlines() == [
        identity.uuid,
        identity.serial,
    ]
    assert shell(a, "cat /sys/class/net/eth0/address") == identity.mac == a.nic.mac


def test_a_door_leads_to_the_guest(a: Node, b: Node) -> None:
    places = [node.address(8080) for node in (a, b)]
    assert len(set(places)) == 2
    for node, place in zip((a, b), places, strict=True):
        connection = HTTPConnection(*place, timeout=30)
        connection.request("GET", "/facts")
        assert f"serial={node.machine.identity.serial}\n" in connection.getresponse().read().decode()
        connection.close()
    with pytest.raises(MissingPart, match="no door leads to its port 22"):
        a.address(22)


def test_the_shell_on_the_console(a: Node) -> None:
    assert shell(a, "echo $((6 * 7)); uname -m").splitlines() == ["42", "aarch64"]


def test_linux_calls_its_disks_what_hil_does(a: Node, b: Node) -> None:
    disks = a.machine.part(Disks).disks  # type: ignore[type-abstract]
    assert [disk.device for disk in disks] == ["/dev/vda", "/dev/nvme0n1"]
    for disk in disks:
        # In sectors of 512 bytes, whatever the disk's own are (Linux, Documentation/ABI/stable/sysfs-block).
        size = shell(a, f"test -b {disk.device} && cat /sys/class/block/{disk.device.removeprefix('/dev/')}/size")
        assert int(size) == disk.size // 512
    assert Disks not in b.parts
    assert shell(b, "echo /dev/vd* /dev/nvme*n*") == "/dev/vd* /dev/nvme*n*"


def test_what_is_written_to_a_disk_is_there_after_the_power_was_cut(a: Node) -> None:
    shell(a, "echo installed | dd of=/dev/vda conv=fsync 2>&-")
    a.power.cycle(off_for=0.1)
    ready(a)
    assert shell(a, "head -c 9 /dev/vda") == "installed"


def test_the_cable_is_pulled_and_plugged(a: Node) -> None:
    assert Nic in a.parts
    shell(a, "c=/sys/class/net/eth0/carrier")
    assert shell(a, "cat $c") == "1"
    a.link(False)
    try:
        assert shell(a, "until grep -q 0 $c; do sleep 0.1; done; cat $c") == "0"
    finally:
        a.link(True)
    assert shell(a, "until grep -q 1 $c; do sleep 0.1; done; cat $c") == "1"


def test_a_power_cycle_is_a_boot_with_a_record_of_its_own(b: Node) -> None:
    before = b.boots[-1]
    shell(b, "echo mark-of-the-first-boot > /dev/console")
    boot = b.power.cycle(off_for=0.1)
    assert ready(b) is boot
    assert boot.number == before.number + 1
    assert boot.folder != before.folder
    first, second = ((each.folder / "console.log").read_bytes() for each in (before, boot))
    assert b"mark-of-the-first-boot" in first
    assert b"mark-of-the-first-boot" not in second
    assert second.count(b"UEFI firmware (version") == first.count(b"UEFI firmware (version") == 1
    assert (boot.folder / "qemu.log").exists()
    assert b.console.record == boot.folder / "console.log"
    # The cursor is in this incarnation: what the first one said is not found again.
    assert b.console.transcript.incarnation == boot.number
    assert b.console.cursor >= b.console.transcript.incarnation_start
    assert boot.verdict is Verdict.READY
    assert facts(b)["serial"] == "BOARD-0042"


def test_off_is_off(b: Node) -> None:
    b.power.off()
    assert b.power.state() is PowerState.OFF
    assert not b.booted
    b.power.on()
    assert ready(b).verdict is Verdict.READY


def test_a_reset_is_a_boot_on_the_same_timeline(a: Node) -> None:
    boot, incarnation = a.boots[-1], a.console.transcript.incarnation
    a.reset()
    assert ready(a) is boot
    stages = [mark.stage for mark in a.timeline]
    assert stages.count(FIRMWARE.name) == stages.count(READY.name) == 2
    assert RESET.name in stages
    after = stages[stages.index(RESET.name) :]
    assert after.index(FIRMWARE.name) < after.index(READY.name)
    assert a.console.transcript.incarnation == incarnation
    assert shell(a, "echo here") == "here"
