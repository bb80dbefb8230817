"""Watching one boot: takes in console, Matchbox log and control events, and says when the machine is ready or dead.

Everything here was stamped and recorded before it arrived; this only interprets. It never switches anything.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Iterable
from typing import Protocol

from hil.boot import Boot, Patience
from hil.clock import Deadline
from hil.console.console import Console
from hil.console.garble import Legibility
from hil.ended import ended_by_itself, unpowered
from hil.errors import HilError, InfrastructureError, NodeError
from hil.machine import Events, Machine, Power, PowerState, SerialConsole
from hil.silence import Silence
from hil.timeline.console_marks import ConsoleMarks
from hil.timeline.events import Event, marks_of
from hil.timeline.stages import READY
from hil.timeline.timeline import Mark

# What explains a death arrives by another pipe than the death: Matchbox's log line, QMP's SHUTDOWN.
_EXPLANATION = 1.0
_LOOK = 0.25


class Served(Protocol):
    """What Matchbox did for this node, as a source of marks."""

    def fileno(self) -> int:
        """Readable when `take` may have something."""
        ...

    def take(self) -> list[Mark]:
        """New marks. Raises NodeError when Matchbox had nothing for this node."""
        ...

    @property
    def profile(self) -> str | None:
        """The profile that Matchbox chose for this node, when it did."""
        ...

    def close(self) -> None:
        """Stop following."""
        ...


class ReadySign(Protocol):
    """How one knows that the image does what its owner calls ready."""

    def check(self, boot: Boot) -> Mark | None:
        """The mark of being ready, or None; takes well under a second.

        Raises:
            NodeError: it cannot become ready any more.
        """
        ...

    def news(self) -> list[Mark]:
        """Marks of what it saw since the last call, other than that of being ready."""
        ...

    def begin_again(self) -> None:
        """The machine was reset on purpose: what was seen before no longer counts."""
        ...

    @property
    def awaited(self) -> str:
        """What is awaited, in a person's words."""
        ...

    @property
    def evidence(self) -> list[str]:
        """What it found so far, line by line, for an error; [] where the console has it all."""
        ...

    @property
    def interval(self) -> float:
        """Seconds between two checks when nothing arrives."""
        ...


