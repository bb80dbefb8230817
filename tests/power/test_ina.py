"""INA219, INA226, INA228, INA260: the examples of their datasheets, and what a bus and a chip can do wrong."""

from __future__ import annotations

import errno
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick
from support.ina_chip import InaChip

from hil.clock import Deadline, now_ns
from hil.errors import InfrastructureError
from hil.power import ina219_meter, ina226_meter, ina228_meter, ina260_meter
from hil.power.ina import CHIPS, INA219, INA226, INA228, INA260, Chip, Register
from hil.power.ina_bus import InaMeter, OnI2c
from hil.power.port import PortAbsent, PortGarbled, PortRefused, PortSilent

SOON = 5.0
TEXAS = 0x5449

# SBOS448F (2011), p. 24, table 3: 10 A through 2 mOhm at 12 V: shunt 07D0h, bus 5D98h, current 2710h, power 1766h with
# a step of 1 mA (Calibration 5000h), 119.8 W.
INA219_TABLE = {0x02: "5D98", 0x03: "1766", 0x04: "2710"}
# SBOS547 (2011), p. 16, table 1: the same with 1F40h, 2570h, 2710h, 12B8h and 1 mA (Calibration A00h), 119.8 W.
INA226_TABLE = {0x02: "2570", 0x03: "12B8", 0x04: "2710"}
# SLYS023A (INA229, the same registers over SPI), table 8-4: 6 A and 48 V with a step of 10 A / 2**19: bus 245760,
# current 314572, power 4718604 (288 W), energy 1061683200 (1036800 J).
INA228_TABLE = {
    0x05: f"{245760 << 4:06X}",
    0x07: f"{314572 << 4:06X}",
    0x08: f"{4718604:06X}",
    0x09: f"{1061683200:010X}",
}


@pytest.mark.parametrize(
    ("chip", "shunt", "table", "volts", "amperes", "watts"),
    [
        (INA219, 0.010, INA219_TABLE, 11.98, 10.0, 119.8),
        (INA226, 0.0025, INA226_TABLE, 11.98, 10.0, 119.8),
        (INA228, 312.5e-9 / (10 / 2**19), INA228_TABLE, 48.0, 6.0, 288.0),
    ],
)
def test_the_registers_of_the_datasheets_examples(
    chip: Chip, shunt: float, table: dict[int, str], volts: float, amperes: float, watts: float
) -> None:
    """With the shunt that makes a step of current the example's."""
    found = chip.values(lambda register: bytes.fromhex(table[register.at]), shunt)
    assert (found["volts"], found["amperes"], found["watts"]) == pytest.approx((volts, amperes, watts), rel=1e-5)
    if "joules" in found:
        assert found["joules"] == pytest.approx(1036800.0)


def test_negative_values_are_in_two_s_complement() -> None:
    """SBOS547, p. 20: -80 mV of 2.5 uV is 8300h; SLYS023A: -97.2 mV is 1011 0100 0001 0000 0000b in 20 bits."""
    assert Register(0x01, signed=True).value(bytes.fromhex("8300")) * 2.5e-6 == pytest.approx(-0.080)
    assert Register(0x04, 3, shift=4, signed=True).value(bytes.fromhex("B41000")) * 312.5e-9 == pytest.approx(-0.0972)


def meter(model: str, chip: InaChip, shunt: float = 0.002) -> InaMeter:
    modules = {"ina219": ina219_meter, "ina226": ina226_meter, "ina228": ina228_meter, "ina260": ina260_meter}
    values = {"kind": model, "bus": 1} | ({} if model == "ina260" else {"shunt": shunt})
    made = modules[model].create(modules[model].Config.model_validate(values))
    assert isinstance(made, InaMeter)
    made.opener = chip.open
    return made


IDS = {
    "ina226": {0xFE: TEXAS, 0xFF: 0x2260},
    "ina228": {0x3E: TEXAS, 0x3F: 0x2281},
    "ina260": {0xFE: TEXAS, 0xFF: 0x2270},
}


@pytest.mark.parametrize(
    ("model", "shunt", "registers", "volts", "amperes", "watts"),
    [
        ("ina219", 0.002, (0x07D0, 0x5D98), 11.98, 10.0, 119.8),
        ("ina226", 0.002, (0x1F40, 0x2570), 11.98, 10.0, 119.8),
        ("ina228", 0.0162, (311040, 245760), 48.0, 6.0, 288.0),
        ("ina260", 0.0, (8000, 0x2570), 11.98, 10.0, 119.8),
    ],
)
def test_a_chip_is_set_up_and_read(
    model: str, shunt: float, registers: tuple[int, int], volts: float, amperes: float, watts: float
) -> None:
    """What the datasheets' examples have across the shunt and on the bus; the chip computes by their formulas."""
    chip = InaChip(model, *registers, ids=IDS.get(model, {}))
    found = (made := meter(model, chip, shunt)).read(deadline=Deadline.after(SOON))
    step = made.resolution
    assert found.volts == pytest.approx(volts)
    assert found.amperes == pytest.approx(amperes)
    assert step.watts is not None
    assert found.watts == pytest.approx(watts, abs=step.watts)
    assert found.at_ns + found.error_ns <= now_ns()
    assert 2 * found.error_ns >= 2 * CHIPS[model].cycle * 1e9
    assert (found.counter_wh is not None) == (model == "ina228")
    made.close()
    assert (chip.opened, chip.closed) == (1, 1)


