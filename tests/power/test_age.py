"""How old a meter's value may be: what a driver says, and a second where it says nothing."""

from __future__ import annotations

from hil.power.age import age_of, aged
from hil.power.command_meter import CommandMeter, Config
from hil.power.ina import INA219
from hil.power.ina_bus import InaMeter, OnI2c
from hil.power.meter import Reading
from hil.power.samples import Sample

MS = 1_000_000


def test_a_driver_says_it_or_a_second_is_assumed() -> None:
    assert age_of(InaMeter(INA219, OnI2c(kind="ina219", bus=1), 0.1)) == 0.0
    assert age_of(CommandMeter(Config(kind="command", command=("meter",)))) == 1.0


def test_a_stamp_with_its_age_has_all_moments_that_the_value_may_be_of() -> None:
    found = aged(Sample.good(Reading(2000 * MS, 10 * MS, watts=5.0)), 1.0)
    assert (found.at_ns, found.error_ns) == (1500 * MS, 510 * MS)
    assert found.reading == Reading(1500 * MS, 510 * MS, watts=5.0)
    gap = aged(Sample.failed(2000 * MS, 2000 * MS, "silent"), 1.0)
    assert (gap.at_ns, gap.gap, gap.reading) == (1500 * MS, "silent", None)
