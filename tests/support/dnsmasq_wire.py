"""A real dnsmasq on a wire that is nobody else's: asked by frames that scapy builds, its answers taken apart by scapy.

Run as a script it is the wire: a pair of interfaces in the network that it is started in, dnsmasq at one end, raw
frames at the other.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from hil.tools import dnsmasq

SERVER = "10.0.2.100"
SETTINGS = """\
interface=lan0
except-interface=lo
bind-interfaces
port=0
no-ping
leasefile-ro
log-dhcp
dhcp-authoritative
"""
_WITHIN = 10.0


@dataclass(frozen=True)
class Ask:
    """One message to the server, and so one possible answer.

    Args:
        mac: who asks.
        vendor: option 60; "" for none.
        arch: option 93; None for none.
        wants: option 55; empty for none.
        user: option 77 as iPXE sends it; "" for none.
        address: of a REQUEST (option 50); "" for a DISCOVER.
    """

    mac: str
    vendor: str = ""
    arch: int | None = None
    wants: tuple[int, ...] = ()
    user: str = ""
    address: str = ""


@dataclass(frozen=True)
class Heard:
    """One answer.

    Args:
        ask: the number of the one that it answers.
        to: the hardware address of its frame.
        given: `yiaddr`.
        server: `siaddr`.
        file: BOOTP's, else option 67.
        options: by number, in hexadecimal.
    """

    ask: int
    to: str
    given: str
    server: str
    file: str
    options: dict[int, str]


def ask(lines: Sequence[str], asks: Sequence[Ask], folder: Path) -> list[Heard]:
    """What a dnsmasq that was told so answers. The last ask must be one that it answers: then all have been seen.

    Args:
        lines: besides `SETTINGS`.
        asks: in order.
        folder: for its configuration.
    """
    settings = folder / "dnsmasq.conf"
    settings.write_text(SETTINGS + "\n".join(lines) + "\n")
    way = ["--net"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--net"]
    argv = ["unshare", *way, sys.executable, __file__, str(dnsmasq.find().path), str(settings)]
    argv.append(json.dumps([asdict(each) for each in asks]))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    # JSON's keys are text.
    return [
        Heard(**{**each, "options": {int(number): value for number, value in each["options"].items()}})
        for each in json.loads(done.stdout)
    ]


def _frame(ask: Ask, number: int) -> bytes:
    options: list[tuple[str | int, object] | str] = [("message-type", "request" if ask.address else "discover")]
    if ask.wants:
        options.append(("param_req_list", list(ask.wants)))
    if ask.address:
        options += [("requested_addr", ask.address), ("server_id", SERVER)]
    if ask.vendor:
        options.append(("vendor_class_id", ask.vendor.encode()))
    if ask.arch is not None:
        options += [(93, ask.arch.to_bytes(2, "big")), (94, b"\1\2\1"), (97, bytes(17))]
    if ask.user:
        options.append((77, ask.user.encode()))
    hardware = bytes.fromhex(ask.mac.replace(":", ""))
    frame = (
        Ether(src=ask.mac, dst="ff:ff:ff:ff:ff:ff")
        / IP(src="0.0.0.0", dst="255.255.255.255")
        / UDP(sport=68, dport=67)
        / BOOTP(op=1, chaddr=hardware, xid=number)
        / DHCP(options=[*options, "end"])
    )
    return bytes(frame)


def _heard(data: bytes) -> Heard | None:
    frame = Ether(data)
    if BOOTP not in frame or frame[BOOTP].op != 2:
        return None
    message = frame[BOOTP]
    # The bytes as they stand there: scapy's names of options would have to be undone.
    raw, at = bytes(message.payload), 0
    options: dict[int, str] = {}
    while raw[at] != 255:
        options[raw[at]] = raw[at + 2 : at + 2 + raw[at + 1]].hex()
        at += 2 + raw[at + 1]
    file = message.file.rstrip(b"\0") or bytes.fromhex(options.get(67, "")).rstrip(b"\0")
    return Heard(message.xid, frame.dst, message.yiaddr, message.siaddr, file.decode(), options)


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)


def _main(program: str, settings: str, asks: list[Ask]) -> list[Heard]:
    _ip("link add lan0 type veth peer name wire0")
    _ip(f"address add {SERVER}/24 dev lan0")
    for name in ("lan0", "wire0"):
        _ip(f"link set {name} up")
    argv = [program, "--no-daemon", "--user=root", f"--conf-file={settings}"]
    with (
        subprocess.Popen(argv, stderr=subprocess.PIPE) as server,
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as wire,
    ):
        wire.bind(("wire0", 0))
        wire.settimeout(_WITHIN)
        assert server.stderr is not None
        said = b""
        while b"sockets bound" not in said and (line := server.stderr.readline()):
            said += line
        heard: list[Heard] = []
        try:
            for number, each in enumerate(asks):
                wire.send(_frame(each, number))
            while not heard or heard[-1].ask != len(asks) - 1:
                if (answer := _heard(wire.recv(2000))) is not None:
                    heard.append(answer)
        except TimeoutError:
            print(said.decode(), file=sys.stderr)
            raise
        finally:
            server.kill()
        return heard


if __name__ == "__main__":
    wanted = [Ask(**each) for each in json.loads(sys.argv[3])]
    print(json.dumps([asdict(each) for each in _main(sys.argv[1], sys.argv[2], wanted)]))
