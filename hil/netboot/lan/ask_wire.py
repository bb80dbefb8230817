"""Asks a wire who is there already: which servers answer a DISCOVER, and who has the addresses of the bench.

Run as `ask_wire.py ORDER`, a script that imports nothing of hil. ORDER is JSON: what `ask` takes, for the segment's
namespace; or what `ask_own` takes, for the host's side of a port, where it has no `addresses`. It says one line of
JSON: {"servers": [{"server", "mac", "offer", "boot"}, ...], "claims": [{"address", "mac"}, ...], "link": BOOL}, or
{"error": WHY}. It is given no address: a DISCOVER does not take what it is offered.

The DISCOVER is a PXE client's, so that a boot server answers as well, which offers no address (PXE 2.1, section 2.2.3;
RFC 2131, section 4.4.1). It is sent for each of the rig's machines too (its `chaddr`), as a server may answer those
that it knows alone. An address is probed as RFC 5227 says (section 2.1.1): whoever has it answers, or probes for it as
well.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scapy.packet import Packet

# RFC 5227, section 1.1, PROBE_NUM: an ARP probe that is lost would look like a free address.
_TIMES = 3
# RFC 4578, section 2.1, and its registry: a Raspberry Pi's bootloader says x86 BIOS, its UEFI ARM64.
_ARCHITECTURES = (0, 11, 0)
_BROADCAST, _NOBODY = "ff:ff:ff:ff:ff:ff", "0.0.0.0"
_FLAG_BROADCAST = 0x8000
_REPLY, _OFFER = 2, 2
# A message of DHCP or ARP is in one frame of Ethernet; what is longer may be cut.
_ETH_ALL, _LONGEST = 3, 1 << 11
# RFC 826 and 894, "ether type"; RFC 768, "protocol".
_ARP, _IPV4, _UDP = b"\x08\x06", b"\x08\x00", b"\x11"
# Where a frame's packet begins, and where that has UDP's sum, after 20 bytes of IP (RFC 768).
_ETHER, _UDP_SUM = 14, 26
_LOOK_AGAIN, _LATE = 0.05, 1.0
# linux/sockios.h, linux/if.h
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_RUNNING, _IFF_NOARP = 0x8913, 0x8914, 0x40, 0x80


@dataclass(frozen=True)
class Answer:
    """One server's offer.

    Args:
        server: its address.
        mac: where the frame came from.
        offer: the address that it offers; "0.0.0.0" for a boot server without addresses.
        boot: the boot file that it names, or "".
    """

    server: str
    mac: str
    offer: str
    boot: str


@dataclass
class Heard:
    """What was heard, each once.

    Args:
        servers: who answered the DISCOVER.
        claims: who has which of the addresses: (address, MAC address).
    """

    servers: list[Answer] = field(default_factory=list)
    claims: list[tuple[str, str]] = field(default_factory=list)

    def take(self, frame: bytes, own_mac: str, transaction: int, addresses: list[str]) -> None:
        """Read one frame, whoever made it; what is no answer is passed over.

        Args:
            frame: as it came.
            own_mac: who asks.
            transaction: of the DISCOVER.
            addresses: those that are probed for.
        """
        answer, claim = read_answer(frame, transaction), read_claim(frame, own_mac, addresses)
        if answer is not None and answer not in self.servers:
            self.servers.append(answer)
        if claim is not None and claim not in self.claims:
            self.claims.append(claim)


def discover(mac: str, transaction: int, architecture: int, *, sender: str = "") -> bytes:
    """A DISCOVER as a frame.

    Args:
        mac: who asks, and is to be answered by a broadcast.
        transaction: its number.
        architecture: of RFC 4578.
        sender: who sends the frame, if not who asks.
    """
    from scapy.layers.dhcp import BOOTP, DHCP
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    hardware = bytes.fromhex(mac.replace(":", ""))
    options = [
        ("message-type", "discover"),
        ("vendor_class_id", b"PXEClient:Arch:%05d:UNDI:003000" % architecture),
        (93, architecture.to_bytes(2, "big")),
        (94, bytes((1, 3, 0))),
        (97, b"\0" + hardware.rjust(16, b"\0")),
        ("param_req_list", [1, 3, 43, 54, 60, 66, 67]),
        "end",
    ]
    asks = BOOTP(op=1, chaddr=hardware, xid=transaction, flags=_FLAG_BROADCAST) / DHCP(options=options)
    ether = Ether(src=sender or mac, dst=_BROADCAST)
    packet = ether / IP(src=_NOBODY, dst="255.255.255.255") / UDP(sport=68, dport=67) / asks
    return bytes(packet)


def probe(mac: str, address: str) -> bytes:
    """An ARP probe as a frame."""
    from scapy.layers.l2 import ARP, Ether

    asks = ARP(op=1, hwsrc=mac, psrc=_NOBODY, hwdst="00:00:00:00:00:00", pdst=address)
    return bytes(Ether(src=mac, dst=_BROADCAST) / asks)


def read_answer(frame: bytes, transaction: int) -> Answer | None:
    """The OFFER that a frame holds; None for any other frame, a broken one too."""
    from scapy.layers.dhcp import BOOTP, DHCP

    packet = _dissected(frame)
    if packet is None or not packet.haslayer(DHCP):
        return None
    reply, options = packet[BOOTP], packet[DHCP].options
    found = {option[0]: option[1] for option in options if isinstance(option, tuple) and len(option) > 1}
    if (reply.op, reply.xid, found.get("message-type")) != (_REPLY, transaction, _OFFER):
        return None
    boot = found.get("boot-file-name") or reply.file
    return Answer(
        server=_text(found.get("server_id") or reply.siaddr),
        mac=packet.src,
        offer=reply.yiaddr,
        boot=_text(boot.split(b"\0")[0] if isinstance(boot, bytes) else ""),
    )


def read_claim(frame: bytes, own_mac: str, addresses: list[str]) -> tuple[str, str] | None:
    """Who has one of the addresses, or is about to take it, by a frame of ARP; None for any other frame."""
    from scapy.layers.l2 import ARP

    packet = _dissected(frame)
    if packet is None or not packet.haslayer(ARP):
        return None
    arp = packet[ARP]
    if _text(arp.hwsrc) == own_mac:
        return None
    claimed = arp.pdst if arp.psrc == _NOBODY else arp.psrc
    return (claimed, _text(arp.hwsrc)) if claimed in addresses else None


def _dissected(frame: bytes) -> Packet | None:
    from scapy.error import Scapy_Exception
    from scapy.layers.l2 import Ether

    try:
        return Ether(frame)
    except (Scapy_Exception, struct.error, ValueError, IndexError, TypeError, KeyError, OSError):
        return None


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in str(value))[:128]


def ask(
    interface: str,
    seconds: float,
    addresses: Sequence[str],
    *,
    others: Sequence[str] = (),
    clients: Sequence[str] = (),
    link: float = 0,
) -> dict[str, object]:
    """Ask on an interface, for as long as is said; where nobody has the addresses, it answers for them from then on.

    Until then it has them but is silent (IFF_NOARP), as RFC 5227 wants (section 2.1): a rig that names the router's
    own address by mistake must not take a network down.

    Args:
        interface: of this namespace; it is up.
        seconds: until it is certain that nobody answers.
        addresses: those that the bench is to have.
        others: more addresses to look for, which are not the bench's.
        clients: the MAC addresses of the rig's machines.
        link: seconds in which its link may still come up, before anything is sent.

    Raises:
        OSError: the interface cannot be used.
    """
    transaction, heard, wanted = int.from_bytes(os.urandom(4), "big"), Heard(), [*addresses, *others]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_ALL)) as wire:
        wire.bind((interface, 0))
        _await_link(wire, interface, link)
        mac = wire.getsockname()[4].hex(":")
        for number in range(_TIMES):
            asked = (discover(each, transaction, _ARCHITECTURES[number], sender=mac) for each in (mac, *clients))
            for frame in (*asked, *(probe(mac, at) for at in wanted)):
                wire.send(frame)
            for received, _ in _received(wire, seconds / _TIMES):
                heard.take(received, mac, transaction, wanted)
        flags = _flags(wire, interface)
        if not any(address in addresses for address, _ in heard.claims):
            request = struct.pack("=16sh22x", interface.encode(), flags & ~_IFF_NOARP)
            fcntl.ioctl(wire, _SIOCSIFFLAGS, request)
    return _said(heard, linked=bool(flags & _IFF_RUNNING))


def ask_own(interface: str, seconds: float, *, clients: Sequence[str] = ()) -> dict[str, object]:
    """Ask this host's own servers on one of its ports, as a board behind that port would; nothing of it is changed.

    A broadcast that a host sends by a port, it hears as if it had come from there (net/ipv4/ip_output.c,
    ip_mc_output); a server's answer is then seen on its way out (packet(7), PACKET_OUTGOING).

    Args:
        interface: of this host; it is up.
        seconds: until it is certain that nobody answers.
        clients: the MAC addresses of the rig's machines.

    Raises:
        OSError: the interface cannot be used.
    """
    transaction, heard = int.from_bytes(os.urandom(4), "big"), Heard()
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_ALL)) as wire,
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sends,
    ):
        wire.bind((interface, 0))
        sends.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        sends.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        mac = wire.getsockname()[4].hex(":")
        for number in range(_TIMES):
            for each in (mac, *clients):
                packet = discover(each, transaction, _ARCHITECTURES[number])[_ETHER:]
                # The kernel writes the port's address into it, so that its sum would be wrong; 0 is none (RFC 768).
                sends.sendto(packet[:_UDP_SUM] + b"\0\0" + packet[_UDP_SUM + 2 :], ("255.255.255.255", 0))
            for received, kind in _received(wire, seconds / _TIMES):
                if kind == socket.PACKET_OUTGOING:
                    heard.take(received, mac, transaction, [])
    return _said(heard, linked=True)


def _await_link(wire: socket.socket, interface: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not _flags(wire, interface) & _IFF_RUNNING and time.monotonic() < until:
        time.sleep(_LOOK_AGAIN)


def _received(wire: socket.socket, seconds: float) -> Iterator[tuple[bytes, int]]:
    """Each frame of ARP or UDP that passes in that time, and which way (packet(7), sll_pkttype)."""
    until = time.monotonic() + seconds
    # What came in time may be read a little late, on a host that has much to do.
    while (left := until - time.monotonic()) > -_LATE and select.select([wire], [], [], max(0, left))[0]:
        frame, where = wire.recvfrom(_LONGEST)
        # To take a frame apart takes 0.4 ms: a busy port's others would fill the socket, and an answer be lost.
        if frame[12:14] == _ARP or (frame[12:14], frame[23:24]) == (_IPV4, _UDP):
            yield frame, where[2]


def _said(heard: Heard, *, linked: bool) -> dict[str, object]:
    claims = [{"address": address, "mac": owner} for address, owner in heard.claims]
    return {"servers": [asdict(answer) for answer in heard.servers], "claims": claims, "link": linked}


def _flags(any_socket: socket.socket, interface: str) -> int:
    said = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, struct.pack("16s24x", interface.encode()))
    flags: int = struct.unpack_from("=h", said, 16)[0]
    return flags


def main(order: dict[str, Any]) -> None:
    """Ask as is ordered, and print what was heard."""
    try:
        said = ask(**order) if "addresses" in order else ask_own(**order)
    except OSError as error:
        said = {"error": f"{order['interface']}: {error.strerror}"}
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
