"""A bridge that is open, without a machine on it: what QEMU is told, what is reached, what runs, and its end."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.keepers import killed_keeper, own_keeper
from support.private_nets import needs_taps, said_by

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.console.deaths import DEFAULT_DEATHS
from hil.console.deathwatch import DeathWatch
from hil.console.stream import Chunk
from hil.console.transcript import Transcript
from hil.errors import InfrastructureError
from hil.keeper import isolation
from hil.keeper.client import Keeper
from hil.keeper.isolation import Isolation
from hil.keeper.starting import await_ready, past
from hil.netboot.bridge import Config, create, segment
from hil.netboot.lan import opening
from hil.netboot.lan.opening import DNSMASQ, HOLDER, NBP
from hil.netboot.lan.segment import LanSegment
from hil.netboot.place import SegmentPlace
from hil.netns.namespace import Namespace, Refused

pytestmark = pytest.mark.boot

WITHIN = 20.0
NODES = {"node1": "52:54:00:00:00:01", "node2": "52:54:00:00:00:02"}
ASK = """
import socket, struct, sys
def name(text):
    return b"".join(bytes([len(part)]) + part.encode() for part in text.split(".")) + b"\\0"
for asked in sys.argv[1:]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dns:
        dns.settimeout(10)
        dns.connect(("10.0.2.100", 53))
        dns.send(struct.pack("!6H", 1, 0x100, 1, 0, 0, 0) + name(asked) + struct.pack("!2H", 1, 1))
        said = dns.recv(512)
        code, answers = said[3] & 15, struct.unpack("!H", said[6:8])[0]
        print(asked, socket.inet_ntoa(said[-4:]) if answers else f"code {code}")
print("done", flush=True)
"""


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    with own_keeper(monkeypatch) as started:
        yield started


def opened(keeper: Keeper, folder: Path, **values: object) -> LanSegment:
    (folder / "ipxe.efi").write_bytes(b"iPXE")
    config = Config.model_validate({"kind": "bridge", **values})
    return create(config, SegmentPlace(keeper.directory, keeper, NODES, folder / "ipxe.efi", folder))


def inside(keeper: Keeper, net: LanSegment, script: str, *words: str) -> list[str]:
    """What a script says in there, until its last line "done"."""
    argv = net.net.inside([sys.executable, "-I", "-S", "-c", script, *words])
    return said_by(keeper, "script", argv, b"done\n", within=WITHIN).decode().splitlines()[:-1]


@needs_taps
def test_names_are_the_benchs_and_no_others(keeper: Keeper, tmp_path: Path) -> None:
    net = opened(keeper, tmp_path)
    assert net.lease("node2") == "10.0.2.12"
    asked = ["node1", "node2.hil.test", "bench", "node3.hil.test", "example.org"]
    assert inside(keeper, net, ASK, *asked) == [
        "node1 10.0.2.11",
        "node2.hil.test 10.0.2.12",
        "bench 10.0.2.100",
        "node3.hil.test code 3",
        "example.org code 5",
    ]
    assert (tmp_path / "dnsmasq.log").read_bytes().count(b"sockets bound exclusively to interface br0") == 1


@needs_taps
def test_services_and_egress_are_where_the_rig_says(keeper: Keeper, tmp_path: Path) -> None:
    dial = """
import socket, sys
for port in sys.argv[1:]:
    with socket.create_connection(("10.0.2.6" if port == "7" else "10.0.2.100", int(port)), 10) as connection:
        print(connection.makefile().read())
