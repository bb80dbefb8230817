"""One boot watched, with everything in memory: how it ends, whose fault that is, and what is said of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import pytest
from support.hardware import Hardware, boot_in
from support.wire import Wire

from hil.boot import Boot, Patience
from hil.clock import NANOSECONDS, Deadline, now_ns
from hil.console.console import Console
from hil.console.garble import Legibility
from hil.errors import HilError, InfrastructureError, MissingPart, NodeError
from hil.machine import Events, Power, PowerState, SerialConsole
from hil.silence import Silence
from hil.timeline.console_marks import ConsoleMarks
from hil.timeline.stages import RPI_STAGES
from hil.timeline.timeline import Mark, Timeline
from hil.timeline.trouble import Trouble
from hil.watch import Watch

IPXE = b"iPXE 1.21.1 -- Open Source\r\n"
FETCHED = IPXE + b"/assets/kernel... ok\r\n/assets/initrd... ok\r\n"


class Matchbox:
    """Keeps the protocol Served: gives what a test puts in."""

    def __init__(self) -> None:
        self._wire = Wire()
        self.marks: list[Mark] = []
        self.death: NodeError | None = None
        self.profile: str | None = None

    def fileno(self) -> int:
        return self._wire.fileno()

    def take(self) -> list[Mark]:
        self._wire.read()
        if self.death is not None:
            raise self.death
        taken, self.marks = self.marks, []
        return taken

    def dies(self, death: NodeError) -> None:
        self.death = death
        self._wire.says(b"news")

    def close(self) -> None:
        self._wire.hang_up()
        self._wire.close()


class Word:
    """Keeps the protocol ReadySign: ready when the console has said a word."""

    interval = 60.0
    awaited = "the word"
    evidence: ClassVar[list[str]] = []

    def __init__(self, console: Console) -> None:
        self._console = console
        self._from = 0

    def check(self, boot: Boot) -> Mark | None:
        said = self._console.transcript.bytes(self._from, self._console.transcript.end)
        return Mark("ready", now_ns(), 0, "console", "the word") if b"READY" in said else None

    def news(self) -> list[Mark]:
        return []

    def begin_again(self) -> None:
        self._from = self._console.transcript.end


@dataclass
class Bench:
    """A boot to be watched."""

    folder: Path
    wire: Wire = field(default_factory=Wire)
    recording: str | None = None
    exit_status: int | None = None
    arguments: tuple[str, tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        self.hardware = Hardware(self.wire)
        self.hardware.reads = PowerState.ON
        self.console = Console(self.wire, name="n1")
        self.boot = boot_in(self.folder, Mark("power", now_ns(), 0, "hil", "on"))
        self.matchbox: Matchbox | None = Matchbox()

    def watch(
        self,
        *,
        silence: float = 15.0,
        without: frozenset[type[object]] = frozenset(),
        control: str | None = "qemu:n1",
        look_every: float = 0.0,
        bootloader: Bootloader | None = None,
        elsewhere: Trouble | None = None,
    ) -> Watch:
        machine = self.hardware.machine(without=without, control=control)
        return Watch(
            boot=self.boot,
            machine=replace(machine, look_every=look_every, facts={"power_port": "relay 1"}),
            console=self.console,
            marks=ConsoleMarks(self.console.transcript, after=0),
            served=self.matchbox,
            ready=Word(self.console),
            silence=Silence("console=ttyAMA0", lambda: self.arguments),
            recording=lambda: self.recording,
            exit_status=lambda: self.exit_status,
            patience=Patience(boot=60, silence=silence),
            legibility=Legibility(self.console.transcript, after=0),
            bootloader=bootloader,
            elsewhere=lambda: elsewhere,
        )

    def close(self) -> None:
        self.wire.hang_up()
        self.console.close()
        self.hardware.close()
        if self.matchbox is not None:
            self.matchbox.close()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    # What explains a death is there already, or never comes.
    monkeypatch.setattr("hil.watch._EXPLANATION", 0.05)
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def within(seconds: float = 20.0) -> Deadline:
    return Deadline.after(seconds)


def test_ready(bench: Bench) -> None:
    bench.wire.says(FETCHED + b"READY\r\n")
    assert bench.matchbox is not None
    bench.matchbox.marks = [Mark("profile", now_ns(), 0, "matchbox", "p")]
    bench.hardware.happens("RESET", json.dumps({"guest": False}))
    seen: list[str] = []
    watch = bench.watch()
    watch.until_ready(within(), lambda mark: seen.append(mark.stage))
    assert sorted(seen) == sorted(["reset", "profile", "ipxe", "kernel-fetched", "initrd-fetched", "ready"])
    assert {mark.stage for mark in bench.boot.timeline} == {"power", *seen}
    watch.close()
    assert bench.matchbox.fileno() == -1


def test_what_two_sources_have_by_now_is_told_in_the_order_of_its_moments(bench: Bench) -> None:
    assert bench.matchbox is not None
    bench.wire.says(IPXE)
    bench.matchbox.marks = [Mark("profile", now_ns(), 0, "matchbox", "p")]
    bench.wire.says(b"/assets/kernel... ok\r\n")
    seen: list[str] = []
    bench.watch().take(lambda mark: seen.append(mark.stage))
    assert seen == ["ipxe", "profile", "kernel-fetched"]


def test_a_machine_with_neither_events_nor_a_matchbox_of_ours(bench: Bench) -> None:
    bench.matchbox = None
    bench.wire.says(b"READY\r\n")
    watch = bench.watch(without=frozenset({Events}))
    watch.until_ready(within())
    watch.close()


def test_not_ready_in_time(bench: Bench) -> None:
    bench.wire.says(IPXE)
    with pytest.raises(NodeError) as caught:
        bench.watch().until_ready(within(0.1))
    assert re.fullmatch(
        r"n1: not ready within 0\.1 s: after ipxe at \d\.\d s;"
        r" still awaited: profile \(Matchbox chose a profile for this machine\)",
        caught.value.message,
    )
    assert caught.value.evidence[-1] == str(bench.folder)
    assert "boot_within" in caught.value.hint


def test_who_was_asked_where_it_is_not_is_no_fault_of_the_image(bench: Bench) -> None:
    bench.wire.says(FETCHED)
    elsewhere = Trouble("another address", "it is asked at .71: its port had .57", "write .57")
    with pytest.raises(InfrastructureError, match=r"n1: not ready within 0\.05 s: .*; it is asked at \.71") as caught:
        bench.watch(elsewhere=elsewhere).until_ready(within(0.05))
    assert caught.value.hint == "write .57"
    bench.wire.says(b"READY\r\n")
    bench.watch(elsewhere=elsewhere).until_ready(within())


def test_not_ready_before_any_mark(bench: Bench) -> None:
    bench.boot.timeline = boot_in(bench.folder).timeline
    with pytest.raises(NodeError, match="before its first mark; still awaited: power"):
        bench.watch().until_ready(within(0.05))


def test_all_but_the_last_stage(bench: Bench) -> None:
    bench.wire.says(FETCHED + b"Booting Linux on physical CPU\r\nRun /init as init process\r\n")
    with pytest.raises(NodeError, match=r"after userspace .*; still awaited: ready \(the word\)"):
        bench.watch().until_ready(within(0.05))


def test_a_panic_ends_the_wait(bench: Bench) -> None:
    bench.wire.says(FETCHED + b"[ 1.0] Kernel panic - not syncing: VFS: no root\r\n")
    with pytest.raises(NodeError, match="VFS: no root"):
        bench.watch().until_ready(within())
    assert bench.boot.timeline.first("initrd-fetched") is not None


def test_matchboxs_own_reason_is_given_instead_of_what_ipxe_made_of_it(bench: Bench) -> None:
    assert bench.matchbox is not None
    watch = bench.watch()
    bench.wire.says(IPXE + b"http://10.0.2.100:8080/ipxe... No such file or directory (https://ipxe.org/2d0c613b)\r\n")
    taken: list[int] = []

    def take() -> list[Mark]:
        # The console's bytes are there before Matchbox's line is.
        taken.append(1)
        if len(taken) > 1:
            raise NodeError("no group selects it", hint="add one")
        return []

    bench.matchbox.take = take  # type: ignore[method-assign]
    with pytest.raises(NodeError, match="no group selects it") as caught:
        watch.until_ready(within())
    # What the console said last is beside it.
    assert any("2d0c613b" in line for line in caught.value.evidence)


def test_without_a_reason_of_matchboxs_it_is_ipxes(bench: Bench) -> None:
    bench.wire.says(IPXE + b"http://10.0.2.100:8080/ipxe... No such file or directory (https://ipxe.org/2d0c613b)\r\n")
    with pytest.raises(NodeError, match="2d0c613b"):
        bench.watch().until_ready(within())


def test_a_recording_that_stopped_is_the_benchs_fault(bench: Bench) -> None:
    bench.recording = "the console can no longer be recorded: No space left on device"
    with pytest.raises(InfrastructureError, match="No space left on device") as caught:
        bench.watch().until_ready(within())
    assert "make room" in caught.value.hint


def test_one_that_is_ready_and_not_recorded_is_not_called_ready(bench: Bench) -> None:
    bench.recording = "the console can no longer be recorded: No space left on device"
    bench.wire.says(b"READY\r\n")
    with pytest.raises(InfrastructureError, match="No space left on device"):
        bench.watch().until_ready(within())
    assert bench.boot.timeline.first("ready") is None


def test_once_matchbox_has_chosen_a_profile_it_has_no_reason_to_give(bench: Bench) -> None:
    assert bench.matchbox is not None
    bench.matchbox.profile = "mine"
    taken: list[int] = []
    bench.matchbox.take = lambda: taken.append(1) or []  # type: ignore[func-returns-value,method-assign]
    bench.wire.says(b"Kernel panic - not syncing: odd\r\n")
    with pytest.raises(NodeError, match="odd"):
        bench.watch().until_ready(within())
    assert len(taken) == 1


def test_a_machine_that_switches_itself_off(bench: Bench) -> None:
    bench.wire.says(b"reboot: Power down\r\n")
    bench.hardware.reads = PowerState.OFF
    bench.hardware.happens("SHUTDOWN", json.dumps({"guest": True, "reason": "guest-shutdown"}))
    with pytest.raises(NodeError, match=r"n1, after .*: the machine switched itself off") as caught:
        bench.watch().until_ready(within())
    assert "reboot: Power down" in caught.value.evidence


@pytest.mark.parametrize(
    ("status", "how"), [(1, "fake ended by itself with status 1"), (-9, "fake ended by itself, killed by SIGKILL")]
)
def test_a_machine_whose_process_ends_is_the_benchs_fault(bench: Bench, status: int, how: str) -> None:
    bench.exit_status = status
    bench.hardware.reads = PowerState.OFF
    (bench.folder / "qemu.log").write_text("qemu: it cannot allocate\n")
    with pytest.raises(InfrastructureError, match=how) as caught:
        bench.watch().until_ready(within())
    assert caught.value.evidence[0] == "qemu: it cannot allocate"


def test_a_process_that_left_no_words(bench: Bench) -> None:
    bench.hardware.reads = PowerState.OFF
    with pytest.raises(InfrastructureError, match=r"fake ended by itself\n") as caught:
        bench.watch(without=frozenset({Events})).until_ready(within())
    assert "whether memory ran out" in caught.value.hint


def test_a_supply_that_somebody_else_switched(bench: Bench) -> None:
    bench.hardware.reads = PowerState.OFF
    with pytest.raises(InfrastructureError, match=r"n1, after power .*: relay 1 reads off, though") as caught:
        bench.watch(without=frozenset({Events}), control=None).until_ready(within())
    assert "look who else switches it" in caught.value.hint


def test_nobody_looks_at_a_supply_that_nobody_switches(bench: Bench) -> None:
    bench.hardware.reads = PowerState.OFF
    watch = bench.watch(without=frozenset({Power}))
    try:
        assert not watch.is_ready()
    except MissingPart as missing:
        # Left to itself it would skip this test.
        pytest.fail(missing.message)


def test_a_port_that_cannot_tell_is_neither_a_death_nor_a_sign_of_life(bench: Bench) -> None:
    bench.hardware.reads_back = False
    with pytest.raises(NodeError, match="not ready within"):
        bench.watch().until_ready(Deadline.after(0.05))


def test_a_slow_port_is_looked_at_seldom(bench: Bench) -> None:
    looks: list[int] = []
    bench.hardware.state = lambda: looks.append(1) or PowerState.ON  # type: ignore[func-returns-value,method-assign]
    watch = bench.watch(look_every=1000.0)
    for _ in range(3):
        assert not watch.is_ready()
    assert len(looks) == 1


SERVED = ("tree/profiles/p.json:7", ("quiet", "console=ttyS9"))


def say_long_ago(bench: Bench, data: bytes) -> None:
    bench.wire.says(data, stamp_ns=now_ns() - 60 * NANOSECONDS)


def test_a_silent_console_names_the_arguments_that_lack_it(bench: Bench) -> None:
    bench.arguments = SERVED
    say_long_ago(bench, FETCHED)
    with pytest.raises(NodeError) as caught:
        bench.watch().until_ready(within())
    assert caught.value.message == (
        "n1: silent console: iPXE has fetched everything, and nothing was said for 15 s; the kernel arguments at"
        " tree/profiles/p.json:7 lack console=ttyAMA0: quiet console=ttyS9"
    )
    assert caught.value.hint == "add console=ttyAMA0 to the arguments at tree/profiles/p.json:7"


def test_no_arguments_at_all(bench: Bench) -> None:
    bench.arguments = ("rig.yaml:9", ())
    say_long_ago(bench, IPXE + b"/assets/kernel... ok\r\n")
    with pytest.raises(NodeError, match=r"lack console=ttyAMA0: \(none\)"):
        bench.watch().until_ready(within())
    with pytest.raises(NodeError, match="still awaited: ready"):
        bench.watch(without=frozenset({SerialConsole})).until_ready(Deadline.after(0))


@pytest.mark.parametrize(
    ("arguments", "said", "silence"),
    [
        (SERVED, b"", 15.0),  # nothing was fetched yet
        (SERVED, FETCHED, 100.0),  # not for long enough
        (None, FETCHED, 15.0),  # what was served is not known
        (("x", ("console=ttyAMA0,115200n8",)), FETCHED, 15.0),  # it is not for want of a console
        (SERVED, FETCHED + b"Booting Linux on physical CPU\r\n", 15.0),  # the kernel has a console
    ],
)
def test_a_silence_that_has_other_reasons(
    bench: Bench, arguments: tuple[str, tuple[str, ...]] | None, said: bytes, silence: float
) -> None:
    bench.arguments = arguments
    if said.endswith(b"CPU\r\n"):
        bench.wire.says(FETCHED, stamp_ns=now_ns() - 60 * NANOSECONDS)
        bench.wire.says(said.removeprefix(FETCHED), stamp_ns=now_ns() - 50 * NANOSECONDS)
    else:
        say_long_ago(bench, said or b"UEFI\r\n")
    with pytest.raises(NodeError, match="not ready within"):
        bench.watch(silence=silence).until_ready(within(0.05))


def test_a_reset_on_purpose_is_a_new_beginning(bench: Bench) -> None:
    watch = bench.watch()
    bench.wire.says(FETCHED + b"READY\r\n")
    watch.until_ready(within())
    bench.wire.says(b"Kernel panic - not syncing: on purpose\r\n")
    watch.begin_again()
    with pytest.raises(NodeError, match="not ready within"):
        watch.until_ready(within(0.05))
    bench.wire.says(b"READY\r\n")
    watch.until_ready(within())
    assert [mark.stage for mark in bench.boot.timeline].count("ready") == 2


class Bootloader:
    """Keeps the protocol Bootloader: in the trouble that a test says."""

    def __init__(self, *, late: bool) -> None:
        self.late = late
        self.again = False
        self._wire = Wire()

    def fileno(self) -> int:
        return self._wire.fileno()

    def take(self) -> list[Mark]:
        return []

    def trouble(self, timeline: Timeline, meter: Callable[[], str], *, late: bool) -> Trouble | None:
        return Trouble("x", f"it is stuck{meter()}", "help it") if late or not self.late else None

    def begin_again(self) -> None:
        self.again = True

    def close(self) -> None:
        self._wire.hang_up()
        self._wire.close()


@pytest.mark.parametrize(
    ("late", "message"),
    [
        (False, r"n1, after power at -?\d\.\d s: it is stuck"),
        (True, r"n1: not ready within 0\.05 s: .* s; it is stuck"),
    ],
)
def test_a_bootloader_that_is_stuck_is_the_benchs_fault(bench: Bench, late: bool, message: str) -> None:
    watch = bench.watch(bootloader=Bootloader(late=late))
    with pytest.raises(InfrastructureError) as caught:
        watch.until_ready(within(0.05 if late else 20))
    assert re.fullmatch(message, caught.value.message)
    assert (caught.value.hint, caught.value.evidence[-1]) == ("help it", str(bench.folder))
    watch.close()


@pytest.mark.parametrize(("ago", "may_be_slow"), [(1, True), (60, False), (None, False)])
def test_who_was_stuck_or_slow_when_time_was_up_is_told_of_both(
    bench: Bench, ago: int | None, may_be_slow: bool
) -> None:
    if ago is not None:
        bench.wire.says(b"NETWORK: wait for link\r\n", stamp_ns=now_ns() - ago * NANOSECONDS)
    watch = bench.watch(bootloader=Bootloader(late=True))
    with pytest.raises(InfrastructureError, match="it is stuck") as caught:
        watch.until_ready(within(0.05))
    slow = "if its console still moved, raise `boot_within` in the rig file; else "
    assert caught.value.hint == (slow if may_be_slow else "") + "help it"
    watch.close()


@pytest.mark.parametrize(("reached", "kind"), [("armstub", InfrastructureError), ("pxe", NodeError)])
def test_time_that_is_up_before_the_image_had_its_turn_is_not_laid_to_the_image(
    bench: Bench, reached: str, kind: type[HilError]
) -> None:
    class Untroubled(Bootloader):
        def trouble(self, timeline: Timeline, meter: Callable[[], str], *, late: bool) -> Trouble | None:
            return None

    bench.boot.timeline = Timeline(bench.boot.timeline.origin_ns, bench.boot.timeline.anchor, RPI_STAGES)
    bench.boot.timeline.add([Mark(reached, now_ns(), 0, "console", "")])
    watch = bench.watch(bootloader=Untroubled(late=True))
    with pytest.raises(kind) as caught:
        watch.until_ready(within(0.05))
    assert ("; nothing of the image has run" in caught.value.message) is (kind is InfrastructureError)
    watch.close()


def test_a_start_on_purpose_is_told_to_the_bootloader(bench: Bench) -> None:
    bootloader = Bootloader(late=True)
    watch = bench.watch(bootloader=bootloader)
    watch.begin_again()
    assert bootloader.again
    watch.close()


def test_a_line_at_another_speed_is_the_benchs_fault_and_no_bad_image(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hil.console.garble._PATIENCE", 0.0)
    bench.wire.says(bytes(range(128, 256)) * 4)
    with pytest.raises(
        InfrastructureError, match=r"its console speaks at another speed .* 512 bytes came, and no words"
    ):
        bench.watch().until_ready(Deadline.after(30))
