"""hwmon: a folder as the kernel has it (Documentation/hwmon/sysfs-interface.rst), found by path or by chip."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.clock import Deadline, now_ns
from hil.power.age import age_of
from hil.power.hwmon_meter import Config, HwmonMeter, create
from hil.power.meter import Resolution
from hil.power.port import PortAbsent, PortGarbled

SOON = 5.0
# mV, mA, uW, uOhm, ms: what an INA226 on 10 mOhm has at 5.1 V and 0.84 A.
FILES = {"in0_input": "8", "in1_input": "5100", "curr1_input": "840", "power1_input": "4284000"}


def chip(root: Path, number: int, place: str, name: str = "ina226", **files: str) -> Path:
    """A chip's folder, as `/sys/class/hwmon/hwmonN` leads to it."""
    device = root / "devices" / place
    folder = device / "hwmon" / f"hwmon{number}"
    folder.mkdir(parents=True)
    for file, text in {"name": name, "shunt_resistor": "10000", "update_interval": "35", **FILES, **files}.items():
        (folder / file).write_text(f"{text}\n")
    (folder / "device").symlink_to(device)
    (root / "class").mkdir(exist_ok=True)
    (root / "class" / folder.name).symlink_to(folder)
    return folder


def meter(**values: object) -> HwmonMeter:
    return create(Config.model_validate({"kind": "hwmon", **values}))


@pytest.mark.parametrize("way", ["class/hwmon3", "devices/1-0040", "class/hwmon3/../../hwmon"])
def test_a_chip_by_its_folder(tmp_path: Path, way: str) -> None:
    chip(tmp_path, 3, "1-0040")
    made = meter(device=str(tmp_path / way))
    began = now_ns()
    found = made.read(deadline=Deadline.after(SOON))
    assert (found.volts, found.amperes, found.watts, found.counter_wh) == (5.1, 0.84, 4.284, None)
    assert found.at_ns - found.error_ns >= began - 70_000_000
    assert found.at_ns + found.error_ns <= now_ns()
    assert found.error_ns >= 35_000_000
    assert made.resolution == Resolution(volts=0.00125, amperes=0.001, watts=0.00625)
    assert age_of(made) == 0.0


def test_a_chip_by_name_bus_and_address(tmp_path: Path) -> None:
    chip(tmp_path, 0, "soc:fan", name="pwmfan")
    chip(tmp_path, 1, "1-0040")
    chip(tmp_path, 2, "1-0041", power1_input="1000000")
    root = tmp_path / "class"
    found = meter(chip="ina226", bus=1, address=0x41, root=root).read(deadline=Deadline.after(SOON))
    assert found.watts == 1.0
    with pytest.raises(PortAbsent, match=r"several chips match: hwmon1 \(1-0040\), hwmon2 \(1-0041\)"):
        meter(chip="ina226", root=root).read(deadline=Deadline.after(SOON))
    with pytest.raises(PortAbsent, match=r"hwmon ina226 on I2C bus 2: .*/class has no chip of that name"):
        meter(chip="ina226", bus=2, root=root).read(deadline=Deadline.after(SOON))


def test_watts_of_volts_and_amperes_and_another_channel(tmp_path: Path) -> None:
    folder = chip(
        tmp_path, 1, "1-0040", name="ina3221", in2_input="12000", curr2_input="500", energy1_input="7200000000"
    )
    assert meter(device=str(folder), channel=2).read(deadline=Deadline.after(SOON)).watts == 6.0
    made = meter(device=str(folder))
    assert made.read(deadline=Deadline.after(SOON)).counter_wh == 2.0
    assert made.resolution == Resolution(volts=0.001, amperes=0.001)


def test_what_can_be_wrong_with_it(tmp_path: Path) -> None:
    folder = chip(tmp_path, 1, "1-0040")
    made = meter(device=str(folder))
    (folder / "power1_input").write_text("4.2e6\n")
    with pytest.raises(PortGarbled, match="which is no number"):
        made.read(deadline=Deadline.after(SOON))
    (folder / "power1_input").unlink()
    (folder / "curr1_input").unlink()
    with pytest.raises(PortAbsent, match="has no power1_input"):
        made.read(deadline=Deadline.after(SOON))
    (folder / "in1_input").unlink()
    (folder / "in1_input").mkdir()
    with pytest.raises(PortAbsent, match="in1_input cannot be read: Is a directory"):
        made.read(deadline=Deadline.after(SOON))
    gone = meter(device=str(tmp_path / "gone"))
    with pytest.raises(PortAbsent, match="gone is no folder of a chip"):
        gone.read(deadline=Deadline.after(SOON))
    assert gone.resolution == Resolution(volts=0.001, amperes=0.001)


@pytest.mark.parametrize(
    ("values", "count"),
    [({}, 1), ({"device": "/a", "chip": "b"}, 1), ({"device": "/a", "bus": 1}, 1), ({"chip": "ina219", "bus": 1}, 0)],
)
def test_a_chip_is_named_in_one_way(values: dict[str, object], count: int) -> None:
    assert len(list(Config.model_validate({"kind": "hwmon", **values}).faults())) == count


@settings(max_examples=unless_quick(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=12) | st.from_regex(rb"[-+]?[0-9]{1,20}\n?", fullmatch=True))
def test_any_bytes_are_a_number_or_an_error(tmp_path: Path, data: bytes) -> None:
    folder = tmp_path / "hwmon0"
    folder.mkdir(exist_ok=True)
    (folder / "name").write_text("x\n")
    (folder / "power1_input").write_bytes(data)
    try:
        found = meter(device=str(folder)).read(deadline=Deadline.after(SOON))
    except PortGarbled:
        return
    assert found.watts == int(data) / 1e6
