"""A node whose machine runs already: attached to and not switched; and nodes of machines that lack parts."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.bench import Bench
from support.panels import Expected
from support.wire import Wire

from hil.boot import Verdict
from hil.clock import hold
from hil.errors import InfrastructureError, MissingPart, NodeError, UsageError
from hil.images.image import HttpReady, Ready
from hil.keeper.status import StreamStatus
from hil.machine import Doors, Netboot, Power, PowerState, Reset, SerialConsole
from hil.node import Node
from hil.readiness.condition import Truth
from hil.readiness.panel import Panel

BARE = frozenset({Power, Reset, SerialConsole})


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    bench.attached = True
    bench.hardware.reads = PowerState.ON
    yield bench
    bench.close()


def expecting(bench: Bench, truth: Truth = Truth.TRUE) -> Expected:
    probe = Expected()
    probe.truth = truth
    bench.quiet.panel = Panel("n1", [probe])
    return probe


def test_it_is_ready_when_what_is_expected_holds_and_nothing_was_switched(bench: Bench) -> None:
    expecting(bench)
    node = bench.node()
    boot = node.ensure()
    assert bench.hardware.asked == ["attach n1-boot1"]
    assert (boot.image, boot.verdict, bench.served, bench.followers) == ("(its own)", Verdict.READY, [], [])
    assert [mark.stage for mark in boot.timeline] == ["attached", "c.x", "ready"]
    assert bench.quiet.asked == ["end", "begin at once"]
    assert node.ensure() is node.begin() is node.power.on() is boot
    written = json.loads((boot.folder / "boot.json").read_text())
    assert (written["attached"], written["seconds_to_ready"]) == (True, None)


def test_what_does_not_hold_fails_and_is_asked_anew_by_the_next(bench: Bench) -> None:
    probe = expecting(bench, Truth.FALSE)
    node = bench.node()
    with pytest.raises(NodeError, match=r"still awaited: ready \(c\.x: thus\)"):
        node.attach(within=0.05)
    probe.truth = Truth.TRUE
    assert node.ensure().number == 2
    assert "off" not in bench.hardware.asked


def test_where_nothing_says_when_it_is_ready_it_is_never_called_so(bench: Bench) -> None:
    bench.own_ready = Ready()
    node = bench.node()
    boot = node.ensure()
    assert boot.verdict is Verdict.RUNNING
    assert node.booted
    assert node.ensure() is boot
    bench.wire.says(b"login: ")
    node.console.expect("login: ", within=5)
    node.leave()
    assert not node.booted
    assert node.ensure() is not boot
    assert boot.verdict is Verdict.INTERRUPTED


def test_its_port_reads_off(bench: Bench) -> None:
    bench.control = None
    expecting(bench)
    bench.hardware.reads = PowerState.OFF
    node = bench.node()
    with pytest.raises(InfrastructureError, match="n1, as it was attached to: its power port reads off"):
        node.ensure()
    assert node.boots[-1].verdict is Verdict.BROKEN
    assert bench.hardware.asked == []


def test_its_port_comes_to_read_off(bench: Bench) -> None:
    bench.own_ready, bench.control = Ready(), None
    node = bench.node()
    node.begin()
    bench.hardware.reads = PowerState.OFF
    with pytest.raises(InfrastructureError, match=r"n1, after attached at .* s: its power port reads off"):
        node.ensure()


def test_a_test_that_switches_it_gets_a_boot_of_its_own_image(bench: Bench) -> None:
    bench.own_ready = Ready(re.compile(b"login: "))
    bench.will_say(b"login: ")
    node = bench.node()
    node.begin()
    node.power.off()
    with pytest.raises(UsageError, match="n1 is not a machine that runs already"):
        node.attach()
    boot = node.ensure()
    assert (boot.image, boot.attached, bench.served) == ("(its own)", False, [])
    assert [mark.stage for mark in boot.timeline] == ["power", "ready"]
    assert bench.hardware.asked == ["attach n1-boot1", "off", "off", "on"]
    with pytest.raises(UsageError, match="image 'other' was asked for, but this machine is attached"):
        node.boot(image="other")


@pytest.mark.parametrize(
    "ask",
    [
        lambda node: node.boot(),
        lambda node: node.power.off(),
        lambda node: node.power.cycle(),
        lambda node: node.power.state(),
        lambda node: node.reset(),
        lambda node: node.console,
        lambda node: node.wire,
        lambda node: node.host,
    ],
)
def test_what_it_lacks_is_missing_and_leaves_it_as_it_was(bench: Bench, ask: Callable[[Node], object]) -> None:
    bench.without = BARE
    expecting(bench)
    node = bench.node()
    boot = node.ensure()
    with pytest.raises(MissingPart, match=r"n1 .* has no (power|reset|console)"):
        ask(node)
    assert node.booted
    assert node.ensure() is boot


def test_what_is_asked_by_its_ports_needs_a_door(bench: Bench) -> None:
    bench.without = frozenset({Doors})
    node = bench.node()
    for ask in (node.talos.ready, node.talos.dmesg, node.spin.ready, node.tailscale.online, lambda: node.address(80)):
        with pytest.raises(MissingPart, match="has no doors"):
            ask()
    assert not node.boots


def test_what_is_expected_by_its_ports_needs_a_door_before_anything_begins(bench: Bench) -> None:
    bench.without, bench.own_ready = frozenset({Doors}), Ready(http=HttpReady(8080, "/"))
    node = bench.node()
    with pytest.raises(MissingPart, match="n1: nothing leads to its ports 8080, which are to be asked"):
        node.ensure()
    assert not node.boots
    assert bench.hardware.asked == []


def test_netboot_is_a_part_of_what_the_bench_boots(bench: Bench) -> None:
    assert Netboot not in bench.node().parts
    bench.attached = False
    assert Netboot in bench.node().parts


def test_a_machine_without_a_console_is_booted_and_asked_at_once(bench: Bench) -> None:
    bench.attached, bench.without = False, frozenset({SerialConsole})
    expecting(bench)
    node = bench.node()
    assert node.boot().verdict is Verdict.READY
    assert bench.quiet.asked[-1] == "begin at once"
    assert (node.said(5), bench.served) == ([], ["img"])


def test_a_machine_without_a_console_cannot_be_ready_by_words_on_it(bench: Bench) -> None:
    bench.attached, bench.without = False, frozenset({SerialConsole})
    node = bench.node()
    with pytest.raises(MissingPart, match="n1: it is ready by words on its console, and no line leads to that"):
        node.boot()
    assert node.boots[-1].verdict is Verdict.BROKEN
    assert bench.followers[0].closed


def test_what_a_console_said_before_its_first_boot_is_not_of_that_boot(bench: Bench) -> None:
    bench.attached = False
    bench.keeper.known["console:n1"] = StreamStatus(700, 1, True, None, 0)
    bench.wire.incarnation, bench.wire.offset = 2, 700
    bench.will_say(b"login: ")
    node = bench.node()
    node.boot()
    assert bench.keeper.read_from == [700]
    assert bench.quiet.asked[-1] == "begin after 1"


def test_a_port_that_cannot_be_read_back_leaves_it_at_what_was_switched(bench: Bench) -> None:
    bench.attached, bench.hardware.reads_back = False, False
    bench.own_ready = Ready(re.compile(b"login: "))
    node = bench.node()
    assert not node.runs
    boot = node.power.on()
    assert "unverified" in next(iter(boot.timeline)).evidence
    assert (node.runs, node.booted, node.begin()) == (True, False, boot)
    with pytest.raises(NodeError, match="not ready within"):
        node.wait_ready(0.05)
    assert not node.booted, "unknown is no readiness"
    node.power.off()
    assert (node.power.state(), node.runs) == (PowerState.UNKNOWN, False)
    assert node.begin() is not boot


def ends_and_begins(wire: Wire) -> None:
    """One after the other however late: two timers that are due while a host stalls go off in any order."""
    hold(0.05)
    wire.ends()
    hold(0.1)
    wire.says(b"UEFI firmware")


def test_what_a_board_said_before_its_power_on_ends_no_wait_for_what_it_says_after(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    node = bench.node()
    for _ in range(2):
        bench.keeper.known["console:n1"] = StreamStatus(bench.wire.offset, bench.wire.incarnation, True, None, 0)
        node.power.on()
        # The end of what was before has not come yet when the wait begins.
        late = threading.Thread(target=ends_and_begins, args=(bench.wire,))
        late.start()
        assert node.wire.expect("UEFI", within=20).text == "UEFI"
        late.join()
        node.power.off()
    bench.close()
