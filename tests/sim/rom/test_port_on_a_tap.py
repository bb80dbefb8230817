"""DHCP and TFTP over a tap, as the bench has one, to real servers: a router's, and dnsmasq as a proxy beside it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.private_nets import needs_taps
from support.rom_wire import MAC

import hil
from hil.sim.rom.tap import Tap
from hil.tools import dnsmasq

SERIAL = "5b154510"
CLIENT = """
import asyncio, hashlib, json, sys
sys.path.insert(0, sys.argv[1])
from hil.sim.rom import dhcp, tftp
from hil.sim.rom.pace import Pace
from hil.sim.rom.port import Port
from hil.sim.rom.tap import Tap

mac, serial = sys.argv[2:]

async def main():
    with Tap("tap0") as tap:
        async with Port(tap, mac, Pace(1)) as port:
            lease = await dhcp.ask(port, dhcp.Wish(dhcp.guid(mac, serial, 0xA03111)))
            names = [f"{serial}/start4.elf", f"{serial}/config.txt"]
            sizes = [await tftp.probe(port, lease.tftp, name, blksize=1024) for name in names]
            file = await tftp.get(port, lease.tftp, names[1], blksize=1024)
    said = [lease.netmask, lease.gateway, lease.tftp, sizes, file.negotiated, hashlib.sha256(file.data).hexdigest()]
    print(json.dumps(said))

asyncio.run(main())
"""
LINKS = """
import asyncio, subprocess, sys
sys.path.insert(0, sys.argv[1])
from hil.sim.rom.tap import Tap

def ip(*words):
    subprocess.run(["ip", *words], check=True)

async def main():
    ip("tuntap", "add", "tap0", "mode", "tap")
    with Tap("tap0") as tap:
        for change in (["set", "tap0", "up"], ["set", "tap0", "down"], ["delete", "tap0"]):
            ip("link", *change)
            tap.send(bytes(60))
            await asyncio.sleep(0)
    print("sent")

asyncio.run(main())
"""
NET = """
set -e
ip link add br0 type bridge
ip tuntap add tap0 mode tap
ip link add router0 type veth peer name port0
ip address add 10.0.2.100/24 dev br0
ip address add 10.0.2.1/24 dev router0
for port in tap0 port0; do ip link set $port master br0 up; done
ip link set br0 up
ip link set router0 up
common="--conf-file=/dev/null --user=root --bind-interfaces --port=0 --leasefile-ro --no-ping --log-dhcp"
# Each goes into the background when its sockets are bound, and ends with its process namespace.
"$1" $common --pid-file --log-facility="$2/router.log" --interface=router0 --dhcp-range=10.0.2.20,10.0.2.30
"$1" $common --pid-file --log-facility="$2/proxy.log" --interface=br0 --dhcp-range=10.0.2.0,proxy \\
    --pxe-service=0,"Raspberry Pi Boot" --enable-tftp --tftp-root="$2"
log="$2/proxy.log"
shift 2
"$@"
# It says so when the client has all of it, and ends with this shell.
until grep -q "^.*: sent .*/config.txt to " "$log"; do sleep 0.01; done
"""
# The dnsmasq log of a Raspberry Pi 4 with this serial number, in a public guide to netboot with a proxy, up to its
# first file; addresses and the end of the MAC are of this test.
LOGGED = [
    "available DHCP subnet: 10.0.2.0/255.255.255.0",
    "vendor class: PXEClient:Arch:00000:UNDI:002001",
    f"PXE(br0) {MAC} proxy",
    "tags: br0",
    "broadcast response",
    "sent size:  1 option: 53 message-type  2",
    "sent size:  4 option: 54 server-identifier  10.0.2.100",
    "sent size:  9 option: 60 vendor-class  50:58:45:43:6c:69:65:6e:74",
    "sent size: 17 option: 97 client-machine-id  00:52:50:69:34:11:31:a0:00:32:01:36:c2:10...",
    "sent size: 32 option: 43 vendor-encap  06:01:03:0a:04:00:50:58:45:09:14:00:00:11...",
    "available DHCP subnet: 10.0.2.0/255.255.255.0",
    "vendor class: PXEClient:Arch:00000:UNDI:002001",
]

pytestmark = [
    needs_taps,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for processes that end with their namespace"),
]


def test_a_tap_that_is_not_there_is_not_made() -> None:
    with pytest.raises(OSError, match="no interface with this name"), Tap("tap-absent"):
        pass


def test_what_is_sent_while_the_interface_is_down_or_gone_is_lost() -> None:
    root = str(Path(hil.__file__).parents[1])
    argv = ["unshare", "--net", sys.executable, "-I", "-S", "-E", "-c", LINKS, root]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("sent\n", "", 0)


def test_a_proxy_beside_a_router_sees_what_it_saw_of_a_real_board(tmp_path: Path) -> None:
    content = os.urandom(100_000)
    (tmp_path / SERIAL).mkdir()
    (tmp_path / SERIAL / "config.txt").write_bytes(content)
    root = str(Path(hil.__file__).parents[1])
    client = [sys.executable, "-I", "-S", "-E", "-c", CLIENT, root, MAC, SERIAL]
    own = ["unshare", "--net", "--pid", "--fork", "--kill-child"]
    argv = [*own, "sh", "-c", NET, "sh", str(dnsmasq.find().path), str(tmp_path), *client]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        "255.255.255.0", "10.0.2.1", "10.0.2.100", [None, 100_000], True, hashlib.sha256(content).hexdigest(),
    ]  # fmt: skip
    log = (tmp_path / "proxy.log").read_text()
    assert re.findall(r"dnsmasq-dhcp\[\d+\]: \d+ (.*\S)", log) == LOGGED
    assert f"file {tmp_path}/{SERIAL}/start4.elf not found" in log
    assert "error 0 Early terminate received from 10.0.2." in log
    assert f"sent {tmp_path}/{SERIAL}/config.txt to 10.0.2." in log
    assert "DHCPACK(router0) 10.0.2." in (tmp_path / "router.log").read_text()
