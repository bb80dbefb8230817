"""A node's `console:`: one line, and what it takes of the real world."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.config.serial import ConsoleConfig


def faults(**keys: object) -> list[tuple[tuple[str | int, ...], str]]:
    return [(fault.at, fault.message) for fault in ConsoleConfig.model_validate(keys).faults()]


@pytest.mark.parametrize(
    "keys",
    [
        {"device": "/dev/ttyUSB0"},
        {"device": "usb:1-1.4:1.0"},
        {"device": "twin:uart1"},
        {"at": "server:2217"},
        {"at": "[fe80::1]:4001", "protocol": "raw"},
        {"at": "twin:server"},
    ],
)
def test_one_line_is_no_fault(keys: dict[str, object]) -> None:
    assert faults(**keys) == []


@pytest.mark.parametrize("keys", [{}, {"baud": 9600}, {"device": "/dev/ttyUSB0", "at": "server:2217"}])
def test_no_line_and_two_lines_are_a_fault(keys: dict[str, object]) -> None:
    assert faults(**keys) == [((), "a console is on one serial line")]


@pytest.mark.parametrize("at", ["server", "192.0.2.7", "[fe80::1]"])
def test_a_serial_server_has_no_usual_port(at: str) -> None:
    assert faults(at=at) == [(("at",), f"{at!r} names no port")]


def test_two_names_of_one_line_are_one_thing(tmp_path: Path) -> None:
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "usb-FTDI").symlink_to("ttyUSB0")
    things = [ConsoleConfig(device=str(tmp_path / name)).things() for name in ("ttyUSB0", "usb-FTDI")]
    assert things[0] == things[1]
    assert [thing.key for thing in things[0]] == [("console", "device")]


def test_a_serial_server_s_port_is_a_thing_and_a_twin_s_line_is_none() -> None:
    (thing,) = ConsoleConfig(at="192.0.2.7:2217").things()
    assert ("192.0.2.7" in thing.name, "2217" in thing.name, thing.key) == (True, True, ("console", "at"))
    assert ConsoleConfig(device="twin:uart1").things() == ConsoleConfig(at="twin:server").things() == ()