print("done", flush=True)
"""
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        port = int(second.getsockname()[1])
        net = opened(keeper, tmp_path, egress=({"at": "10.0.2.6:7", "to": f"localhost:{port}"},))
        net.serve({net.bench: ("127.0.0.1", int(first.getsockname()[1]))})
        for listener in (first, second):
            listener.settimeout(WITHIN)
        keeper.spawn("dial", net.net.inside([sys.executable, "-I", "-S", "-c", dial, "8080", "7"]))
        for listener, word in ((first, b"Matchbox"), (second, b"beyond")):
            connection, _ = listener.accept()
            with connection:
                connection.sendall(word)
        said = await_ready(
            keeper,
            "dial",
            lambda said: said if said.endswith(b"done\n") else None,
            what="it",
            hint="",
            since=past(keeper, "none"),
            deadline=Deadline.after(WITHIN),
        )
    assert said == b"Matchbox\nbeyond\ndone\n"
    with pytest.raises(InfrastructureError, match=r"cannot listen at 10\.0\.2\.100:8080: Address already in use"):
        net.serve({HostPort("10.0.2.100", 8080): ("127.0.0.1", 1)})


@needs_taps
def test_a_machines_end_of_it(keeper: Keeper, tmp_path: Path) -> None:
    net = opened(keeper, tmp_path, boot="http")
    cable = net.cable("node2")
    netdev, option, *firmware = cable.netdev("net0", [8080])
    assert (netdev, option) == (
        "-netdev",
        "tap,id=net0,ifname=tap1,script=no,downscript=no,vhost=off,vnet_hdr=off",
    )
    assert firmware[:2] == ["-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n"]
    assert cable.run(["qemu"])[0] == "nsenter"
    door = cable.reach(8080, str, deadline=Deadline.after(WITHIN))
    assert door == cable.reach(8080, str, deadline=Deadline.after(WITHIN))
    assert door[0] == "127.0.0.1"
    assert net.cable("node1").reach(8080, str, deadline=Deadline.after(WITHIN)) != door
    get = "import urllib.request as r; print(r.urlopen('http://10.0.2.100/ipxe-arm64.efi').read()); print('done')"
    assert inside(keeper, net, get) == ["b'iPXE'"]
    assert {HOLDER, DNSMASQ, NBP} < set(keeper.streams())


@pytest.mark.parametrize(
    ("said", "explanation"),
    [
        (
            b">>Start PXE over IPv4.\r\n  PXE-E16: No valid offer received.\r\n",
            "the firmware's network boot failed, PXE-E16: no DHCP server offered an address with a boot file",
        ),
        (
            b">>Start HTTP Boot over IPv4....\r\n  Station IP address is 10.0.2.11\r\n\r\n  URI: http://10.0.2.100:80/"
            b"ipxe-arm64.efi\r\n\r\n  Error: Could not retrieve NBP file size from HTTP server.\r\n",
            "the firmware's HTTP boot failed: Could not retrieve NBP file size from HTTP server.",
        ),
        (b"hil-ipxe: failed: no address by DHCP: 0x40ee119\r\n", "iPXE gave up: no address by DHCP"),
    ],
)
def test_what_fails_on_the_network_is_laid_to_the_bench(tmp_path: Path, said: bytes, explanation: str) -> None:
    deaths = LanSegment(Config(kind="bridge"), Namespace(7, False, tmp_path), {}, "br0").deaths
    assert {death.name for death in deaths} > {death.name for death in DEFAULT_DEATHS}
    transcript = Transcript()
    watch = DeathWatch(deaths, transcript, 0)
    transcript.append(Chunk(1, 1, 0, said[:-2]))
    assert watch.look() is None
    transcript.append(Chunk(1, 1, len(said) - 2, said[-2:]))
    casualty = watch.look()
    assert casualty is not None
    assert casualty.explanation.startswith(explanation)
    assert casualty.death.fault == "bench"


def test_a_host_that_refuses_is_told_why_before_anything_starts(
    keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "hold", lambda *_, **__: Refused("/dev/net/tun: Permission denied"))
    with pytest.raises(InfrastructureError) as caught:
        opened(keeper, tmp_path)
    assert caught.value.message == (
        "this host allows no bridge, which the rig's segment is: /dev/net/tun: Permission denied"
    )
    assert caught.value.hint.startswith("run as root, or let others open it")
    assert set(keeper.streams()) == {"keeper"}


def test_a_network_port_that_is_not_lent_is_told_by_its_own_words(
    keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "hold", lambda *_, **__: Refused("interface enp3s0: No such device"))
    with pytest.raises(InfrastructureError, match=r"does not lend its network port .*: interface enp3s0: No such dev"):
        opened(keeper, tmp_path, nic="enp3s0")


@needs_taps
def test_a_dnsmasq_that_does_not_start_says_its_last_words(
    keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment, "configuration", lambda *_, **__: "no-such-option\n")
    with pytest.raises(InfrastructureError, match="the segment's dnsmasq ended, with status 1") as caught:
        opened(keeper, tmp_path)
    assert any("bad option" in line for line in caught.value.evidence)


@needs_taps
@pytest.mark.parametrize("way", isolation.ALL, ids=lambda way: way.name)
def test_nothing_is_left_of_it_when_its_keeper_is_killed(
    keeper: Keeper, way: Isolation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with killed_keeper(keeper.directory.with_name("killed"), way, tmp_path, monkeypatch, left=9) as killed:
        net = opened(killed, tmp_path, boot="http")
        net.serve({net.bench: ("127.0.0.1", 1)})
        net.cable("node1").reach(80, str, deadline=Deadline.after(WITHIN))
