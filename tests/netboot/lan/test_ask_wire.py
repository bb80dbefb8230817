"""What is read from a wire: offers and claims as other programs write them, and anything at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether
from support.examples import unless_quick

from hil.errors import InfrastructureError
from hil.netboot.lan import wire as wires
from hil.netboot.lan.ask_wire import Answer, Heard, discover, probe, read_answer, read_claim
from hil.netboot.lan.hosts import Host
from hil.netboot.lan.wire import Wire, need_scapy, parse, refuse_claims, refuse_servers, refuse_unserved
from hil.netboot.network import NetworkConfig

OURS, THEIRS = "02:00:00:00:00:01", "02:00:00:00:00:02"
TRANSACTION = 0x12345678


def offer(kind: str = "offer", *, xid: int = TRANSACTION, file: bytes = b"") -> bytes:
    reply = BOOTP(op=2, xid=xid, yiaddr="192.168.1.71", siaddr="192.168.1.2", file=file)
    options = DHCP(options=[("message-type", kind), ("server_id", "192.168.1.1"), "end"])
    layers = Ether(src=THEIRS, dst=OURS) / IP(src="192.168.1.1") / UDP(sport=67, dport=68)
    return bytes(layers / reply / options)


def claim(who: str, address: str, *, asks_for: str = "192.168.1.77") -> bytes:
    return bytes(Ether(src=who) / ARP(op=2, hwsrc=who, psrc=address, pdst=asks_for))


def test_an_offer_is_read() -> None:
    assert read_answer(offer(), TRANSACTION) == Answer("192.168.1.1", THEIRS, "192.168.1.71", "")
    named = read_answer(offer(file=b"pxelinux.0"), TRANSACTION)
    assert named is not None
    assert named.boot == "pxelinux.0"


def test_what_is_no_answer_is_passed_over() -> None:
    assert read_answer(offer("ack"), TRANSACTION) is None
    assert read_answer(offer(xid=7), TRANSACTION) is None
    assert read_answer(discover(OURS, TRANSACTION, 11), TRANSACTION) is None


def test_who_has_an_address_or_is_about_to_take_it() -> None:
    wanted = ["192.168.1.5"]
    assert read_claim(claim(THEIRS, "192.168.1.5"), OURS, wanted) == ("192.168.1.5", THEIRS)
    assert read_claim(probe(THEIRS, "192.168.1.5"), OURS, wanted) == ("192.168.1.5", THEIRS)
    assert read_claim(claim(THEIRS, "192.168.1.6", asks_for="192.168.1.5"), OURS, wanted) is None
    assert read_claim(claim(OURS, "192.168.1.5"), OURS, wanted) is None


@settings(max_examples=unless_quick(60))
@given(
    frame=st.one_of(
        st.binary(max_size=400),
        st.tuples(st.integers(0, 320), st.binary(max_size=60), st.booleans()).map(
            lambda cut: offer()[: cut[0]] + cut[1] + (offer()[cut[0] + len(cut[1]) :] if cut[2] else b"")
        ),
        st.tuples(st.integers(0, 42), st.binary(max_size=8)).map(
            lambda cut: claim(THEIRS, "192.168.1.5")[: cut[0]] + cut[1]
        ),
    )
)
def test_nothing_on_a_wire_makes_a_traceback(frame: bytes) -> None:
    heard = Heard()
    heard.take(frame, OURS, TRANSACTION, ["192.168.1.5"])
    json.dumps([vars(answer) for answer in heard.servers])
    assert all(address == "192.168.1.5" for address, _ in heard.claims)


def test_a_boot_server_beside_the_router_is_refused_by_name() -> None:
    servers = '{"server": "192.168.1.9", "mac": "02:00:00:00:00:09", "offer": "0.0.0.0", "boot": "x.efi"}'
    wire = parse(b'{"servers": [%s], "claims": [], "link": true}' % servers.encode())
    network = NetworkConfig.model_construct(subnet="192.168.1.0/24").network
    with pytest.raises(InfrastructureError, match=r"another boot server answers on enp3s0: 192\.168\.1\.9 .*x\.efi"):
        refuse_unserved(wire, "enp3s0", network, 3)
    # `dhcp: proxy` would be refused as well: that is no way out.
    with pytest.raises(InfrastructureError, match="another boot server answers on enp3s0: ") as caught:
        refuse_servers(wire, "enp3s0")
    assert "proxy" not in caught.value.hint


def test_a_node_that_is_on_may_have_a_nodes_address_and_nobody_else() -> None:
    hosts = [Host("node1", OURS, "10.0.2.11", ""), Host("node2", "02:00:00:00:00:03", "", "")]
    refuse_claims(Wire((), (("10.0.2.11", OURS), ("10.0.2.11", "02:00:00:00:00:03")), True), "enp3s0", hosts)
    with pytest.raises(
        InfrastructureError, match=rf"10\.0\.2\.11, which is node node1's on .* taken: {THEIRS} answers"
    ):
        refuse_claims(Wire((), (("10.0.2.11", THEIRS),), True), "enp3s0", hosts)


def test_a_wire_that_cannot_be_asked_says_why() -> None:
    with pytest.raises(InfrastructureError, match="lan0: Network is down"):
        parse(b'{"error": "lan0: Network is down"}')


def test_without_scapy_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    need_scapy()
    monkeypatch.setattr(wires, "find_spec", lambda name: None)
    with pytest.raises(InfrastructureError, match="scapy, which is not installed") as caught:
        need_scapy()
    assert caught.value.hint == "pip install 'hil[bench]'"
