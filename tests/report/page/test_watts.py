"""A boot's energy on its page: the words, the curve and its gaps, and that simulated beside measured is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.boot_folders import ORIGIN_NS, made

from hil.power.meter import Reading, Resolution
from hil.power.samples import Sample, header, line
from hil.report.page.comparing import compared
from hil.report.page.record import gathered
from hil.report.page.watts import MOST, watts_of
from hil.report.power import PowerRecord

POWER = PowerRecord("twin:plug", True, Resolution(watts=0.1), 0.5, 1.0, "ready", 4.0, 12.0, 0.5, 3.0, 6.1, 0.0, 8)


def write(folder: Path, watts: list[float | None]) -> None:
    """A power.csv of samples from power-on, a second apart; None for a look that gave nothing."""
    times = [ORIGIN_NS + number * 10**9 for number in range(len(watts))]
    samples = [
        Sample.failed(at, at, "no answer") if value is None else Sample.good(Reading(at, 0, watts=value))
        for at, value in zip(times, watts, strict=True)
    ]
    (folder / "power.csv").write_text(header() + "".join(map(line, samples)))


def test_the_curve_is_broken_where_nobody_saw_it(tmp_path: Path) -> None:
    folder = made(tmp_path / "a", power=POWER.to_json())
    write(folder, [0.0, 5.0, None, None, 6.0])
    boot = gathered(folder, tmp_path)
    assert boot["power"] == {
        "record": POWER.to_json(),
        "words": POWER.words(),
        "note": "",
        "simulated": True,
        "runs": [[[0.0, 0.0], [1.0, 5.0]], [[4.0, 6.0]]],
        "peak": 6.0,
    }
    assert ["power.csv", "./a/power.csv"] in boot["files"]  # type: ignore[operator]


def test_a_long_curve_is_thinned_and_loses_no_peak(tmp_path: Path) -> None:
    write(tmp_path, [5.0] * 7000 + [99.0] + [5.0] * 2999)
    found = watts_of(tmp_path, {"power": POWER.to_json()}, ORIGIN_NS)
    assert found is not None
    [run] = found["runs"]  # type: ignore[misc]
    assert 10 < len(run) <= MOST
    assert [7000.0, 99.0] in run


@pytest.mark.parametrize("origin", [None, ORIGIN_NS])
def test_a_record_without_its_samples_says_so(tmp_path: Path, origin: int | None) -> None:
    found = watts_of(tmp_path, {"power": POWER.to_json()}, origin)
    assert found is not None
    assert (found["runs"], found["peak"], found["note"]) == ([], None, "power.csv is missing")


def test_a_boot_without_a_meter_has_nothing_of_it(tmp_path: Path) -> None:
    assert gathered(made(tmp_path / "a"), tmp_path)["power"] is None


@pytest.mark.parametrize(("other", "said"), [(True, False), (False, True)])
def test_a_simulated_energy_beside_a_measured_one_is_said_to_be(tmp_path: Path, other: bool, said: bool) -> None:
    powers = {"a": POWER, "b": replace(POWER, simulated=other)}
    pair = [gathered(made(tmp_path / name, power=power.to_json()), tmp_path) for name, power in powers.items()]
    found = compared(*pair)
    assert ("they do not compare" in str(found["note"])) == said
    [row] = [row for row in found["facts"] if row["name"] == "energy"]  # type: ignore[attr-defined]
    assert row["one"] == POWER.words()
