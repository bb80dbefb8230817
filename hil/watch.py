"""Watching one boot: takes in console, Matchbox log and control events, and says when the machine is ready or dead.

Everything here was stamped and recorded before it arrived; this only interprets. It never switches anything.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Iterable

from hil.boot import Boot, Patience
from hil.clock import NANOSECONDS, Deadline, now_ns
from hil.console.console import Console
from hil.console.garble import Legibility
from hil.ended import ended_by_itself, switched_itself_off, unpowered
from hil.errors import HilError, InfrastructureError, NodeError
from hil.machine import Events, Machine, Power, PowerState, SerialConsole
from hil.silence import Silence
from hil.timeline.console_marks import ConsoleMarks
from hil.timeline.events import Event, marks_of
from hil.timeline.stages import BEFORE_IMAGE, READY
from hil.timeline.timeline import Mark
from hil.timeline.trouble import Trouble
from hil.watched import Bootloader, ReadySign, Served

# What explains a death arrives by another pipe than the death: Matchbox's log line, QMP's SHUTDOWN.
_EXPLANATION = 1.0
_LOOK = 0.25
# A bootloader that waits asks again this often at least (raspberrypi/documentation: DHCP_REQ_TIMEOUT, 4 s).
_A_MOMENT = 5.0


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
        bootloader: what runs before the machine's firmware, where that is a stage of its own.
        elsewhere: why the machine cannot answer where it is asked, as far as its network shows it.
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
        bootloader: Bootloader | None = None,
        elsewhere: Callable[[], Trouble | None] = lambda: None,
    ) -> None:
        self._elsewhere = elsewhere
        self._legibility = legibility
        self._bootloader = bootloader
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
            self._must_get_on()
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
        marks: list[Mark] = []
        try:
            self._gather(marks)
        finally:
            # Each source has a pipe of its own, and two may have news by now: what is told is told in its order.
            self._add(sorted(marks, key=lambda mark: mark.at_ns), on_mark)

    def _gather(self, marks: list[Mark]) -> None:
        """Put what has arrived into a list, also where it ends with an error: the console last, as iPXE's words come
        before its request to Matchbox."""
        if isinstance(self._events, Events):
            events = self._events.take()
            self._shutdown = next((event for event in events if event.name == "SHUTDOWN"), self._shutdown)
            marks += marks_of(events)
        marks += self._take_served()
        try:
            self._console.poll()
        except HilError as death:
            marks += self._seen()
            self._explain(death)
            raise
        marks += self._seen()
        marks += self._ready.news()

    def begin_again(self) -> None:
        """The machine was reset on purpose: neither its readiness nor its deaths of before count any more."""
        with self._console.expecting_death():
            self._boot.timeline.add(self._seen())
        if self._bootloader is not None:
            self._bootloader.begin_again()
        self._ready.begin_again()
        self._console.rearm()

    def close(self) -> None:
        """Stop following Matchbox and bootloader; console and machine belong to the node."""
        for followed in (self._served, self._bootloader):
            if followed is not None:
                followed.close()

    def _seen(self) -> list[Mark]:
        """New marks of what the machine itself does, in the order of their moments."""
        early = [] if self._bootloader is None else self._bootloader.take()
        return sorted([*early, *self._marks.take()], key=lambda mark: mark.at_ns)

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
        events = self._events if isinstance(self._events, Events) else None
        sources = (self._console, self._served, events, self._bootloader)
        readable = [None if source is None else source.fileno() for source in sources]
        select.select([number for number in readable if number is not None], [], [], deadline.remaining())

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
            return switched_itself_off(where, [*self._console.tail(10), self._boot.folder])
        if self._machine.control_stream is None:
            return unpowered(where, self._machine, [*self._console.tail(5), self._boot.folder])
        return ended_by_itself(where, self._machine, self._exit_status(), self._boot.folder, self._console.tail(5))

    def _must_not_be_silent(self) -> None:
        silent = None if self._unseen else self._silence.error(self._boot, self._console, self._patience.silence)
        if silent is not None:
            raise silent

    def _must_get_on(self) -> None:
        trouble = self._trouble(late=False)
        if trouble is not None:
            raise self._stuck(f"{self._boot.node}, {self._place()}: {trouble.words}", trouble.hint)

    def _trouble(self, *, late: bool) -> Trouble | None:
        if self._bootloader is None or self._machine.attached:
            return None
        return self._bootloader.trouble(self._boot.timeline, self._metered, late=late)

    def _metered(self) -> str:
        power = self._boot.power
        return "" if power is None or power.peak_watts is None else f"{power.meter}: {power.peak_watts:.1f} W at most"

    def _stuck(self, message: str, hint: str) -> InfrastructureError:
        return InfrastructureError(message, hint=hint, evidence=[*self._console.tail(10), self._boot.folder])

    def _moved(self) -> bool:
        """Whether the console spoke a moment ago, so that what is likely the trouble may be no more than slow."""
        transcript = self._console.transcript
        spoke_ns = transcript.stamp_at(transcript.end - 1) if transcript.end else 0
        return now_ns() - spoke_ns < _A_MOMENT * NANOSECONDS

    @property
    def _unseen(self) -> bool:
        """Whether nobody knows which stages this boot has: it is not ours, or no console shows it."""
        return self._machine.attached or SerialConsole not in self._machine.parts

    def _place(self) -> str:
        marks = list(self._boot.timeline)
        if not marks:
            return "before its first mark"
        return f"after {marks[-1].stage} at {self._boot.timeline.since_power(marks[-1]):.1f} s"

    def _late(self, deadline: Deadline) -> HilError:
        late = f"{self._boot.node}: not ready within {deadline}: {self._place()}"
        trouble = self._trouble(late=True)
        if trouble is not None:
            likely = f"if its console still moved, raise `boot_within` in the rig file; else {trouble.hint}"
            return self._stuck(f"{late}; {trouble.words}", likely if self._moved() else trouble.hint)
        awaited = self._boot.timeline.awaited
        if self._bootloader is not None and awaited in BEFORE_IMAGE and not self._unseen:
            waits = f"{late}; still awaited: {awaited.name} ({awaited.doc}); nothing of the image has run"
            return self._stuck(waits, "see its cables and its console; if that still moved, raise `boot_within`")
        elsewhere = self._elsewhere()
        if elsewhere is not None:
            return self._stuck(f"{late}; {elsewhere.words}", elsewhere.hint)
        next_stage = READY if awaited is None or self._unseen else awaited
        waited = self._ready.awaited if next_stage is READY else next_stage.doc
        return NodeError(
            f"{late}; still awaited: {next_stage.name} ({waited})",
            hint="read the console from the last stage on; if it still moved, raise `boot_within` in the rig file",
            evidence=[*self._console.tail(10), *self._ready.evidence, self._boot.folder],
        )
