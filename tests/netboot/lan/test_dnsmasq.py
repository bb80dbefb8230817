"""What dnsmasq is told, and that it understands it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.dnsmasq_wire import Ask, ask
from support.private_nets import needs_private_net

from hil.errors import InfrastructureError
from hil.netboot.bridge.config import Config
from hil.netboot.interface.config import Config as Interface
from hil.netboot.lan.dnsmasq import STARTED, configuration, quoted
from hil.netboot.lan.hosts import hosts_of
from hil.tools import dnsmasq

NODES = {"node1": "52:54:00:00:00:01", "bench-2": "52:54:00:00:00:02"}
NAMES = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)
# What a folder's name on Linux may be, but for a line's end, which no configuration file can hold.
FOLDERS = st.text(st.characters(exclude_characters="\n\r\0/", exclude_categories=["Cs"]), min_size=1, max_size=20)


def written(nodes: dict[str, str] = NODES, tftp: Path = Path("/run/tftp"), **values: object) -> list[str]:
    config = Config.model_validate({"kind": "bridge", **values})
    nbp = config.nbp if config.boot == "http" else None
    return configuration(config, hosts_of(config, nodes), interface="br0", tftp=tftp, nbp=nbp).split("\n")


def test_each_node_has_its_address_and_its_name() -> None:
    lines = written()
    assert "dhcp-host=52:54:00:00:00:01,10.0.2.11,node1,12h" in lines
    assert "dhcp-host=52:54:00:00:00:02,10.0.2.12,bench-2,12h" in lines
    assert [line for line in lines if line.startswith("host-record=")] == [
        "host-record=node1,node1.hil.test,10.0.2.11",
        "host-record=bench-2,bench-2.hil.test,10.0.2.12",
        "host-record=bench,bench.hil.test,10.0.2.100",
    ]
    assert "dhcp-range=10.0.2.0,static,255.255.255.0,12h" in lines


def test_a_node_called_bench_is_the_one_that_is_meant() -> None:
    records = [line for line in written({"bench": NODES["node1"]}) if line.startswith("host-record=")]
    assert records == ["host-record=bench,bench.hil.test,10.0.2.11"]


def test_nothing_of_the_host_is_read_or_written() -> None:
    assert {"no-hosts", "no-resolv", "leasefile-ro", "except-interface=lo", "bind-interfaces"} < set(written())


def test_who_boots_what() -> None:
    def boots(**values: object) -> list[str]:
        return [line for line in written(**values) if line.startswith(("dhcp-boot", "dhcp-match", "enable-tftp"))]

    ipxe = "dhcp-boot=tag:ipxe,http://10.0.2.100:8080/boot.ipxe"
    assert boots() == [
        ipxe,
        "enable-tftp",
        "dhcp-match=set:arm64,option:client-arch,11",
        "dhcp-boot=tag:arm64,tag:!ipxe,ipxe-arm64.efi",
    ]
    assert boots(boot="http") == [
        ipxe,
        "dhcp-match=set:arm64http,option:client-arch,19",
        "dhcp-boot=tag:arm64http,tag:!ipxe,http://10.0.2.100:80/ipxe-arm64.efi",
    ]


def program() -> Path:
    try:
        return dnsmasq.find().path
    except InfrastructureError as error:
        pytest.fail(error.message)


@settings(max_examples=15)
@given(names=st.sets(NAMES, min_size=1, max_size=4), folder=FOLDERS, boot=st.sampled_from(["pxe", "http"]))
def test_dnsmasq_understands_it(names: set[str], folder: str, boot: str) -> None:
    nodes = {name: f"52:54:00:00:00:{number:02x}" for number, name in enumerate(sorted(names))}
    text = "\n".join(written(nodes, Path("/run", folder), boot=boot))
    done = subprocess.run(
        [program(), "--test", "--conf-file=-"], input=text.encode(), capture_output=True, check=False, timeout=20
    )
    assert (done.returncode, b"syntax check OK" in done.stderr) == (0, True), done.stderr


@needs_private_net
def test_a_stranger_is_told_nothing_not_even_no(tmp_path: Path) -> None:
    stranger, node = "b8:27:eb:00:00:99", NODES["node1"]
    config = Interface(kind="interface", nic="twin:lan")
    lines = configuration(config, hosts_of(config, NODES), interface="lan0", tftp=tmp_path).splitlines()
    # An authoritative server says no to what it did not give: a machine of another network would lose its address.
    asks = [Ask(stranger, address="10.0.2.50"), Ask(stranger, address="192.168.1.50"), Ask(stranger), Ask(node)]
    assert [(each.ask, each.given) for each in ask(lines, asks, tmp_path)] == [(3, "10.0.2.11")]


def test_a_comma_in_a_folder_does_not_end_it() -> None:
    assert quoted('a,b "c" \\d # e') == '"a,b \\"c\\" \\\\d # e"'


def test_its_first_words() -> None:
    found = STARTED.search(b"dnsmasq: started, version 2.90 cachesize 150\n")
    assert found is not None
    assert found[1] == b"2.90"
    assert STARTED.search(b"dnsmasq: failed to create listening socket for 10.0.2.100: Address in use") is None
