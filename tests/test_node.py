"""A node, its boots and its power, with everything below in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.bench import Bench
from support.panels import Expected

from hil.boot import Verdict
from hil.clock import NANOSECONDS, Deadline, now_ns
from hil.errors import InfrastructureError, MissingPart, NodeError, UsageError
from hil.images.image import Ready
from hil.machine import Doors, Nic, Power, PowerState, Reset
from hil.readiness.condition import Truth
from hil.readiness.panel import Panel


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def record(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "boot.json").read_text())
    return found


def test_a_boot_has_a_folder_a_record_and_an_image(bench: Bench) -> None:
    bench.will_say(b"login: ")
    node = bench.node()
    seen: list[str] = []
    boot = node.boot(on_mark=lambda mark: seen.append(mark.stage))
    assert (boot.number, boot.verdict, boot.image) == (1, Verdict.READY, "img")
    assert bench.served == ["img"]
    assert seen == ["power", "ready"]
    assert boot.folder == bench.folder / "n1-boot1" == bench.session.folder
    written = record(boot.folder)
    assert written["verdict"] == "ready"
    assert written["rig"] == "r"
    assert written["assets"] == [{"name": "kernel", "sha256": "0" * 64, "origin": "made up"}]
    assert node.booted
    assert node.ensure() is boot
    assert node.timeline is boot.timeline
    assert node.console.record == boot.folder / "console.log"
    node.close()
    assert bench.hardware.asked == ["off", "on", "close"]


def test_a_test_says_what_is_secret_before_it_types_it(bench: Bench) -> None:
    bench.node().hide("a password", "another")
    assert bench.keeper.hidden == {"a password", "another"}


def test_a_machine_without_a_shell_has_no_host(bench: Bench) -> None:
    bench.will_say(b"login: ")
    node = bench.node()
    with pytest.raises(MissingPart, match=r"n1 has no `host`: image 'img' is not known to have a shell"):
        _ = node.host
    assert node.booted


def test_each_boot_of_a_machine_with_a_shell_has_a_host_of_its_own(bench: Bench) -> None:
    bench.will_say(b"login: ")
    bench.prompt = b"# "
    node = bench.node()
    first = node.host
    assert node.host is first
    node.power.off()
    assert node.host is not first
    assert len(node.boots) == 2


def test_a_boot_is_at_its_end_when_what_is_expected_holds(bench: Bench) -> None:
    stub = Expected()
    bench.quiet.panel = Panel("n1", [stub])
    node = bench.node()
    node.power.on()
    node.attend(Deadline.after(0.01))
    assert node.boots[-1].verdict is Verdict.RUNNING
    stub.truth = Truth.TRUE
    node.attend(Deadline.after(0.01))
    assert node.boots[-1].verdict is Verdict.READY
    assert record(node.boots[-1].folder)["readiness"]["ready"] is True  # type: ignore[index]
    node.power.off()
    assert bench.quiet.asked == ["end", "begin after 0", "end"]


def test_what_is_not_as_expected_in_time_shows_its_table(bench: Bench) -> None:
    bench.quiet.panel = Panel("n1", [Expected()])
    with pytest.raises(NodeError, match="still awaited") as caught:
        bench.node().boot(within=0.2)
    assert any("c.x" in line and "FALSE" in line for line in caught.value.evidence)


def test_a_boots_time_counts_from_power_on_and_not_from_when_that_was_believed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    on, long_ago = bench.hardware.on, now_ns() - 60 * NANOSECONDS
    monkeypatch.setattr(bench.hardware, "on", lambda *, deadline: replace(on(deadline=deadline), at_ns=long_ago))
    monkeypatch.setattr("hil.watch.Watch.wait", lambda watch, deadline: pytest.fail("there was time left"))
    with pytest.raises(NodeError, match="not ready within 20 s"):
        bench.node().boot(within=20)


def test_a_machine_that_is_on_is_not_switched_on_again(bench: Bench) -> None:
    node = bench.node()
    boot = node.begin()
    assert node.begin() is boot
    node.power.off()
    assert node.begin() is not boot


def test_a_node_boots_when_something_needs_it(bench: Bench) -> None:
    bench.will_say(b"login: ")
    node = bench.node()
    assert not node.booted
    node.console.expect("login: ", within=5)
    assert len(node.boots) == 1
    bench.hardware.reads = PowerState.OFF
    assert not node.booted


def test_the_next_boot_begins_with_power_taken_away(bench: Bench) -> None:
    bench.will_say(b"login: ")
    node = bench.node()
    first = node.boot()
    second = node.boot(within=5)
    assert bench.hardware.asked == ["off", "on", "off", "on"]
    assert (second.number, second.folder.name) == (2, "n1-boot2")
    assert first.folder != second.folder
    assert bench.followers[0].closed
    assert not bench.followers[1].closed
    assert node.console.record == second.folder / "console.log"


def test_a_boot_that_fails_is_settled_by_whose_fault_it_was(bench: Bench) -> None:
    bench.will_say(b"something else\r\n")
    node = bench.node()
    with pytest.raises(NodeError, match="not ready within"):
        node.boot(within=0.05)
    assert node.boots[0].verdict is Verdict.FAILED
    error = record(node.boots[0].folder)["error"]
    assert isinstance(error, dict)
    assert error["kind"] == "NodeError"
    assert not node.booted


def test_a_machine_that_ends_as_it_is_switched_on(bench: Bench) -> None:
    bench.hardware.dead_on_arrival = True
    bench.keeper.status = 1
    node = bench.node()
    with pytest.raises(InfrastructureError, match="n1, as it was switched on: fake ended by itself with status 1"):
        node.boot()
    assert node.boots[0].verdict is Verdict.BROKEN
    assert bench.followers[0].closed


def test_a_supply_that_does_not_read_back(bench: Bench) -> None:
    bench.control = None
    bench.hardware.dead_on_arrival = True
    node = bench.node()
    with pytest.raises(InfrastructureError, match="n1: power was switched on and reads back off"):
        node.power.on()
    assert record(node.boots[0].folder)["verdict"] == "broken"


def test_another_image(bench: Bench) -> None:
    bench.will_say(b"login: ")
    boot = bench.node().boot(image="other")
    assert boot.image == "other"
    assert bench.served == ["other"]


def test_another_image_cannot_be_chosen_where_the_users_tree_decides(bench: Bench) -> None:
    bench.from_images = False
    with pytest.raises(UsageError, match="image 'other' was asked for, but the rig's Matchbox serves a tree"):
        bench.node().boot(image="other")


def test_the_users_tree_decides(bench: Bench) -> None:
    bench.from_images, bench.image, bench.own_ready = False, "", Ready(re.compile(b"tree's"))
    bench.will_say(b"tree's own words")
    boot = bench.node().boot()
    assert boot.image == "(the tree's)"
    assert "assets" not in boot.to_json()


def test_power(bench: Bench) -> None:
    bench.will_say(b"login: ")
    node = bench.node()
    assert node.power.state() is PowerState.OFF
    boot = node.power.on()
    assert boot.verdict is Verdict.RUNNING
    assert node.power.on() is boot
    assert node.wait_ready(5) is boot
    again = node.power.cycle(off_for=0.001)
    assert again is not boot
    assert node.wait_ready(5) is again
    node.power.off()
    assert node.power.state() is PowerState.OFF


def test_a_boot_that_another_one_follows_is_left_with_its_page(bench: Bench) -> None:
    node = bench.node()
    first = node.power.on()
    node.power.cycle()
    assert record(first.folder)["verdict"] == "interrupted"
    assert "Interrupted" in first.page.read_text("utf-8")
    assert node.boots[-1].verdict is Verdict.RUNNING


@pytest.mark.parametrize("place", ["hil.watch.Watch.until_ready", "hil.node.starting.Starting.watch"])
def test_what_nobody_expected_is_a_bug_of_hil_and_no_interruption(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("out of cheese")

    node = bench.node()
    monkeypatch.setattr(place, breaks)
    with pytest.raises(RuntimeError, match="cheese"):
        node.boot(within=5)
    written = record(node.boots[-1].folder)
    assert (written["verdict"], written["error"]["kind"]) == ("broken", "HilBug")  # type: ignore[index]
    assert "n1: an error that nobody expected: RuntimeError('out of cheese')" in str(written["error"])


def test_what_was_never_switched_on_has_no_console(bench: Bench) -> None:
    node = bench.node()
    with pytest.raises(UsageError, match="n1 was never switched on, so it has no console yet"):
        _ = node.wire
    for ask in (node.reset, lambda: node.wait_ready(1)):
        with pytest.raises(UsageError, match="n1 was never switched on"):
            ask()
    node.take_in()
    node.close()


def test_a_reset_goes_on_in_the_same_boot(bench: Bench) -> None:
    bench.will_say(b"login: ")
    node = bench.node()
    boot = node.boot()
    node.reset()
    with pytest.raises(NodeError, match="not ready within"):
        node.wait_ready(0.05)
    bench.wire.says(b"login: ")
    assert node.wait_ready(5) is boot
    assert [mark.stage for mark in boot.timeline] == ["power", "ready", "reset", "ready"]


def test_parts(bench: Bench) -> None:
    bench.will_say(b"login: ")
    bench.hardware.doors[80] = ("127.0.0.1", 4080)
    node = bench.node()
    assert {Power, Nic, Doors, Reset} <= node.parts
    assert node.address(80) == ("127.0.0.1", 4080)
    node.link(False)
    assert bench.hardware.asked[-1] == "link False"
    assert node.nic.mac == bench.hardware.mac


def test_a_machine_without_a_part(bench: Bench) -> None:
    bench.without = frozenset({Nic})
    node = bench.node()
    assert Nic not in node.parts
    with pytest.raises(MissingPart):
        node.link(True)


def test_take_in_writes_what_was_said_meanwhile(bench: Bench) -> None:
    bench.will_say(b"login: ")
    node = bench.node()
    boot = node.boot()
    bench.wire.says(b"\r\nUEFI firmware (version 1)\r\n")
    node.take_in()
    stages = [mark["stage"] for mark in json.loads((boot.folder / "timeline.json").read_text())["marks"]]
    assert stages == ["power", "ready", "firmware"]
