"""Devices as a rig names them: a place on the USB (udev's names, a sysfs made of folders), addresses, the twin's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.config.devices import At, DeviceName, device_path, has_port, host_port, resolved, twin_names
from hil.config.model import HostPort, Model

QUICK = settings(max_examples=unless_quick(60), deadline=None)


class Host:
    """Two controllers, each with a bus; links by path are udev's."""

    def __init__(self, root: Path) -> None:
        self.root, self.links, self.buses = root, root / "by-path", root / "sys"
        self.links.mkdir()
        self.buses.mkdir()
        for bus, controller in ((1, "0000:00:14.0"), (3, "0000:0e:00.3")):
            (root / controller / f"usb{bus}").mkdir(parents=True)
            (self.buses / f"usb{bus}").symlink_to(root / controller / f"usb{bus}")

    def plug(self, interface: str, link: str, terminal: str) -> None:
        (self.root / terminal.rpartition("/")[2]).touch()
        (self.links / link).symlink_to(f"../{terminal.rpartition('/')[2]}")
        (self.buses / interface / terminal).mkdir(parents=True)

    def path(self, device: str) -> str:
        return device_path(device, links=self.links, buses=self.buses).name


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_the_bus_decides_between_two_sockets_of_one_number(host: Host) -> None:
    host.plug("3-1.4:1.0", "pci-0000:0e:00.3-usb-0:1.4:1.0-port0", "ttyUSB0")
    host.plug("1-1.4:1.0", "pci-0000:00:14.0-usb-0:1.4:1.0-port0", "ttyUSB1")
    assert host.path("usb:1-1.4:1.0") == "pci-0000:00:14.0-usb-0:1.4:1.0-port0"
    assert host.path("usb:3-1.4:1.0") == "pci-0000:0e:00.3-usb-0:1.4:1.0-port0"


def test_another_socket_is_not_taken_for_one_that_is_empty(host: Host) -> None:
    host.plug("3-1.4:1.0", "pci-0000:0e:00.3-usb-0:1.4:1.0-port0", "ttyUSB0")
    assert host.path("usb:1-1.4:1.0") == "usb-0:1.4:1.0"
    assert host.path("usb:3-4:1.0") == "usb-0:4:1.0"
    assert host.path("usb:3-1.4:1.1") == "usb-0:1.4:1.1"


def test_two_buses_of_one_controller_are_told_apart_by_the_terminal(host: Host) -> None:
    (host.buses / "usb2").symlink_to(host.root / "0000:00:14.0" / "usb1")
    host.plug("1-4:1.0", "pci-0000:00:14.0-usbv2-0:4:1.0", "tty/ttyACM0")
    host.plug("2-4:1.0", "pci-0000:00:14.0-usbv3-0:4:1.0", "tty/ttyACM1")
    assert host.path("usb:1-4:1.0") == "pci-0000:00:14.0-usbv2-0:4:1.0"
    assert host.path("usb:2-4:1.0") == "pci-0000:00:14.0-usbv3-0:4:1.0"


def test_a_link_whose_adapter_sysfs_does_not_show_is_found_by_its_controller(host: Host) -> None:
    (host.links / "platform-fd500000.pcie-pci-0000:00:14.0-usb-0:1.2:1.0-port0").symlink_to("../ttyUSB0")
    assert host.path("usb:1-1.2:1.0").startswith("platform-fd500000.pcie")
    assert host.path("/dev/serial/by-id/usb-FTDI") == "usb-FTDI"


def test_of_two_links_of_a_terminal_the_one_that_says_the_usb_revision_is_taken(host: Host) -> None:
    host.plug("1-4:1.0", "pci-0000:00:14.0-usb-0:4:1.0-port0", "ttyUSB0")
    (host.links / "pci-0000:00:14.0-usbv2-0:4:1.0-port0").symlink_to("../ttyUSB0")
    assert host.path("usb:1-4:1.0") == "pci-0000:00:14.0-usbv2-0:4:1.0-port0"


HOSTS = st.sampled_from(["plug", "192.0.2.7", "a_b.lan", "::1", "fe80::1:8080", "2001:db8::80"])


@QUICK
@given(HOSTS, st.none() | st.integers(1, 65535), st.integers(1, 65535))
def test_an_address_has_its_own_port_or_the_usual_one(name: str, port: int | None, usual: int) -> None:
    written = f"[{name}]" if ":" in name else name
    at = written if port is None else f"{written}:{port}"
    assert has_port(at) == (port is not None)
    assert host_port(at, usual) == HostPort(name, usual if port is None else port)


class Inner(Model):
    device: DeviceName | None = None


class Outer(Model):
    at: At | None = None
    device: DeviceName | None = None
    inner: Inner | None = None
    count: int = 1


TWINS = st.sampled_from(["twin:relay", "twin:plug", "twin:uart1"])


@QUICK
@given(st.none() | TWINS | st.just("plug:80"), st.none() | TWINS | st.just("/dev/ttyS0"), st.none() | TWINS)
def test_each_name_of_the_twin_s_is_found_and_replaced_and_nothing_else(
    at: str | None, device: str | None, below: str | None
) -> None:
    section = Outer(at=at, device=device, inner=Inner(device=below))
    opened = {"twin:relay": "/dev/pts/7", "twin:plug": "/dev/pts/9", "twin:uart1": "/dev/pts/8"}
    names = [name for name in (at, device, below) if name in opened]
    assert list(twin_names(section)) == names
    real = resolved(section, opened)
    assert real.inner is not None
    assert (real.at, real.device, real.inner.device, real.count) == (
        opened.get(at or "", at),
        opened.get(device or "", device),
        opened.get(below or "", below),
        1,
    )
    assert list(twin_names(real)) == []
    assert list(twin_names(section)) == names
