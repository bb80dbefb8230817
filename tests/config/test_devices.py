"""A place on the USB as a device file: names as udev gives them, a host's sysfs made of folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.config.devices import device_path


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
