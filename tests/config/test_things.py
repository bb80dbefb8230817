"""Things of the real world: one name each, however a rig writes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.config.model import HostPort
from hil.config.things import Thing, device, endpoint, named


def test_a_device_and_the_links_to_it_are_one(tmp_path: Path) -> None:
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "by-id").mkdir()
    (tmp_path / "by-id" / "usb-FTDI").symlink_to("../ttyUSB0")
    assert device(tmp_path / "by-id" / "usb-FTDI", "console") == Thing(str(tmp_path / "ttyUSB0"), ("console",))
    assert device(tmp_path / "by-id" / ".." / "ttyUSB0").name == str(tmp_path / "ttyUSB0")
    assert device(tmp_path / "unplugged").name == str(tmp_path / "unplugged")


@pytest.mark.parametrize(
    ("at", "channel", "name"),
    [
        ("Relay.LAN.:80", 1, "relay.lan:80:1"),
        ("relay.lan:80", "A", "relay.lan:80:A"),
        ("relay.lan:80", None, "relay.lan:80"),
        ("192.168.1.5:23", 0, "192.168.1.5:23:0"),
        ("[FE80:0::0:1]:23", 2, "[fe80::1]:23:2"),
    ],
)
def test_an_endpoint_is_written_in_one_way(at: str, channel: int | str | None, name: str) -> None:
    assert endpoint(HostPort.parse(at), "power", channel=channel) == Thing(name, ("power",))


@given(st.text(min_size=1, max_size=400))
def test_a_file_name_is_one_and_says_what_it_is(name: str) -> None:
    file = Thing(name).file_name
    assert len(file.encode()) <= 255
    assert "/" not in file
    assert file not in (".", "..")
    assert named(file) == name or len(file) > 200


def test_long_names_keep_apart() -> None:
    one, other = (Thing("/dev/" + "x" * 500 + end).file_name for end in "ab")
    assert one != other
