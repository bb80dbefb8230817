"""A segment on a port without a port: on the twin's wire, and what is known of machines that others give addresses."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.keepers import own_keeper
from support.private_nets import needs_taps

from hil.errors import InfrastructureError, UsageError
from hil.keeper.client import Keeper
from hil.netboot.interface import Config, create
from hil.netboot.interface.segment import _hosts
from hil.netboot.lan import opening
from hil.netboot.lan.proxy import configuration
from hil.netboot.lan.segment import LanSegment
from hil.netboot.place import SegmentPlace
from hil.netboot.rpi.tree import Tree
from hil.netns.namespace import Namespace, Refused
from hil.tools import dnsmasq

NODES = {"node1": "dc:a6:32:00:00:01", "node2": "dc:a6:32:00:00:02"}
TREE = Tree("cm4", NODES["node1"], "10c2a4b7", {"start4.elf": b"firmware", "overlays/x.dtbo": b"overlay"}, {})
HOME = {"dhcp": "proxy", "subnet": "192.168.1.0/24", "bench": "192.168.1.5:8080"}


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    with own_keeper(monkeypatch) as started:
        yield started


def config(**values: object) -> Config:
    return Config.model_validate({"kind": "interface", "nic": "enp3s0", **values})


def behind_a_router(folder: Path) -> LanSegment:
    made = config(**HOME, addresses={"node1": "192.168.1.71"})
    hosts = {host.name: host for host in _hosts(made, NODES)}
    return LanSegment(made, Namespace(7, False, folder), hosts, "lan0")


@needs_taps
def test_on_the_twins_wire_it_is_a_bridge_with_the_boards_files(keeper: Keeper, tmp_path: Path) -> None:
    (tmp_path / "ipxe.efi").write_bytes(b"iPXE")
    place = SegmentPlace(keeper.directory, keeper, NODES, tmp_path / "ipxe.efi", tmp_path, {"node1": TREE})
    made = create(config(nic="twin:lan"), place)
    cable = made.cable("node1")
    assert (made.interface, cable.watch, cable.tap, made.lease("node1")) == ("br0", "br0", "tap0", "10.0.2.11")
    assert "ask-wire" not in keeper.streams()
    served = keeper.directory / "tftp" / "10c2a4b7"
    assert (served / "overlays/x.dtbo").read_bytes() == b"overlay"
    # As root, dnsmasq serves only what everyone may read (dnsmasq(8), --tftp-secure).
    assert (served / "start4.elf").stat().st_mode & 0o777 == 0o644
    assert "dhcp-mac=set:rpi-dca632000001,dc:a6:32:00:00:01" in (keeper.directory / "dnsmasq.conf").read_text()


def test_a_host_that_allows_no_twins_wire_is_not_told_to_take_a_guests(
    keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "hold", lambda *_, **__: Refused("Operation not permitted"))
    place = SegmentPlace(keeper.directory, keeper, NODES, tmp_path / "ipxe.efi", tmp_path)
    with pytest.raises(InfrastructureError) as refused:
        create(config(nic="twin:lan"), place)
    assert refused.value.message == (
        "this host allows no bridge, which the bench twin's wire is: Operation not permitted"
    )
    assert "run as root" in refused.value.hint
    assert "`user`" not in refused.value.hint, "no board can be on it"


def test_an_address_that_the_router_gives_must_be_written(tmp_path: Path) -> None:
    made = behind_a_router(tmp_path)
    assert made.lease("node1") == "192.168.1.71"
    with pytest.raises(UsageError, match="which address node node2 has is not known") as caught:
        made.lease("node2")
    assert "dc:a6:32:00:00:02" in caught.value.hint
    with pytest.raises(UsageError, match="names node3, which is no node of the rig"):
        _hosts(config(**HOME, addresses={"node3": "192.168.1.73"}), NODES)


def test_a_guest_cannot_be_on_a_port(tmp_path: Path) -> None:
    cable = behind_a_router(tmp_path).cable("node1")
    assert (cable.watch, cable.tap) == ("lan0", "")
    with pytest.raises(UsageError, match="node node1 is a virtual machine"):
        cable.netdev("net0", ())


def test_dnsmasq_understands_what_a_proxy_is_told() -> None:
    made = config(**HOME)
    text = configuration(made, _hosts(made, NODES), interface="lan0", tftp=Path("/run/a,b"), trees=[TREE])
    # The Raspberry Pi's own entry is the first of the menu.
    entries = [line for line in text.splitlines() if line.startswith("pxe-service")]
    assert [line.endswith(',0,"Raspberry Pi Boot"') for line in entries] == [True, False]
    argv = [dnsmasq.find().path, "--test", "--conf-file=-"]
    done = subprocess.run(argv, input=text.encode(), capture_output=True, check=False, timeout=20)
    assert (done.returncode, b"syntax check OK" in done.stderr) == (0, True), done.stderr
