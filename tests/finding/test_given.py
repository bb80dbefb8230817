"""Relays and serial lines as a command line names them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.errors import HilError, UsageError
from hil.finding.given import channels_given, console_given, relays_given


def test_relays_are_numbered_through() -> None:
    relays = relays_given(["lcus:/dev/ttyUSB0:1-2", "shelly2:192.0.2.20:0", "modbus-tcp:192.0.2.7:502:3"])
    assert {name: config.model_dump(exclude_unset=True) for name, config in relays.items()} == {
        "relay1": {"kind": "lcus", "device": "/dev/ttyUSB0", "channel": 1},
        "relay2": {"kind": "lcus", "device": "/dev/ttyUSB0", "channel": 2},
        "relay3": {"kind": "shelly2", "at": "192.0.2.20", "channel": 0},
        "relay4": {"kind": "modbus-tcp", "at": "192.0.2.7:502", "channel": 3},
    }
    hub = relays_given(["uhubctl:1-1.4:2", "lcus:usb:1-1.3:1.0:7"])
    assert hub["relay1"].model_dump(exclude_unset=True) == {"kind": "uhubctl", "hub": "1-1.4", "port": 2}
    assert hub["relay2"].model_dump(exclude_unset=True) == {"kind": "lcus", "device": "usb:1-1.3:1.0", "channel": 7}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("lcus", "names no relays"),
        ("lcus:/dev/ttyUSB0", "names no relays"),
        ("lcu:/dev/ttyUSB0:1", "there is no kind 'lcu'"),
        ("lcus:ttyUSB0:1", "names no device"),
        ("lcus:/dev/ttyUSB0:0", "channel"),
        ("poe:192.0.2.3:1", "community"),
        ("command:x:1", "more than a place and a channel"),
        ("lcus:twin:relay:1", "which does not run yet"),
    ],
)
def test_what_names_no_relays_says_why(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        relays_given([text])


def test_channels() -> None:
    assert channels_given("1-3,7,2") == [1, 2, 3, 7]
    for text in ("3-1", "1-", ",", "1-99", "1-40,50-80"):
        with pytest.raises(UsageError):
            channels_given(text)


def test_serial_lines() -> None:
    assert console_given("/dev/ttyUSB1@9600").model_dump(exclude_unset=True) == {
        "device": "/dev/ttyUSB1",
        "baud": 9600,
    }
    assert console_given("usb:1-1.4:1.0").device == "usb:1-1.4:1.0"
    assert console_given("rack:2217").at == "rack:2217"
    for text in ("rack", "/dev/ttyUSB1@1", "/dev/x\0", "", "twin:uart1"):
        with pytest.raises(UsageError):
            console_given(text)


@settings(max_examples=unless_quick(60), deadline=None)
@given(st.text(max_size=40) | st.from_regex(r"(lcus|shelly2|gpio):[^\n]{0,12}:[0-9,-]{0,6}", fullmatch=True))
def test_any_text_is_taken_or_refused_with_words(text: str) -> None:
    for read in (lambda: relays_given([text]), lambda: channels_given(text), lambda: console_given(text)):
        with contextlib.suppress(HilError):
            read()
