"""The twin's Tasmota plug: commands of the firmware's documentation, and answers as owners captured them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick
from support.twin_device import Bench, asked, with_device

from hil.sim.devices.firmware import Firmware
from hil.sim.devices.http import Request
from hil.sim.devices.metering import Metering
from hil.sim.devices.tasmota import Tasmota
from hil.sim.plan import DevicePlan


def test_the_documented_commands(tmp_path: Path) -> None:
    # Tasmota's "Commands" page, "With Web Requests": http://<ip>/cm?cmnd=Power%20On, and its answers.
    async def doing(bench: Bench) -> None:
        for command, answer, on in (
            ("Power%20On", b'{"POWER":"ON"}', [1]),
            ("Power", b'{"POWER":"ON"}', [1]),
            ("Power1%20off", b'{"POWER":"OFF"}', []),
            ("power%201", b'{"POWER":"ON"}', [1]),
            ("Dance", b'{"Command":"Unknown"}', [1]),
            ("Power2%20On", b'{"Command":"Unknown"}', [1]),
        ):
            assert (await asked(bench.place, "GET", f"/cm?cmnd={command}")).body == answer
            assert bench.on() == on
        assert (await asked(bench.place, "GET", "/cm")).body == b'{"WARNING":"Enter command cmnd="}'

    with_device(tmp_path, "tasmota", doing)


def test_a_plug_of_several_channels_names_them(tmp_path: Path) -> None:
    async def doing(bench: Bench) -> None:
        assert (await asked(bench.place, "GET", "/cm?cmnd=Power2%20On")).body == b'{"POWER2":"ON"}'
        energy = (await asked(bench.place, "GET", "/cm?cmnd=Status%2010")).json()["StatusSNS"]["ENERGY"]
        assert len(energy["Power"]) == len(energy["Current"]) == 2

    with_device(tmp_path, "tasmota", doing, channels=2)


def test_its_meter_has_the_captured_fields_and_says_nothing_of_a_relay_that_is_off_unless_told(tmp_path: Path) -> None:
    # A capture: {"StatusSNS":{"Time":"2019-09-06T20:06:19","ENERGY":{"TotalStartTime":"2019-08-18T11:07:55",
    # "Total":0.003,"Yesterday":0.000,"Today":0.003,"Power":26,"ApparentPower":25,"ReactivePower":25,"Factor":0.06,
    # "Voltage":239,"Current":0.106}}}. SetOption21: "Commands" page.
    async def doing(bench: Bench) -> None:
        async def energy() -> dict[str, object]:
            said = (await asked(bench.place, "GET", "/cm?cmnd=Status%208")).json()["StatusSNS"]
            assert set(said) == {"Time", "ENERGY"}
            assert isinstance(said["ENERGY"], dict)
            return said["ENERGY"]

        bench.device.outlets[1].command(True)
        bench.fault("welded", 1)
        await asked(bench.place, "GET", "/cm?cmnd=Power%20Off")
        await asyncio.sleep(40)
        told = await energy()
        assert list(told) == ["TotalStartTime", "Total", "Yesterday", "Today", "Power", "ApparentPower",
                              "ReactivePower", "Factor", "Voltage", "Current"]  # fmt: skip
        assert (told["Power"], told["Voltage"], told["Current"]) == (3, 230, pytest.approx(3.2 / 230, abs=0.001))
        assert (await asked(bench.place, "GET", "/cm?cmnd=SetOption21%200")).json() == {"SetOption21": "OFF"}
        assert ((await energy())["Power"], (await energy())["Voltage"]) == (0, 0)

    with_device(tmp_path, "tasmota", doing, virtually=True)


def test_a_wrong_password_gets_a_warning_and_status_200(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # xdrv_01_webserver.ino, HandleHttpCommand.
    monkeypatch.setenv("PLUG", "open")

    async def doing(bench: Bench) -> None:
        refused = await asked(bench.place, "GET", "/cm?user=admin&password=shut&cmnd=Power%20On")
        assert (refused.status, refused.body) == (200, b'{"WARNING":"Need user=<username>&password=<password>"}')
        assert bench.on() == []
        right = await asked(bench.place, "GET", "/cm?user=admin&password=open&cmnd=Power%20On")
        assert right.body == b'{"POWER":"ON"}'

    with_device(tmp_path, "tasmota", doing, password_env="PLUG")


@settings(max_examples=unless_quick(60), deadline=None)
@given(st.text(max_size=20), st.sampled_from(["Power", "Status", "SetOption21", ""]))
def test_any_command_is_answered(rest: str, name: str) -> None:
    firmware = Firmware(DevicePlan("plug", "tasmota"), [1])
    plug = Tasmota(firmware, Metering([1]), None)
    reply = plug.answer(Request("GET", "/cm", "/cm", {"cmnd": name + rest}))
    assert reply is not None
    assert isinstance(json.loads(reply.body), dict)
