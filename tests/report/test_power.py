"""A boot's energy: in its record, read back from it, in words; and that simulated figures are never unmarked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick
from support.meters import Steady

from hil.boot import Boot, Verdict
from hil.clock import Deadline, WallAnchor, now_ns
from hil.errors import NodeError
from hil.power.meter import Reading, Resolution
from hil.power.port import PortSilent
from hil.power.sampler import Sampler
from hil.power.samples import Sample
from hil.report.power import Metered, PowerRecord, mixed
from hil.timeline.timeline import Mark, Timeline

SOON = 5.0
KNOWN = PowerRecord(
    meter="twin:plug",
    simulated=True,
    resolution=Resolution(watts=0.1),
    every_seconds=0.5,
    age_seconds=1.0,
    to="ready",
    seconds=18.0,
    joules=61.2,
    error_joules=3.1,
    mean_watts=3.4,
    peak_watts=6.1,
    gap_seconds=0.0,
    samples=36,
    counter_joules=61.0,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


def silent() -> float:
    raise PortSilent("plug: no answer", hint="look")


def metered(tmp_path: Path, meter: Steady) -> tuple[Boot, Sampler]:
    """A boot whose meter has been looked at twice, and is again when somebody waits for it."""
    sampler = Sampler(meter, 60.0, tmp_path / "power.csv")
    sampler.begin()
    began = sampler.wait_after(0, Deadline.after(SOON))
    assert began is not None
    boot = Boot(1, "n1", "img", {}, tmp_path, Timeline(began.at_ns + 1, WallAnchor.take()))
    boot.metered = Metered(sampler, "twin:plug", simulated=True)
    later = sampler.wait_after(now_ns(), Deadline.after(SOON))
    assert later is not None
    return boot, sampler


def record_of(boot: Boot) -> dict[str, object]:
    found = json.loads((boot.folder / "boot.json").read_text())["power"]
    assert isinstance(found, dict)
    return found


def test_a_boot_s_record_has_its_energy_to_ready(tmp_path: Path) -> None:
    boot, sampler = metered(tmp_path, Steady())
    boot.timeline.add([Mark("ready", now_ns(), 0, "probes", "all hold")])
    boot.settle(Verdict.READY)
    sampler.end()
    record = record_of(boot)
    assert list(record) == [
        *(
            "meter",
            "simulated",
            "resolution",
            "every_seconds",
            "age_seconds",
            "to",
            "seconds",
            "joules",
            "error_joules",
            "watt_hours",
        ),
        *("mean_watts", "peak_watts", "gap_seconds", "samples", "counter_joules", "note"),
    ]
    assert (record["meter"], record["simulated"], record["to"]) == ("twin:plug", True, "ready")
    assert boot.power is not None
    assert boot.power.gap_seconds == 0
    assert boot.power.seconds == boot.timeline.seconds("ready")
    boot.leave()
    assert record_of(boot) == record


def test_without_ready_the_energy_is_until_the_boot_was_settled(tmp_path: Path) -> None:
    boot, sampler = metered(tmp_path, Steady())
    boot.write()
    assert record_of(boot)["to"] == "now"
    boot.fail(NodeError("n1: panic", hint="h"))
    first = record_of(boot)
    sampler.wait_after(now_ns(), Deadline.after(SOON))
    boot.fail(NodeError("n1: still", hint="h"))
    sampler.end()
    assert (first["to"], record_of(boot)) == ("now", first)


def test_the_age_of_a_meter_s_values_is_in_the_error_and_is_waited_for() -> None:
    """0 W at 0 s and 10 W from 1 s on, of a meter whose values may be a second old: 10 W from -1 s, or from 1 s on."""
    second = 10**9
    samples = [Sample.good(Reading(at * second, 0, watts=10.0 * (at > 0))) for at in range(5)]
    asked: list[int] = []
    sampler = SimpleNamespace(
        meter=Steady(age=1.0, resolution=Resolution(watts=0.0)),
        every=1.0,
        note="",
        wait_after=lambda at_ns, deadline: asked.append(at_ns),
        readings=lambda since_ns, until_ns: samples,
    )
    found = Metered(cast(Sampler, sampler), "plug", simulated=False).record(0, 2 * second, ready=True)
    assert asked == [2.5 * second]
    assert (found.age_seconds, found.gap_seconds) == (1.0, 0)
    assert (found.joules, found.error_joules) == pytest.approx((18.75, 8.75))


def test_a_meter_that_says_nothing_is_said_and_hinders_nothing(tmp_path: Path) -> None:
    boot, sampler = metered(tmp_path, Steady(dict.fromkeys(range(2, 5000, 2), silent)))
    sampler.end()
    boot.settle(Verdict.READY)
    record = record_of(boot)
    assert (record["joules"], record["error_joules"], record["watt_hours"]) == (None, None, None)
    assert "x plug: no answer" in str(record["note"])
    assert boot.power is not None
    assert boot.power.words().startswith("not known: looks without a reading: ")


def test_a_boot_without_a_meter_has_no_energy(tmp_path: Path) -> None:
    boot = Boot(1, "n1", "img", {}, tmp_path, Timeline(0, WallAnchor.take()))
    assert boot.power is None
    assert boot.to_json()["power"] is None


def test_in_words() -> None:
    assert KNOWN.words() == (
        "61.2 J ± 3.1 J from power-on to ready, mean 3.4 W, peak 6.1 W (simulated; twin:plug every 0.5 s)"
    )
    holed = replace(KNOWN, simulated=False, meter="plug", gap_seconds=2.25, to="now")
    assert holed.words() == (
        "61.2 J ± 3.1 J from power-on to the end of the wait, 2.2 s of 18.0 s not seen and not counted,"
        " mean 3.4 W, peak 6.1 W (plug every 0.5 s)"
    )


def test_a_record_reads_back() -> None:
    assert PowerRecord.read(KNOWN.to_json()) == KNOWN
    assert PowerRecord.read(None) is None


def test_what_does_not_say_that_it_was_measured_counts_as_simulated() -> None:
    read = PowerRecord.read({"meter": "plug", "joules": 1.0, "error_joules": 0.0})
    assert read is not None
    assert read.amount() == "1.0 J ± 0.0 J (simulated)"


@settings(max_examples=unless_quick(40), deadline=None)
@given(st.dictionaries(st.sampled_from([*KNOWN.to_json(), "more"]), JSON) | JSON)
def test_no_record_is_too_strange(value: object) -> None:
    found = PowerRecord.read(value)
    if found is not None:
        assert json.loads(json.dumps(found.to_json(), allow_nan=False))
        assert found.words()


@pytest.mark.parametrize(
    ("kinds", "said"), [([True, True], False), ([False], False), ([True, False], True), ([None, True], False)]
)
def test_simulated_figures_beside_measured_ones_are_said_to_be(kinds: list[bool | None], said: bool) -> None:
    records = [None if kind is None else replace(KNOWN, simulated=kind) for kind in kinds]
    assert bool(mixed(records)) == said
    assert not mixed([KNOWN, replace(KNOWN, simulated=False, joules=None)])
