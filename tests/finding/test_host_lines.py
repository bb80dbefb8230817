"""The serial lines of a host, among device files of a folder."""

from __future__ import annotations

from pathlib import Path

from hil.finding.host_lines import host_lines


def test_each_line_once_by_its_best_name_and_no_relay_board(tmp_path: Path) -> None:
    by_id, by_path = tmp_path / "serial" / "by-id", tmp_path / "serial" / "by-path"
    for folder in (by_id, by_path):
        folder.mkdir(parents=True)
    for name in ("ttyUSB0", "ttyUSB1", "ttyUSB2", "ttyACM0", "ttyAMA0", "ttyS0"):
        (tmp_path / name).touch()
    (by_id / "usb-FTDI-if00").symlink_to("../../ttyUSB1")
    (by_id / "usb-1a86-if00").symlink_to("../../ttyUSB0")
    (by_path / "pci-usb-0:1.1").symlink_to("../../ttyUSB1")
    (by_path / "pci-usb-0:1.2").symlink_to("../../ttyUSB2")

    assert host_lines(besides=[str(by_id / "usb-1a86-if00")], root=tmp_path) == [
        str(by_id / "usb-FTDI-if00"),
        str(by_path / "pci-usb-0:1.2"),
        str(tmp_path / "ttyACM0"),
    ]
    assert host_lines(root=tmp_path / "none") == []
