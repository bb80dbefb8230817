"""A board on the bench twin: the same tests as on a guest, power that is proven, and benches that break."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from support.boards import boards_of
from support.private_nets import needs_taps
from support.rigs import PROBE_RIG, run_hil, write_rig
from support.session import properties, session

from hil.bench import Bench, open_bench
from hil.clock import Deadline
from hil.config.rig import load_rig
from hil.errors import InfrastructureError
from hil.machine import NotSwitched, PowerState

pytestmark = [pytest.mark.boot, needs_taps, pytest.mark.usefixtures("runtime")]

RIG = boards_of(PROBE_RIG)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """One board, off."""
    rig = load_rig(write_rig(tmp_path, RIG), cwd=tmp_path)
    with open_bench(rig, artifacts=tmp_path / "records") as opened:
        yield opened


def watts(bench: Bench) -> float:
    """What the board really draws, by the twin's own word."""
    assert bench.twin is not None
    return float(str(bench.twin.state()["boards"]["node1"]["watts"]))


def test_a_new_user_boots_the_shipped_twin(tmp_path: Path) -> None:
    done = run_hil("boot", "--rig", "board-twin", "--image", "probe", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    [boot] = done.document["boots"]  # type: ignore[misc]
    assert (boot["machine"], boot["segment"], boot["verdict"]) == ("board", "bridge", "ready")
    assert boot["simulated"].startswith("bench twin: ")
    power = boot["power"]
    assert (power["simulated"], power["to"], power["meter"]) == (True, "ready", "plug1")
    # Its load curve is between that of an idle and of a busy module, of which docs/twin.md has the figures.
    assert 1.0 < power["mean_watts"] < 15.0
    assert power["joules"] == pytest.approx(power["mean_watts"] * boot["seconds_to_ready"], rel=0.2)
    [on] = [mark for mark in boot["timeline"]["marks"] if mark["stage"] == "power"]
    assert on["evidence"].startswith("board switched on: reads back on; plug1 reads ")
    assert boot["packets"] == {"read": True, "note": ""}
    seen = {mark["stage"] for mark in boot["timeline"]["marks"] if mark["source"] == "packets"}
    assert {"pxe", "dhcp-offer", "lease", "nbp", "ipxe", "profile", "kernel-fetched", "initrd-fetched"} <= seen
    folder = tmp_path / boot["folder"]
    assert (folder / "power.csv").stat().st_size > 100
    assert "(simulated" in (folder / "boot.html").read_text()


USERS_TESTS = """
    import pytest

    def test_becomes_ready(node):
        assert node.ensure().verdict.value == "ready"

    def test_has_a_shell(node):
        node.console.send_line("echo six times seven is $((6 * 7))")
        node.console.expect("six times seven is 42", within=60)

    def test_shares_the_boot(node, timeline):
        stages = [mark.stage for mark in timeline]
        assert stages.index("power") < stages.index("ipxe") < stages.index("kernel") < stages.index("ready")
        assert len(node.boots) == 1

    @pytest.mark.hil(needs=["power", "meter", "console"])
    def test_is_dark_when_it_is_off(node):
        node.power.off()
        assert node.power.state().value == "off"

    @pytest.mark.hil(needs=["disks"])
    def test_wants_a_disk(node):
        raise AssertionError("this board has no disk that hil knows of")
"""


def test_tests_of_a_user_on_a_board(tmp_path: Path) -> None:
    write_rig(tmp_path, RIG)
    (tmp_path / "test_user.py").write_text(dedent(USERS_TESTS))
    status, printed, cases = session(tmp_path, "--rig=./rig.yaml")
    assert status == 0, printed
    assert [name for name, case in cases.items() if case.find("skipped") is not None] == ["test_wants_a_disk"], printed
    assert {properties(case)["hil_boot"] for name, case in cases.items() if "disk" not in name} == {"1"}


def test_a_power_cycle_over_the_relay(bench: Bench) -> None:
    node = bench.nodes["node1"]
    assert watts(bench) == 0
    first = node.boot()
    assert watts(bench) > 1
    node.power.off()
    assert (watts(bench), node.power.state()) == (0, PowerState.OFF)
    second = node.power.cycle(off_for=0.1)
    assert (first.number, second.number, node.power.state()) == (1, 2, PowerState.ON)
    node.wait_ready(240)


def test_a_welded_contact_is_the_benchs_fault_and_found_by_the_meter(bench: Bench) -> None:
    node, twin = bench.nodes["node1"], bench.twin
    assert twin is not None
    node.power.on()
    twin.fault("relay", "welded", 1)
    with pytest.raises(
        NotSwitched, match=r"node1: power was switched off and reads back off, but plug-node1 reads \d"
    ):
        node.power.off()
    twin.mend("relay")
    node.power.off()
    assert watts(bench) == 0


def test_a_relay_that_dies_in_mid_boot_breaks_the_bench_and_not_the_image(bench: Bench) -> None:
    node, twin = bench.nodes["node1"], bench.twin
    assert twin is not None
    boot = node.power.on()
    twin.fault("relay", "silent")
    with pytest.raises(InfrastructureError, match="did not answer"):
        node.wait_ready(Deadline.after(240))
    assert json.loads((boot.folder / "boot.json").read_text())["verdict"] == "broken"
    twin.mend("relay")


def test_a_serial_adapter_that_is_pulled_and_put_back_does_not_end_the_boot(bench: Bench) -> None:
    node, twin = bench.nodes["node1"], bench.twin
    assert twin is not None
    boot = node.power.on()
    node.wire.expect("UEFI firmware", within=60)
    twin.unplug("uart-node1")
    twin.plug("uart-node1")
    node.wait_ready(240)
    stages = [mark.stage for mark in boot.timeline]
    assert stages.index("console-lost") < stages.index("console-back") < stages.index("ready")