def test_a_chip_that_forgot_its_calibration_gets_it_again() -> None:
    chip = InaChip("ina226", 8000, 0x2570, IDS["ina226"])
    made = meter("ina226", chip)
    made.read(deadline=Deadline.after(SOON))
    chip.written = {0x00: 0x4127}
    assert made.read(deadline=Deadline.after(SOON)).amperes == pytest.approx(10.0)
    assert chip.written == {0x00: 0x4527, 0x05: 0x0800}


def test_the_step_of_the_calibration_is_that_of_the_shunt() -> None:
    """0.04096 / (step x shunt), 0.00512 / (step x shunt), 13107.2e6 x step x shunt."""
    for chip, calibration in (
        (INA219, 0.04096 / (INA219.amperes_step(0.1) * 0.1)),
        (INA226, 0.00512 / (INA226.amperes_step(0.1) * 0.1)),
        (INA228, 13107.2e6 * INA228.amperes_step(0.1) * 0.1),
    ):
        assert chip.setup[-1][1] == pytest.approx(calibration)
    assert (INA260.volts_step, INA260.amperes_step(0), INA260.watts_step(0)) == pytest.approx(
        (1.25e-3, 1.25e-3, 0.010)
    )


@pytest.mark.parametrize(
    ("number", "kind", "hint"),
    [
        (errno.EREMOTEIO, PortAbsent, "acknowledges"),
        (errno.ENOENT, PortAbsent, "i2cdetect -l"),
        (errno.EBUSY, PortRefused, "kind: hwmon"),
        (errno.ETIMEDOUT, PortSilent, "stuck"),
    ],
)
def test_what_a_bus_can_do(number: int, kind: type[InfrastructureError], hint: str) -> None:
    made = meter("ina219", InaChip("ina219", 1, 8, trouble=[number] * 9))
    with pytest.raises(kind) as caught:
        made.read(deadline=Deadline.after(SOON))
    assert caught.value.message.startswith("ina219 at 0x40 on I2C bus 1: ")
    assert hint in caught.value.hint


def test_a_disturbed_transfer_is_tried_again() -> None:
    chip = InaChip("ina219", 2000, 0x5D98, trouble=[errno.EIO, errno.EIO])
    assert meter("ina219", chip).read(deadline=Deadline.after(SOON)).volts == pytest.approx(11.98)
    assert (chip.opened, chip.closed) == (3, 2)


@pytest.mark.parametrize(("kind", "model"), [("ina226", "ina260"), ("ina219", "ina226"), ("ina260", "ina228")])
def test_another_model_is_named(kind: str, model: str) -> None:
    """An INA226 read as an INA219, which has no identity, would give volts that are wrong and plausible."""
    with pytest.raises(PortRefused, match=f"it is no {kind}: its register F") as caught:
        meter(kind, InaChip(model, 1, 8, IDS[model])).read(deadline=Deadline.after(SOON))
    assert caught.value.hint == f"write `kind: {model}`"


@pytest.mark.parametrize("model", CHIPS)
def test_what_is_beyond_the_range_is_no_reading(model: str) -> None:
    chip = InaChip(model, 1, 8, IDS.get(model, {}), overflow=True)
    with pytest.raises(PortGarbled, match="beyond its range"):
        meter(model, chip).read(deadline=Deadline.after(SOON))


def test_without_smbus2_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smbus2", None)
    made = InaMeter(INA219, OnI2c(kind="ina219", bus=1), 0.1)
    with pytest.raises(InfrastructureError) as caught:
        made.read(deadline=Deadline.after(SOON))
    assert caught.value.hint == "pip install 'hil[bench]'"


def test_a_bus_that_is_not_there() -> None:
    pytest.importorskip("smbus2")
    with pytest.raises(PortAbsent, match="No such file"):
        InaMeter(INA219, OnI2c(kind="ina219", bus=255), 0.1).read(deadline=Deadline.after(SOON))


@settings(max_examples=unless_quick(40), deadline=None)
@given(st.sampled_from([*CHIPS.values()]), st.data())
def test_any_registers_are_values(chip: Chip, data: st.DataObject) -> None:
    found = chip.values(lambda register: data.draw(st.binary(min_size=register.size, max_size=register.size)), 0.01)
    assert abs(found["amperes"]) <= 2**19 * chip.amperes_step(0.01)
    assert 0 <= found["volts"] <= 2**20 * chip.volts_step
    assert found["watts"] >= 0