class Watch:
    """One boot in progress.

    Args:
        boot: whose timeline is filled.
        machine: whose power is read back.
        console: what it says.
        marks: follows that console.
        served: follows Matchbox, where its log is ours.
        ready: says when it is ready.
        silence: explains a silent console.
        recording: says what is wrong with the recording, or None.
        exit_status: of the machine's own process, when that has ended.
        patience: how long things may take.
        legibility: says whether the console speaks at the speed of its line.
    """

    def __init__(
        self,
        *,
        boot: Boot,
        machine: Machine,
        console: Console,
        marks: ConsoleMarks,
        served: Served | None,
        ready: ReadySign,
        silence: Silence,
        recording: Callable[[], str | None],
        exit_status: Callable[[], int | None],
        patience: Patience,
        legibility: Legibility,
    ) -> None:
        self._legibility = legibility
        self._boot = boot
        self._machine = machine
        self._console = console
        self._marks = marks
        self._served = served
        self._events = machine.parts.get(Events)
        self._ready = ready
        self._silence = silence
        self._recording = recording
        self._exit_status = exit_status
        self._patience = patience
        self._shutdown: Event | None = None
        self._next_look = Deadline.after(0)

    def until_ready(self, deadline: Deadline, on_mark: Callable[[Mark], None] = lambda mark: None) -> None:
        """Return when the machine is ready.

        Args:
            deadline: by when.
            on_mark: called with each new mark as it is taken in.

        Raises:
            NodeError: it died, or is not ready in time.
            InfrastructureError: the bench failed.
        """
        while not self.is_ready(on_mark):
            if deadline.expired:
                raise self._late(deadline)
            self.wait(deadline)

    def is_ready(self, on_mark: Callable[[Mark], None] = lambda mark: None) -> bool:
        """Take in what has arrived; whether the machine is ready now.

        Raises:
            NodeError: it died, or its console keeps silent.
            InfrastructureError: the bench failed.
        """
        self.take(on_mark)
        ready = self._ready.check(self._boot)
        if ready is None:
            self.must_be_alive(on_mark)
            self._must_not_be_silent()
            return False
        self._must_be_recorded()
        self._add([*self._ready.news(), ready], on_mark)
        return True

    @property
    def awaited(self) -> str:
        """What it is to be ready, in words; "" where nothing says when it is."""
        return self._ready.awaited

    def wait(self, deadline: Deadline) -> None:
        """Let time pass until something arrives, or it is time to look again, or the deadline."""
        self._wait(deadline.sooner(min(_LOOK, self._ready.interval)))

    def take(self, on_mark: Callable[[Mark], None] = lambda mark: None) -> None:
        """Take in what has arrived, without waiting.

        Raises:
            NodeError: the console or Matchbox says that the boot is dead.
            InfrastructureError: the bench failed.
        """
        if isinstance(self._events, Events):
            events = self._events.take()
            self._shutdown = next((event for event in events if event.name == "SHUTDOWN"), self._shutdown)
            self._add(marks_of(events), on_mark)
        self._add(self._take_served(), on_mark)
        try:
            self._console.poll()
        except HilError as death:
            self._add(self._marks.take(), on_mark)
            self._explain(death)
            raise
        self._add(self._marks.take(), on_mark)
        self._add(self._ready.news(), on_mark)

    def begin_again(self) -> None:
        """The machine was reset on purpose: neither its readiness nor its deaths of before count any more."""
        with self._console.expecting_death():
            self._boot.timeline.add(self._marks.take())
        self._ready.begin_again()
        self._console.rearm()

    def close(self) -> None:
        """Stop following Matchbox; console and machine belong to the node."""
        if self._served is not None:
            self._served.close()

    def _take_served(self) -> list[Mark]:
        if self._served is None:
            return []
        try:
            return self._served.take()
        except HilError as error:
            error.evidence = (*error.evidence, *self._console.tail(5), str(self._boot.folder))
            raise

    def _add(self, marks: Iterable[Mark], on_mark: Callable[[Mark], None]) -> None:
        for mark in self._boot.timeline.add(marks):
            on_mark(mark)

    def _wait(self, deadline: Deadline) -> None:
        sources: list[Console | Served | Events] = [self._console]
        if self._served is not None:
            sources.append(self._served)
        if isinstance(self._events, Events):
            sources.append(self._events)
        select.select([source.fileno() for source in sources], [], [], deadline.remaining())

    def _explain(self, death: HilError) -> None:
        """Give Matchbox's own reason a moment to arrive: it says more than the error that iPXE made of it."""
        if self._served is None or self._served.profile is not None or not isinstance(death, NodeError):
            return
        deadline = Deadline.after(_EXPLANATION)
        while not deadline.expired:
            select.select([self._served.fileno()], [], [], deadline.remaining())
            self._boot.timeline.add(self._take_served())

    def must_be_alive(self, on_mark: Callable[[Mark], None] = lambda mark: None) -> None:
        """See that the machine is recorded and, where it has a port that can tell, on; seldom, however often called.

        Raises:
            NodeError: it switched itself off.
            InfrastructureError: it ended without having been told to, or its console is no longer recorded.
        """
        # Each look asks the keeper; a booting kernel wakes this loop hundreds of times a second.
        if not (self._console.transcript.ended or self._next_look.expired):
            return
        self._next_look = Deadline.after(self._machine.look_every)
        self._must_be_recorded()
        self._must_be_legible()
        if Power not in self._machine.parts or self._machine.power.state() is not PowerState.OFF:
            return
        self._await_shutdown(on_mark)
        self.take(on_mark)
        raise self._dead()

    def _must_be_recorded(self) -> None:
        problem = self._recording()
        if problem is not None:
            raise InfrastructureError(
                f"{self._boot.node}, {self._place()}: {problem}",
                hint="make room on that disk, or name another by --artifacts (pytest: --hil-artifacts); boot again",
                evidence=[self._boot.folder],
            )

    def _must_be_legible(self) -> None:
        count = self._legibility.garbled()
        if count:
            raise InfrastructureError(
                f"{self._boot.node}, {self._place()}: its console speaks at another speed than its line is set to:"
                f" {count} bytes came, and no words (console: {self._machine.facts.get('console', 'of its own')})",
                hint="set `baud:` of the node's console in the rig file to what its firmware and kernel (console=...)"
                " speak: 115200 most often, 1500000 on many Rockchip boards; or see the cable's ground",
                evidence=[self._boot.folder],
            )

    def _await_shutdown(self, on_mark: Callable[[Mark], None]) -> None:
        """Let the event arrive that tells a machine that switched itself off from one whose process broke."""
        deadline = Deadline.after(_EXPLANATION)
        while isinstance(self._events, Events) and self._shutdown is None and not deadline.expired:
            select.select([self._events.fileno()], [], [], deadline.remaining())
            self.take(on_mark)

    def _dead(self) -> HilError:
        where = f"{self._boot.node}, {self._place()}"
        if self._shutdown is not None and '"guest": true' in self._shutdown.detail:
            return NodeError(
                f"{where}: the machine switched itself off",
                hint="read the last console lines: what ran last told it to power off",
                evidence=[*self._console.tail(10), self._boot.folder],
            )
        if self._machine.control_stream is None:
            return unpowered(where, self._machine, [*self._console.tail(5), self._boot.folder])
        return ended_by_itself(where, self._machine, self._exit_status(), self._boot.folder, self._console.tail(5))

    def _must_not_be_silent(self) -> None:
        silent = None if self._unseen else self._silence.error(self._boot, self._console, self._patience.silence)
        if silent is not None:
            raise silent

    @property
    def _unseen(self) -> bool:
        """Whether nobody knows which stages this boot has: it is not ours, or no console shows it."""
        return self._machine.attached or SerialConsole not in self._machine.parts

    def _place(self) -> str:
        marks = list(self._boot.timeline)
        if not marks:
            return "before its first mark"
        return f"after {marks[-1].stage} at {self._boot.timeline.since_power(marks[-1]):.1f} s"

    def _late(self, deadline: Deadline) -> NodeError:
        awaited = self._boot.timeline.awaited
        next_stage = READY if awaited is None or self._unseen else awaited
        waited = self._ready.awaited if next_stage is READY else next_stage.doc
        return NodeError(
            f"{self._boot.node}: not ready within {deadline}: {self._place()};"
            f" still awaited: {next_stage.name} ({waited})",
            hint="read the console from the last stage on; if it still moved, raise `boot_within` in the rig file",
            evidence=[*self._console.tail(10), *self._ready.evidence, self._boot.folder],
        )
