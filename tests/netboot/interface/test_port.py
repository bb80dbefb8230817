"""A share of a network port for real: on a wire of its own, beside a router, and where it is refused.

The host is a network namespace of the test's own (`support/port_host.py`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import port_host
from support.port_host import NEIGHBOUR, NEIGHBOUR_MAC, NODE, OWN, ROUTER
from support.private_nets import needs_private_net

from hil.netboot.lan.hosts import Host
from hil.netboot.lan.whereabouts import elsewhere
from hil.netns.neighbours import Neighbour

pytestmark = [
    pytest.mark.boot,
    needs_private_net,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who alone shares a host's interfaces"),
    pytest.mark.skipif(shutil.which("ip") is None, reason="the program ip is not here"),
]

LISTEN = 0.6
HOME = {"listen": LISTEN, "dhcp": "proxy", "subnet": "192.168.1.0/24", "bench": "192.168.1.5:8080"}
SERVE = {"listen": LISTEN}
SWITCH = ["--interface=lan", "--bind-interfaces", "--no-ping"]
STRANGER = "dc:a6:32:00:00:02"


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    orders: dict[str, dict[str, object]] = {
        "alone": {"segment": {"listen": LISTEN}, "client": NODE, "bootloader": True},
        "beside a router": {"segment": HOME, "router": [], "client": NODE, "bootloader": True},
        "asked by a stranger": {"segment": HOME, "router": [], "client": STRANGER},
        "two servers": {"segment": SERVE, "router": []},
        "one that knows the node": {"segment": SERVE, "router": [*SWITCH, "--dhcp-ignore=tag:!known"]},
        "one by its own settings": {"segment": {}, "router": [*SWITCH[:2], "--dhcp-ignore=tag:known"]},
        "a link that is late": {"segment": SERVE, "router": [], "late": 2.0},
        "taken": {"segment": {**HOME, "bench": f"{NEIGHBOUR}:8080"}, "router": []},
        "a node's is taken": {"segment": {**HOME, "addresses": {"node1": NEIGHBOUR}}, "router": []},
        "the host's address": {"segment": {**HOME, "bench": f"{ROUTER}:8080"}, "router": []},
        "unserved": {"segment": HOME},
        "another subnet": {"segment": {**HOME, "subnet": "10.7.7.0/24", "bench": "10.7.7.7:80"}, "router": []},
        "a server of the host": {"segment": SERVE, "host": ["--interface=veth0", "--bind-interfaces"]},
        "one on all ports": {"segment": SERVE, "host": ["--interface=veth0", "--no-ping"]},
        "one that is not meant": {"segment": SERVE, "host": ["--interface=else0"]},
        "a silent one": {"segment": HOME, "host": ["--interface=else0"]},
        "the host is the router": {
            "segment": HOME,
            "host": ["--interface=veth0", "--no-ping"],
            "client": NODE,
            "bootloader": True,
        },
        "not asked yet": {},
        "no driver": {"segment": {"vlan": 10}},
        "no such port": {"segment": {"nic": "enp9s0"}},
    }
    folder = tmp_path_factory.mktemp("port")
    argv = ["unshare", "--net", sys.executable, port_host.__file__, str(folder), json.dumps(list(orders.values()))]
    environment = {**os.environ, "PYTHONPATH": str(Path(port_host.__file__).parents[1])}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return dict(zip(orders, json.loads(done.stdout.splitlines()[-1]), strict=True))


def test_on_a_wire_of_its_own_the_bench_gives_addresses_and_boot_files(answers: dict[str, dict[str, Any]]) -> None:
    heard = answers["alone"]["servers"]
    assert {(each["server"], each["offer"]) for each in heard} == {("10.0.2.100", "10.0.2.11")}
    # The first is for a BIOS, which the node is not; the second for ARM64.
    assert [each["boot"] for each in heard] == ["", "ipxe-arm64.efi"]


def test_the_host_keeps_its_port_and_gets_no_other_interface(answers: dict[str, dict[str, Any]]) -> None:
    before = ["all", "board0", "client0", "client1", "default", "lan", "lo", "near0", "veth0", "veth1"]
    assert answers["alone"]["interfaces"] == before
    # The port was down; the second bench found it up, though the first one's keeper was killed.
    assert answers["alone"]["facts"]["changed on this host"] == "interface veth0 was down; it is up now, and stays so"
    assert "changed on this host" not in answers["beside a router"]["facts"]


def test_the_share_has_no_ipv6_by_which_a_routers_announcement_would_be_a_way_out(
    answers: dict[str, dict[str, Any]],
) -> None:
    assert answers["alone"]["ipv6"] == ["lo"]


def test_the_bench_answers_for_its_address_once_nobody_else_does(answers: dict[str, dict[str, Any]]) -> None:
    assert [each["address"] for each in answers["alone"]["claims"]] == ["10.0.2.100"]
    assert answers["not asked yet"]["claims"] == []


def test_each_process_keeps_what_it_needs_alone(answers: dict[str, dict[str, Any]]) -> None:
    def mask(*numbers: int) -> list[str]:
        held = f"{sum(1 << number for number in numbers):016x}"
        return [held, held, "1"]

    found = answers["alone"]["caps"]
    assert found["dnsmasq inside"] == mask(2, 10, 12, 13)
    assert (found["python outside"], found["python inside"]) == (mask(2), mask(10))


def test_beside_a_router_a_node_has_its_address_from_there_and_its_boot_from_the_bench(
    answers: dict[str, dict[str, Any]],
) -> None:
    assert {(each["server"], each["offer"]) for each in answers["beside a router"]["servers"]} == {
        (ROUTER, "192.168.1.71"),
        ("192.168.1.5", "0.0.0.0"),
    }
    assert answers["beside a router"]["facts"]["its DHCP server"].startswith(f"{ROUTER} (02:00:00:00:00:fe), which")
    assert {each["server"] for each in answers["asked by a stranger"]["servers"]} == {ROUTER}


@pytest.mark.parametrize(
    ("order", "address"),
    [("alone", "10.0.2.11"), ("beside a router", "192.168.1.71"), ("the host is the router", "192.168.1.71")],
    ids=["serve", "proxy", "proxy beside the host's own server"],
)
def test_a_raspberry_pis_bootloader_comes_to_its_firmware(
    answers: dict[str, dict[str, Any]], order: str, address: str
) -> None:
    report = answers[order]["bootloader"]
    assert (report["outcome"], report["image"]) == ("handed over", "RPI_EFI.fd"), report
    assert f"/tftp/10c2a4b7/RPI_EFI.fd to {address}\n" in answers[order]["dnsmasq"]


def test_which_address_the_router_gave_is_known_once_a_node_has_fetched_something(
    answers: dict[str, dict[str, Any]],
) -> None:
    known = [Neighbour(*each) for each in answers["beside a router"]["neighbours"]]
    node = Host("node1", NODE, "192.168.1.71", "")
    assert elsewhere(node, known) is None
    trouble = elsewhere(replace(node, address="192.168.1.72"), known)
    assert trouble is not None
    assert trouble.words.endswith(f"nobody there has answered: its port {NODE} had 192.168.1.71 on this wire")


@pytest.mark.parametrize(
    ("order", "error", "hint"),
    [
        (
            "two servers",
            f"another DHCP server answers on veth0: {ROUTER} (02:00:00:00:00:fe), which offers 192.168.1.",
            "say `dhcp: proxy`",
        ),
        (
            "taken",
            f"{NEIGHBOUR}, which is to be the bench's on veth0, is taken: {NEIGHBOUR_MAC} answers for it",
            "give `bench:`",
        ),
        (
            "a node's is taken",
            f"{NEIGHBOUR}, which is node node1's on veth0, is taken: {NEIGHBOUR_MAC} answers for it, which is no node",
            "which address it gives to the node",
        ),
        (
            "the host's address",
            f"{ROUTER}, which is to be the bench's on veth0, is an address of this host itself",
            "that nobody has, this host neither",
        ),
        ("one that knows the node", f"another DHCP server answers on veth0: {ROUTER}", "say `dhcp: proxy`"),
        (
            "a server of the host",
            "this host itself serves DHCP on veth0: dnsmasq (process ",
            "stop it, or have it leave",
        ),
        ("one on all ports", "this host itself serves DHCP on veth0: dnsmasq (process ", "stop it, or have it leave"),
        ("one by its own settings", f"another DHCP server answers on veth0: {ROUTER}", "say `dhcp: proxy`"),
        ("a link that is late", f"another DHCP server answers on veth0: {ROUTER}", "say `dhcp: proxy`"),
        ("unserved", "no DHCP server answers on veth0 within 0.6 s", "say `dhcp: serve`"),
        ("another subnet", f"the DHCP server on veth0 is {ROUTER}", "write the `subnet:` of that network"),
        (
            "no such port",
            "this host does not share its network port with the bench: interface enp9s0: there is none of that name",
            "as `ip link` shows it",
        ),
    ],
)
def test_what_is_refused(answers: dict[str, dict[str, Any]], order: str, error: str, hint: str) -> None:
    assert answers[order]["error"].startswith(error)
    assert hint in answers[order]["hint"]


def test_a_server_of_the_host_is_named(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["a server of the host"]["error"].endswith(
        ") listens there; a board would take now its answer, now the bench's"
    )
    assert f") answers there, as {OWN} (" in answers["one on all ports"]["error"]


def test_a_server_of_the_host_that_means_another_port_is_known_and_no_trouble(
    answers: dict[str, dict[str, Any]],
) -> None:
    fact = answers["one that is not meant"]["facts"]["this host's own DHCP server"]
    assert fact.startswith("dnsmasq (process ")
    assert fact.endswith(") listens at port 67, but did not answer on veth0")
    assert "this host's own DHCP server" not in answers["beside a router"]["facts"]


def test_where_nobody_gives_addresses_the_silent_one_of_the_host_is_named(answers: dict[str, dict[str, Any]]) -> None:
    error = answers["a silent one"]["error"]
    assert error.startswith("no DHCP server answers on veth0 within 0.6 s, nor does dnsmasq (process ")


def test_the_host_itself_can_be_the_router(answers: dict[str, dict[str, Any]]) -> None:
    facts = answers["the host is the router"]["facts"]
    assert facts["its DHCP server"].startswith(f"{OWN} (")
    assert facts["this host's own DHCP server"].endswith(") answers on veth0")


def test_a_kernel_without_vlans_is_told_which_module_is_missing(answers: dict[str, dict[str, Any]]) -> None:
    if "error" not in answers["no driver"]:
        pytest.skip("this kernel has VLANs")
    assert answers["no driver"]["error"].endswith("interface veth0, VLAN 10: Operation not supported")
    assert answers["no driver"]["hint"] == "load the kernel's 8021q module (`sudo modprobe 8021q`)"
