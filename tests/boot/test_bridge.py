"""Machines on a bridge for real: two that boot at once and find each other, one by HTTP, and nothing left of them."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from support.leftovers import difference, snapshot
from support.private_nets import needs_taps

from hil.bench import open_bench
from hil.boot import Verdict
from hil.clock import Deadline
from hil.config.rig import load_rig
from hil.images.probe import PROMPT
from hil.node import Node

pytestmark = [pytest.mark.boot, pytest.mark.usefixtures("runtime"), needs_taps]

RIG = """\
hil: 1
segment: {{kind: bridge, boot: {boot}, domain: lab.test}}
images: {{probe: {{kind: probe}}}}
nodes:
{nodes}
"""
NODE = "  {}: {{kind: qemu, image: probe, memory: 512MiB}}"
BOOTS_WITHIN = 240.0
GONE_WITHIN = 20.0


def rig_file(folder: Path, boot: str, *nodes: str) -> Path:
    file = folder / "rig.yaml"
    file.write_text(RIG.format(boot=boot, nodes="\n".join(map(NODE.format, nodes))))
    return file


def shell(node: Node, command: str) -> str:
    """What a command prints in the probe's shell."""
    said = node.console.run(command, prompt=re.escape(PROMPT), within=60)
    return said.decode().replace("\r\n", "\n").partition("\n")[2].strip()


def test_two_machines_boot_at_once_and_find_each_other(runtime: Path, tmp_path: Path) -> None:
    (runtime / "hil").mkdir(mode=0o700)  # it stays, for the next bench
    before = snapshot(str(runtime), [runtime])
    rig = load_rig(rig_file(tmp_path, "pxe", "node1", "node2"), cwd=tmp_path)
    with open_bench(rig, artifacts=tmp_path / "artifacts") as bench:
        one, two = bench.choose(["node1", "node2"])
        for node in (one, two):
            node.power.on()
        for node in (one, two):
            assert node.wait_ready(BOOTS_WITHIN).verdict is Verdict.READY
            node.console.expect(PROMPT, within=60)

        assert shell(two, "cat /run/eth0.ip") == "10.0.2.12"
        for name, address in (("node1", "10.0.2.11"), ("node1.lab.test", "10.0.2.11"), ("bench", "10.0.2.100")):
            assert f"Address: {address}" in shell(two, f"nslookup {name} | tail -n +3")
        assert "1 packets received" in shell(two, "ping -c 1 -W 5 10.0.2.11")
        assert "serial=" in shell(two, "wget -q -O - http://10.0.2.11:8080/facts")
        with socket.create_server(("", 0)) as beyond:
            beyond.setblocking(False)
            for address in ("10.0.2.100", "192.0.2.1"):
                dial = f"echo x | nc -w 1 {address} {beyond.getsockname()[1]}; echo ended $?"
                assert shell(two, dial).endswith("ended 1")
            with pytest.raises(BlockingIOError):
                beyond.accept()

        log = (bench.folder / "dnsmasq.log").read_text()
        for node in (one, two):
            # Three clients each: the firmware, iPXE, and the system.
            mac = node.machine.identity.mac
            assert len(set(re.findall(rf"dnsmasq-dhcp: (\d+) DHCPACK\(br0\) \S+ {mac}", log))) == 3
            # It hears what the other broadcasts, which is none of its own marks.
            [asked] = [mark for mark in node.timeline if (mark.stage, mark.source) == ("pxe", "packets")]
            assert mac in asked.evidence
        assert log.count("user class: iPXE") >= 2
        assert one.address(8080) != two.address(8080)
    assert difference(before, within=Deadline.after(GONE_WITHIN)) == []


def test_a_machine_boots_by_http(tmp_path: Path) -> None:
    rig = load_rig(rig_file(tmp_path, "http", "node1"), cwd=tmp_path)
    with open_bench(rig, artifacts=tmp_path / "artifacts") as bench:
        (node,) = bench.choose()
        assert node.boot(BOOTS_WITHIN).verdict is Verdict.READY
        assert b">>Start HTTP Boot over IPv4" in (node.boots[-1].folder / "console.log").read_bytes()
        asked = re.findall(r'"(\w+ /\S+) HTTP/1', (bench.folder / "nbp.log").read_text())
        assert asked == ["HEAD /ipxe-arm64.efi", "GET /ipxe-arm64.efi", "GET /autoexec.ipxe"]
        assert "dnsmasq-tftp" not in (bench.folder / "dnsmasq.log").read_text()
