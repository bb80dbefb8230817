"""UEFI and iPXE boot beside a home router, which gives the address and, to be a nuisance, a boot file of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.private_nets import needs_taps
from support.router_wire import BENCH, ROUTER, Plan, run

from hil.config.model import HostPort
from hil.netboot.ipxe import BOOTFILE, autoexec, write_tftp
from hil.netboot.rpi.dhcp import proxy_lines
from hil.netboot.rpi.tree import Tree
from hil.timeline.dnsmasq_log import Answered, Failed, Reader, Record, Sent
from hil.tools import dnsmasq, programs

pytestmark = [pytest.mark.boot, needs_taps]

MAC = "dc:a6:32:01:36:c2"
ROUTING = ("dhcp-range=192.168.1.50,192.168.1.99,12h", "dhcp-authoritative", f"dhcp-boot=theirs.efi,router,{ROUTER}")
OURS, OVER, FAILED = "hil-test: by hil of 192.168.1.", "hil-test: over", "hil-ipxe: failed"
WITHIN = 120.0


def proxying(tftp: Path) -> list[str]:
    return [
        "port=0",
        "dhcp-range=192.168.1.0,proxy,255.255.255.0",
        f"dhcp-host={MAC}",
        "dhcp-ignore=tag:!known",
        "enable-tftp",
        f"tftp-root={tftp}",
        "dhcp-userclass=set:ipxe,iPXE",
        f"dhcp-boot=tag:ipxe,http://{BENCH}:8080/boot.ipxe",
        *proxy_lines([Tree("cm4", MAC, "10c2a4b7", {}, {})], tftp=BENCH),
        # Without any `pxe-service` dnsmasq is no proxy: it answers nothing (seen with 2.90).
        f"pxe-service=tag:!ipxe,ARM64_EFI,iPXE,{BOOTFILE}",
    ]


def booted(folder: Path, script: str) -> tuple[str, list[Record]]:
    """What the console said, and the bench's dnsmasq."""
    write_tftp(folder / "tftp", ipxe=programs.ipxe(), script=script)
    (folder / "www").mkdir()
    # Ours is whole when the next line comes.
    next_script = f"#!ipxe\necho hil-test: by hil of ${{net0/ip}} by ${{net0/gateway}}\necho {OVER}\nshell\n"
    (folder / "www/boot.ipxe").write_text(next_script)
    edk2 = programs.edk2()
    shutil.copyfile(edk2.vars, folder / "variables.fd")
    qemu = [str(programs.qemu().path), "-nodefaults", "-display", "none", "-serial", "stdio", "-machine", "virt"]
    qemu += ["-cpu", "max,pauth-impdef=on", "-m", "512", "-boot", "menu=on,splash-time=0", "-device", "virtio-rng-pci"]
    qemu += ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={edk2.code}"]
    qemu += ["-drive", f"if=pflash,format=raw,unit=1,file={folder}/variables.fd"]
    program = str(dnsmasq.find().path)
    said = run(Plan(str(folder), ROUTING, proxying(folder / "tftp"), program, qemu, MAC, [OVER, FAILED], WITHIN))
    reader = Reader()
    records = map(reader.read, (folder / "bench.log").read_bytes().splitlines())
    return said, [record for record in records if record is not None]


def test_the_lease_is_the_routers_and_the_boot_is_the_benchs(tmp_path: Path) -> None:
    said, records = booted(tmp_path, autoexec(HostPort(BENCH, 8080)))
    assert OURS in said, said
    assert f" by {ROUTER}" in said
    answers = [record for record in records if isinstance(record, Answered)]
    assert {(answer.kind, answer.mac, answer.address) for answer in answers} == {("PXE", MAC, None)}
    # EDK2 asks for the size alone at first, and breaks off.
    probe, *files = [record for record in records if isinstance(record, Sent | Failed)]
    assert isinstance(probe, Failed)
    assert (probe.file, probe.why) == (BOOTFILE, "User aborted the transfer")
    assert [type(file) for file in files] == [Sent, Sent]
    assert [file.file for file in files] == [BOOTFILE, "autoexec.ipxe"]
