"""The plan of a twin for a rig file: which devices, which contact feeds which board."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.config.rig import Rig, load_rig
from hil.errors import UsageError
from hil.sim.devices import KINDS
from hil.sim.from_rig import names_of, plan_of
from hil.sim.plan import BoardPlan, DevicePlan, Plan, Qemu, Script

RELAY = "/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0"


def written(tmp_path: Path, text: str) -> Rig:
    (tmp_path / "rig.yaml").write_text("hil: 1\nimages: {probe: {kind: probe}}\n" + text)
    return load_rig(tmp_path / "rig.yaml", cwd=tmp_path, environment={"PLUG": "hunter22"})


def test_the_rig_that_ships_is_a_board_behind_a_relay_a_plug_and_a_serial_line(tmp_path: Path) -> None:
    rig = load_rig("board-twin", cwd=tmp_path)
    plan = plan_of(rig, tmp_path, {"node1": Qemu(("qemu",))})

    assert [(device.name, device.kind, device.options["channels"]) for device in plan.devices[:2]] == [
        ("relay", "lcus", 1),
        ("plug", "shelly2", 0),
    ]
    assert plan.devices[2] == DevicePlan("uart1", "uart", plan.devices[2].options)
    assert plan.boards == (
        BoardPlan(
            "node1",
            feeds=(("relay", 1),),
            measured_by=(("plug", 0),),
            console="uart1",
            actor=Qemu(("qemu",)),
        ),
    )


def test_a_real_rig_has_a_twin_when_asked_for_one_and_else_none(tmp_path: Path) -> None:
    rig = written(
        tmp_path,
        f"""
power:
  left: {{kind: lcus, device: {RELAY}, channel: 1, status: false}}
  right: {{kind: lcus, device: {RELAY}, channel: 4}}
  plug: {{kind: shelly2, at: 192.0.2.20, channel: 1, password: !env PLUG}}
meters:
  plug: {{kind: shelly2, at: 192.0.2.20, channel: 1, password: !env PLUG}}
nodes:
  a: {{kind: board, image: probe, mac: "02:00:00:00:00:01", power: left,
      console: {{device: /dev/ttyUSB7, baud: 9600}}}}
  b: {{kind: board, image: probe, mac: "02:00:00:00:00:02", power: right, console: {{at: "192.0.2.30:2001"}}}}
  c: {{kind: board, image: probe, mac: "02:00:00:00:00:03", power: plug, meter: plug,
      console: {{at: "192.0.2.30:2002", protocol: raw}}}}
""".replace("channel: 4}", "channel: 4, status: false}"),
    )
    assert plan_of(rig, tmp_path, {}) == Plan(1, tmp_path)
    assert names_of(rig) == {}

    plan = plan_of(rig, tmp_path, {}, whole=True)
    assert [(device.name, device.kind) for device in plan.devices] == [
        ("left", "lcus"),
        ("plug", "shelly2"),
        ("a-console", "uart"),
        ("b-console", "rfc2217"),
        ("c-console", "tcp"),
    ]
    left, plug = plan.devices[:2]
    assert dict(left.options) == {"status": False, "channels": 4}
    assert dict(plug.options) == {"password_env": "PLUG", "channels": 1}
    assert "hunter22" not in plan.to_json()
    assert [(board.feeds, board.measured_by, board.console, board.baud) for board in plan.boards] == [
        ((("left", 1),), (), "a-console", 9600),
        ((("left", 4),), (), "b-console", 115200),
        ((("plug", 1),), (), "c-console", 115200),
    ]
    assert plan.boards[0].actor == Script()


def test_a_port_of_a_switch_is_its_channel_and_its_community_is_named_by_its_variable(tmp_path: Path) -> None:
    rig = written(
        tmp_path,
        """
