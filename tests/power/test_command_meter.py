"""The meter that is a program: what it may print, and what becomes of one that hangs or fails."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.clock import Deadline, now_ns
from hil.power.command_meter import KEYS, Config, create, parse
from hil.power.meter import Reading, Resolution
from hil.power.port import PortAbsent, PortGarbled, PortRefused, PortSilent

SOON = 5.0


def read(script: str, within: float = SOON) -> Reading:
    made = create(Config(kind="command", command=("sh", "-c", script)))
    return made.read(deadline=Deadline.after(within))


def test_its_last_line_is_the_reading() -> None:
    began = now_ns()
    found = read("""echo warming up; echo '{"volts": 5.1, "amperes": 0.4, "watts": 2.1, "counter_wh": 7}'""")
    assert (found.volts, found.amperes, found.watts, found.counter_wh) == (5.1, 0.4, 2.1, 7.0)
    assert began <= found.at_ns - found.error_ns <= found.at_ns + found.error_ns <= now_ns() + 1


def test_what_can_become_of_it() -> None:
    with pytest.raises(PortRefused, match="it ended with 3, expected 0") as caught:
        read("echo no meter >&2; exit 3")
    assert caught.value.evidence == ("no meter",)
    with pytest.raises(PortSilent, match=r"had not ended after 0\.05 s; it was killed"):
        read("sleep 60", within=0.05)
    with pytest.raises(PortGarbled, match="it printed nothing"):
        read("true")
    with pytest.raises(PortAbsent, match="cannot be started"):
        create(Config(kind="command", command=("/nowhere/meter",))).read(deadline=Deadline.after(SOON))


def test_its_arguments_are_in_no_name_and_its_resolution_is_the_rigs() -> None:
    made = create(Config(kind="command", command=("meter", "--password=x"), resolution=0.1))
    assert made.name == "the meter's program meter"
    assert made.resolution == Resolution(watts=0.1)


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("2.5", "no JSON object"),
        ("{", "no JSON"),
        ("W=2.5", "no JSON"),
        ('{"watt": 2.5}', "the key 'watt', known are volts, amperes, watts, counter_wh"),
        ('{"watts": "2.5"}', "watts is '2.5', which is no number"),
        ('{"watts": true}', "which is no number"),
        ('{"watts": NaN}', "no JSON"),
        ('{"watts": 1e999}', "too large"),
        ('{"volts": 5}', "neither watts nor both"),
        ('{"volts": 1e300, "amperes": 1e300}', "too large"),
    ],
)
def test_what_is_no_reading(output: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(output)


@settings(max_examples=unless_quick(60), deadline=None)
@given(st.text(max_size=60) | st.dictionaries(st.sampled_from(KEYS), st.floats()).map(json.dumps))
def test_any_output_is_a_reading_or_said_not_to_be(output: str) -> None:
    try:
        found = parse(output)
    except ValueError:
        return
    assert all(math.isfinite(value) for value in found.values())
    assert "watts" in found
