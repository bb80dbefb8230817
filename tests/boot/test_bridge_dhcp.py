"""The bridge's dnsmasq answers on the bridge alone: asked by raw frames on a second pair of interfaces beside it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.keepers import own_keeper
from support.private_nets import needs_taps, said_by

from hil.keeper.client import Keeper
from hil.netboot.bridge import Config, create
from hil.netboot.place import SegmentPlace

pytestmark = [pytest.mark.boot, needs_taps]

KNOWN, STRANGER = "52:54:00:00:00:01", "52:54:00:00:00:99"
# It asks on three wires at once: as a machine of the rig on the bridge, as the same one on a wire that is not of the
# bridge, and as a stranger on the bridge. Each ask is one DISCOVER of an EFI firmware for arm64.
ASKS = """
import json, subprocess, sys, threading, time
from scapy.all import BOOTP, DHCP, IP, UDP, AsyncSniffer, Ether, sendp
known, stranger = sys.argv[1:]
for words in ("link add a0 type veth peer name a1", "link set a1 master br0", "link set a0 up", "link set a1 up",
              "link add b0 type veth peer name b1", "addr add 10.0.2.99/24 dev b1", "link set b0 up",
              "link set b1 up"):
    subprocess.run(["ip", *words.split()], check=True)
def discover(mac, xid):
    options = [("message-type", "discover"), ("vendor_class_id", b"PXEClient:Arch:00011:UNDI:003000"),
               (93, b"\\0\\x0b"), ("param_req_list", [1, 3, 54, 66, 67]), "end"]
    hardware = bytes.fromhex(mac.replace(":", ""))
    return (Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255")
            / UDP(sport=68, dport=67) / BOOTP(op=1, chaddr=hardware, xid=xid, flags=0x8000) / DHCP(options=options))
heard = []
def hear(wire):
    def note(packet):
        if BOOTP in packet and packet[BOOTP].op == 2:
            options = {each[0]: each[1] for each in packet[DHCP].options if isinstance(each, tuple)}
            heard.append({"wire": wire, "xid": packet[BOOTP].xid, "after": float(packet.time) - asked,
                          "type": options["message-type"], "address": packet[BOOTP].yiaddr,
                          "server": options["server_id"],
                          "file": (options.get("boot-file-name") or packet[BOOTP].file).rstrip(b"\\0").decode()})
    return note
for wire in ("a0", "b0"):
    listens = threading.Event()
    AsyncSniffer(iface=wire, prn=hear(wire), store=False, started_callback=listens.set).start()
    listens.wait()
for wire, mac, xid in (("b0", known, 2), ("a0", stranger, 3), ("a0", known, 1)):
    asked = time.time()
    sendp(discover(mac, xid), iface=wire, verbose=False)
time.sleep(10)
print(json.dumps(heard), flush=True)
"""


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    with own_keeper(monkeypatch) as started:
        yield started


def test_the_bridge_alone_is_answered_and_on_it_the_rigs_machines_alone(keeper: Keeper, tmp_path: Path) -> None:
    (tmp_path / "ipxe.efi").write_bytes(b"iPXE")
    place = SegmentPlace(keeper.directory, keeper, {"node1": KNOWN}, tmp_path / "ipxe.efi", tmp_path)
    segment = create(Config(kind="bridge"), place)
    argv = segment.net.inside([sys.executable, "-c", ASKS, KNOWN, STRANGER])
    said = said_by(keeper, "asks", argv, b"]\n", within=60)
    (offer,) = json.loads(said.splitlines()[-1])
    # By the kernel's stamp of its arrival, whenever it was read: dnsmasq does not try for three seconds whether
    # somebody has the address.
    assert offer.pop("after") < 2.5
    assert offer == {
        "wire": "a0",
        "xid": 1,
        "type": 2,
        "address": "10.0.2.11",
        "server": "10.0.2.100",
        "file": "ipxe-arm64.efi",
    }
    assert (tmp_path / "dnsmasq.log").read_text().count(f"{STRANGER} ignored") == 1