power: {p: {kind: poe, at: "twin:switch", port: 3, community: !env PLUG}}
nodes: {a: {kind: board, image: probe, mac: "02:00:00:00:00:01", power: p}}
""",
    )
    plan = plan_of(rig, tmp_path, {})
    assert plan.devices == (DevicePlan("switch", "poe", {"group": 1, "community_env": "PLUG", "channels": 3}),)
    assert plan.boards[0].feeds == (("switch", 3),)


def test_a_kind_without_a_model_is_named_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = written(
        tmp_path,
        """
power: {p: {kind: lcus, device: "twin:relay", channel: 1}}
nodes: {a: {kind: board, image: probe, mac: "02:00:00:00:00:01", power: p}}
""",
    )
    monkeypatch.delitem(KINDS, "lcus")
    with pytest.raises(UsageError, match=r"rig.yaml:4: the bench twin has no model of the kind 'lcus'"):
        plan_of(rig, tmp_path, {})


def test_a_device_is_of_one_kind(tmp_path: Path) -> None:
    rig = written(
        tmp_path,
        f"""
meters: {{m: {{kind: hwmon, device: {RELAY}}}}}
power: {{p: {{kind: lcus, device: {RELAY}, channel: 1}}}}
nodes: {{a: {{kind: board, image: probe, mac: "02:00:00:00:00:01", power: p, meter: m}}}}
""",
    )
    with pytest.raises(UsageError, match=r"rig.yaml:4: .* is a lcus already, and cannot be a hwmon"):
        plan_of(rig, tmp_path, {}, whole=True)


def test_a_serial_line_is_one_boards(tmp_path: Path) -> None:
    board = """{kind: board, image: probe, attach: true, console: {device: "twin:uart1"}}"""
    rig = written(tmp_path, f"nodes:\n  a: {board}\n  b: {board}\n")
    with pytest.raises(UsageError, match="twin:uart1 is a uart already"):
        plan_of(rig, tmp_path, {})


def test_one_device_has_one_password_and_one_address(tmp_path: Path) -> None:
    rig = written(
        tmp_path,
        """
power:
  a: {kind: modbus-rtu, device: "twin:line", address: 1, channel: 0}
  b: {kind: modbus-rtu, device: "twin:line", address: 2, channel: 0}
nodes: {a: {kind: board, image: probe, mac: "02:00:00:00:00:01", power: a}}
""",
    )
    with pytest.raises(UsageError, match=r"twin:line has address 1 already, and 2 here"):
        plan_of(rig, tmp_path, {})


def test_a_plan_goes_through_json_unchanged(tmp_path: Path) -> None:
    plan = Plan(
        3,
        tmp_path,
        (DevicePlan("relay", "lcus", {"channels": 2, "status": False, "password_env": None}),),
        (
            BoardPlan(
                "a", (("relay", 1), ("relay", 2)), (("plug", 0),), "uart1", 9600, Qemu(("q", "{fd:qmp}"), {"A": "1"})
            ),
            BoardPlan("b", actor=Script("chatty"), speed=2.5),
        ),
    )
    assert Plan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"seed": 1}', '{"seed": "x", "directory": "/", "devices": 1}', "7"])
def test_what_is_no_plan_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="not a plan of a bench twin"):
        Plan.from_json(text)


def test_a_board_has_its_faults_from_the_rig_and_one_of_no_node_is_refused(tmp_path: Path) -> None:
    board = "{kind: board, attach: true, image: probe, console: {device: 'twin:uart1'}}"
    node = f"segment: {{kind: user}}\nnodes: {{node1: {board}}}\n"
    faulty = written(tmp_path, node + "twin: {boards: {node1: {begins_with: [brown-out]}}}\n")
    plan = plan_of(faulty, tmp_path, {})
    assert plan.boards[0].faults == ("brown-out",)
    assert Plan.from_json(plan.to_json()) == plan
    with pytest.raises(UsageError, match=r"rig\.yaml:.*: the rig has no node 'node2'"):
        plan_of(written(tmp_path, node + "twin: {boards: {node2: {}}}\n"), tmp_path, {})
