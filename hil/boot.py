"""One boot: a power-on, what came of it, and its folder. The watching itself is in `hil.watch`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Protocol

from hil.clock import Deadline, now_ns
from hil.errors import HilBug, HilError, InfrastructureError, NodeError, UsageError
from hil.report.folder import PAGE, write_boot, write_packets
from hil.report.power import PowerRecord
from hil.timeline.packets.record import NOTHING, Read, read_into
from hil.timeline.stages import ATTACHED, READY
from hil.timeline.timeline import Timeline


class Verdict(Enum):
    """What came of a boot. BROKEN and INTERRUPTED say nothing about the image: the bench failed, or nobody waited."""

    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    BROKEN = "broken"
    INTERRUPTED = "interrupted"


class Found(Protocol):
    """What was found of a booted machine, condition by condition."""

    def __bool__(self) -> bool:
        """Whether all of it holds."""
        ...

    def table(self) -> str:
        """It for a person, some lines."""
        ...

    def to_json(self, origin_ns: int | None = None) -> dict[str, object]:
        """It for a record, its seconds counted from `origin_ns`."""
        ...


class Metered(Protocol):
    """Whoever watches the machine's meter (`hil.report.power`)."""

    def record(self, start_ns: int, end_ns: int | None, *, ready: bool) -> PowerRecord:
        """The energy from one moment to another, or to now."""
        ...


@dataclass
class Boot:
    """One power-on to ready, or to death; of a machine that runs already, from when it was attached to.

    Args:
        number: from 1, within its node and bench.
        node: the node's name.
        image: the image's name, or the tree's that decided what was booted.
        facts: what goes into its record besides: kind, identity, digests, accelerator.
        folder: where its record is.
        timeline: its marks.
        verdict: what came of it so far.
        readiness: what was found of it last; None where only the image itself says that it is ready.
        packets: what was read of its packets.
        metered: who watches its meter; None where it has none.
        error: why it is not ready.
        runs: the tests that ran on it.
        undrawn: why its page could not be written, or "".
        settled_ns: when first something came of it, ns of the one clock.
    """

    number: int
    node: str
    image: str
    facts: dict[str, object]
    folder: Path
    timeline: Timeline
    verdict: Verdict = Verdict.RUNNING
    readiness: Found | None = field(default=None, repr=False)
    packets: Read = field(default=NOTHING, repr=False)
    metered: Metered | None = field(default=None, repr=False)
    error: HilError | None = field(default=None, repr=False)
    runs: list[str] = field(default_factory=list)
    undrawn: str = field(default="", repr=False)
    settled_ns: int | None = field(default=None, repr=False)
    _recorded: Verdict | None = field(default=None, repr=False)

    def settle(self, verdict: Verdict, error: HilError | None = None) -> None:
        """Say what came of it, and write that down; a first failure stays."""
        if self.error is None:
            self.verdict, self.error = verdict, error
        self.settled_ns = self.settled_ns or now_ns()
        self._read_packets()
        try:
            self.write()
        finally:
            self._draw()

    def fail(self, error: Exception) -> None:
        """Settle by whose fault it was; a record that cannot be written any more does not hide the error.

        Args:
            error: what ended it; one that hil does not know is a bug of hil, and nothing of the machine's.
        """
        known = error if isinstance(error, HilError) else _bug(self.node, error)
        try:
            self.settle(Verdict.FAILED if isinstance(known, NodeError) else Verdict.BROKEN, known)
        except InfrastructureError as unwritten:
            known.evidence = (*known.evidence, unwritten.message)

    def leave(self) -> None:
        """Nobody will wait for it any more; if nothing came of it yet, the record says so, where it can be written.

        More than once does no harm: a second Ctrl-C may have ended the first one in its midst.
        """
        with suppress(InfrastructureError):
            if self.verdict is Verdict.RUNNING:
                self.settle(Verdict.INTERRUPTED)
            elif self._read_packets() or self._recorded is not self.verdict:
                self.write()
        self._draw()

    def _read_packets(self) -> bool:
        """Take in what its packets say up to now, and write that; whether there was news."""
        before = self.packets
        self.packets = read_into(self.timeline, self.folder, before, str(self.facts.get("mac", "")))
        if self.packets is before:
            return False
        if self.packets.document is not None:
            try:
                write_packets(self.folder, self.packets.document)
            except InfrastructureError as error:
                # The record itself is tried all the same, and has the reason.
                self.packets = replace(self.packets, document=None, note=error.message)
        return True

    def _draw(self) -> None:
        """Write its page; what hinders that is no error of the boot."""
        from hil.report.page import write_page

        try:
            write_page([self.folder], self.page)
            self.undrawn = ""
        except (InfrastructureError, UsageError) as error:
            self.undrawn = error.message

    @property
    def page(self) -> Path:
        """Where its page is, once anything came of it."""
        return self.folder / PAGE

    @property
    def power(self) -> PowerRecord | None:
        """The energy from power-on to ready, or to when it was settled, or to now; None where there is no meter."""
        if self.metered is None:
            return None
        ready = self.timeline.first("ready")
        end_ns = self.settled_ns if ready is None else ready.at_ns
        return self.metered.record(self.timeline.origin_ns, end_ns, ready=ready is not None)

    @property
    def attached(self) -> bool:
        """Whether the machine ran already, so that nobody saw its power-on."""
        return self.timeline.first(ATTACHED) is not None

    @property
    def seconds_to_ready(self) -> float | None:
        """From power-on to ready; None where it is not ready, or nobody saw its power-on."""
        return None if self.attached else self.timeline.seconds(READY)

    def write(self) -> None:
        """Write the record as it stands."""
        verdict = self.verdict
        write_boot(self.folder, self.to_json(), self.timeline)
        self._recorded = verdict

    def to_json(self) -> dict[str, object]:
        """The stable record."""
        power = self.power
        return {
            "node": self.node,
            "boot": self.number,
            "image": self.image,
            "verdict": self.verdict.value,
            "seconds_to_ready": self.seconds_to_ready,
            "error": None if self.error is None else self.error.to_json(),
            "readiness": None if self.readiness is None else self.readiness.to_json(self.timeline.origin_ns),
            **self.facts,
            "attached": self.attached,
            "power": None if power is None else power.to_json(),
            "packets": self.packets.to_json(),
            "runs": self.runs,
        }


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take.

    Args:
        boot: power-on to ready, s.
        switch: a switching of power, s.
        answer: a question to the machine's own control channel, s.
        silence: after the last initial RAM disk, until the console's silence needs an explanation, s.
    """

    boot: float
    switch: float = 10.0
    answer: float = 10.0
    silence: float = 15.0

    def switching(self) -> Deadline:
        """For one switching that begins now."""
        return Deadline.after(self.switch)

    def answering(self) -> Deadline:
        """For one question asked now."""
        return Deadline.after(self.answer)


def _bug(node: str, error: Exception) -> HilBug:
    return HilBug(
        f"{node}: an error that nobody expected: {error!r}",
        hint="report it with this record; of the machine nothing is known",
    )
