"""The twin's INA226 as the kernel's driver shows one: the steps of the chip, and files that follow the load."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick
from support.twin_device import Bench, with_device

from hil.sim.device import Load
from hil.sim.devices.hwmon import readings


def chip(place: str) -> dict[str, str]:
    return {path.name: path.read_text().strip() for path in (Path(place) / "hwmon" / "hwmon0").iterdir()}


def test_the_drivers_arithmetic() -> None:
    # drivers/hwmon/ina2xx.c, ina226: bus_voltage_lsb 1250 uV, shunt_div 400, calibration 2048, power_lsb_factor 25,
    # INA2XX_RSHUNT_DEFAULT 10000 uOhm; registers 0x0FA0 (5 V), 0x0FA0 (1 A), 0x0320 (5 W) are by its get_value.
    assert readings(Load(5.0, 1.0, 5.0)) == {
        "in0_input": 10,
        "in1_input": 5000,
        "curr1_input": 1000,
        "power1_input": 5_000_000,
    }
    # Below a step nothing is seen; between two steps of 1.25 mV the driver rounds to mV.
    assert readings(Load(4.99975, 0.0001, 0.0)) == {
        "in0_input": 0,
        "in1_input": 5000,
        "curr1_input": 0,
        "power1_input": 0,
    }
    assert readings(Load(4.9987, 0.5, 2.5))["in1_input"] == 4999


@settings(max_examples=unless_quick(60), deadline=None)
@given(st.floats(0, 36), st.floats(0, 8))
def test_a_reading_is_within_a_step_of_what_flows(volts: float, amperes: float) -> None:
    values = readings(Load(volts, amperes, volts * amperes))
    assert values["in1_input"] == pytest.approx(volts * 1000, abs=1.2)
    assert values["curr1_input"] == pytest.approx(amperes * 1000, abs=0.7)
    assert values["power1_input"] == pytest.approx(volts * amperes * 1e6, abs=6250 + 700 * volts + 700 * amperes)


def test_its_files_follow_the_load_and_its_faults(tmp_path: Path) -> None:
    async def doing(bench: Bench) -> None:
        def milliwatts() -> int:
            return int(chip(bench.place)["power1_input"]) // 1000

        files = chip(bench.place)
        assert (files["name"], files["shunt_resistor"]) == ("ina226", "10000")
        await asyncio.sleep(1)
        assert 3000 < milliwatts() < 6000
        for fault, seen in (("lying", "0"), ("checksum", "-"), ("silent", None)):
            bench.fault(fault)
            await asyncio.sleep(1)
            assert chip(bench.place).get("power1_input") == seen
            bench.mend()
        await asyncio.sleep(1)
        before = chip(bench.place)
        bench.fault("slow")
        await asyncio.sleep(5)
        assert chip(bench.place) == before
        bench.mend()
        bench.fault("reboots")
        await asyncio.sleep(1)
        assert "power1_input" not in chip(bench.place)
        await asyncio.sleep(2)
        assert milliwatts() > 1000

    with_device(tmp_path, "hwmon", doing, channel=None, virtually=True)
    assert list(tmp_path.iterdir()) == []
