"""Commands for the shell on a machine's console: exit status, standard output and standard error, byte for byte.

For a shell at its prompt, on a terminal that echoes; nobody logs in here, and nothing is known of testinfra. How the
bytes travel is in `hil.console.shell_wire`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from hil.clock import Deadline, now_ns
from hil.console.console import Console
from hil.console.expect import Found
from hil.console.shell_wire import LONGEST_COMMAND, Extent, Talk, extent, marker
from hil.console.transcript import printable
from hil.errors import NodeError, UsageError

T = TypeVar("T")

# What a terminal takes for SIGINT, SIGQUIT and to erase the line (termios(3): VINTR, VQUIT, VKILL).
_INTERRUPTS, _ERASE_LINE = ("\x03", "\x1c"), b"\x15"
# The first words of a boot: EDK2 (ArmPlatformPkg/PrePi), Linux (arch/arm64/kernel/setup.c, smp_setup_processor_id).
_STARTED_ANEW = rb"UEFI firmware \(version |Booting Linux on physical CPU "

_SMALLEST, _FIRST, _LARGEST = 1 << 6, 1 << 12, 1 << 16
# A block that took longer is followed by no larger one: on a slow line that would look lost, and be asked for twice.
_LARGER_WHEN_WITHIN_NS = 500_000_000
_CLEANING_UP = 10.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did.

    Args:
        status: its exit status, 0 to 255; 128 and the signal's number when a signal ended it.
        stdout: what it wrote to its standard output.
        stderr: what it wrote to its standard error.
    """

    status: int
    stdout: bytes
    stderr: bytes


class _Late(Exception):
    """The deadline passed while something was awaited. Never leaves this module."""


class ShellSession:
    """The shell behind one console. For one thread; between two commands the console is anybody's.

    Args:
        console: of the machine.
        prompt: what the shell prints when it waits for a command.
        patience: seconds without an answer after which a request is sent again, then twice that, and so on.
    """

    def __init__(self, console: Console, prompt: bytes, *, patience: float = 2.0) -> None:
        self._console = console
        self._prompt = re.escape(prompt)
        self._patience = patience
        self._prompted_at = -1

    def run(self, command: str | bytes, deadline: Deadline) -> Ran:
        """Run `sh -c COMMAND` on the machine, its standard input empty, and fetch what it printed.

        Programs that it leaves in the background may go on; what they print after its end is not fetched.

        Args:
            command: at most 128 KiB, without a zero byte; a str is sent as UTF-8.
            deadline: for all of it, the transfer too. To interrupt a command, up to 10 s are added.

        Raises:
            NodeError: it did not end in time (it is interrupted, and the error has its last words), its output could
                not be fetched in time, no shell answers, or the machine died, went off or restarted.
            InfrastructureError: the stream was closed, or the machine died of the bench.
            UsageError: no shell can be given such a command.
        """
        raw = command.encode() if isinstance(command, str) else command
        self._check(raw)
        talk = Talk(raw)
        try:
            self._begin(talk, deadline)
        except _Late:
            raise self._no_shell(deadline) from None
        try:
            first, size = self._execute(talk, deadline)
        except _Late:
            raise self._hung(talk, raw, deadline) from None
        result = bytearray(first)
        try:
            self._fetch(talk, result, size, deadline)
        except _Late:
            raise self._cut_short(talk, raw, len(result), size, deadline) from None
        self._console.send_line(talk.bye())
        self._note_prompt()
        middle = size.begin + size.stdout
        return Ran(size.status, bytes(result[size.begin : middle]), bytes(result[middle:]))

    def _check(self, raw: bytes) -> None:
        if b"\0" in raw or len(raw) > LONGEST_COMMAND:
            what = "holds a zero byte" if b"\0" in raw else f"has {len(raw)} bytes, more than {LONGEST_COMMAND}"
            raise UsageError(
                f"{self._console.name}: the command {_short(raw)} {what}",
                hint="bring data to the machine in encoded parts: echo PART | base64 -d >> FILE",
            )

    def _begin(self, talk: Talk, deadline: Deadline, interrupt: bool = False) -> None:
        """Have the script on the machine read requests; with `interrupt`, end first what holds the console."""
        while True:
            self._come_to_prompt(deadline, interrupt)
            self._console.send_line(_ERASE_LINE + talk.script())
            if self._seen(deadline.sooner(self._patience), talk.end(0)) is not None:
                return
            if deadline.expired:
                raise _Late

    def _execute(self, talk: Talk, deadline: Deadline) -> tuple[bytes, Extent]:
        """Bring the command over and have it run; returns the result's first block, and what that says of it all."""
        while True:
            for number, line in talk.puts():
                self._ask(talk, number, line, deadline)
            number, line = talk.go(_FIRST)
            first = talk.block(self._ask(talk, number, line, deadline), number)
            size = None if first is None else extent(first)
            if first is not None and size is not None:
                return first, size

    def _fetch(self, talk: Talk, result: bytearray, whole: Extent, deadline: Deadline) -> None:
        """Complete the result, in blocks as large as the line bears: after one that came wrong they are smaller."""
        size = _FIRST
        while len(result) < whole.end:
            asked = now_ns()
            number, line = talk.fetch(size, len(result) // size)
            block = talk.block(self._ask(talk, number, line, deadline), number)
            if block is None:
                size = max(_SMALLEST, size // 2)
                continue
            if len(block) != min(size, whole.end - len(result)):
                raise self._lost(len(result) + len(block), whole)
            result += block
            quick = now_ns() - asked < _LARGER_WHEN_WITHIN_NS
            if quick and size < _LARGEST and len(result) % (2 * size) == 0:
                size *= 2

    def _ask(self, talk: Talk, number: int, line: bytes, deadline: Deadline) -> bytes:
        """Send a request until it is answered; returns what was said up to the answer's end."""
        console, wait = self._console, self._patience
        start = console.transcript.end
        while not deadline.expired:
            console.send_line(line)
            found = self._seen(deadline.sooner(wait), talk.end(number), self._prompt, _STARTED_ANEW)
            if found is not None and found.index:
                raise self._broken_off(talk, found)
            if found is not None:
                return console.transcript.bytes(start, found.start)
            wait *= 2
        raise _Late

    def _come_to_prompt(self, deadline: Deadline, interrupt: bool = False) -> None:
        """Make sure that a shell listens: nothing was said since its last prompt, or it answers."""
        console = self._console
        console.poll()
        if not interrupt and console.transcript.end == self._prompted_at and not console.transcript.ended:
            return
        wait, keys = self._patience / 2, itertools.cycle(_INTERRUPTS)
        while not deadline.expired:
            if interrupt:
                # What is typed before the shell has dealt with the interrupt may be thrown away with it.
                self._in_time(partial(console.run, next(keys), prompt=self._prompt, within=deadline.sooner(wait)))
            line, answer = marker()
            console.send_line(_ERASE_LINE + line)
            if self._seen(deadline.sooner(wait), answer) is not None:
                self._note_prompt()
                return
            wait, interrupt = wait * 2, True
        raise _Late

    def _note_prompt(self) -> None:
        """Remember where the prompt was that comes now; when it does not, the next command looks for the shell."""
        prompted = self._seen(Deadline.after(self._patience / 2), self._prompt)
        self._prompted_at = -1 if prompted is None else prompted.end

    def _seen(self, deadline: Deadline, *patterns: bytes) -> Found | None:
        """One of the patterns; None when none came in time from a machine that is still there."""
        return self._in_time(partial(self._console.expect, *patterns, within=deadline))

    def _in_time(self, wait: Callable[[], T]) -> T | None:
        """What a wait found; None when it found nothing in time from a machine that is still there."""
        before = self._console.transcript.incarnation
        try:
            return wait()
        except NodeError:
            self._console.check_deaths()
            after = self._console.transcript
            if after.ended or (before and after.incarnation != before):
                raise
            return None

    def _broken_off(self, talk: Talk, found: Found) -> NodeError:
        restarted = found.index > 1
        if not restarted:
            self._console.send_line(_ERASE_LINE + talk.sweep())
        what = "the machine restarted" if restarted else "the shell that ran it ended"
        return NodeError(
            f"{self._console.name}: {what} before the command's result was fetched",
            hint="to restart the machine on purpose, use node.reset() or node.power.cycle(), then node.wait_ready()"
            if restarted
            else "let the command not kill its parents",
            evidence=self._console.tail(),
        )

    def _no_shell(self, deadline: Deadline) -> NodeError:
        return NodeError(
            f"{self._console.name}: no shell answered on the console within {deadline}",
            hint="see in the last lines what holds the console; when the machine is only slow, allow more time",
            evidence=self._console.tail(),
        )

    def _hung(self, talk: Talk, raw: bytes, deadline: Deadline) -> NodeError:
        """Interrupt the command; the error says what it had printed."""
        message = f"{self._console.name}: the command {_short(raw)} did not end within {deadline}"
        words = self._interrupt(talk)
        if words is None:
            return NodeError(
                f"{message}, and the shell did not come back after Ctrl-C",
                hint="see the last lines; the machine hangs, or the command took the terminal for itself",
                evidence=self._console.tail(),
            )
        return NodeError(
            f"{message}; it was killed",
            hint="what it had printed is above; allow more time, or let it not wait for what does not come",
            evidence=words,
        )

    def _interrupt(self, talk: Talk) -> list[str] | None:
        """End the command, and fetch its last words; None when the shell does not come back."""
        cleaning = Deadline.after(_CLEANING_UP)
        try:
            self._begin(talk, cleaning, interrupt=True)
            number, line = talk.kill(_FIRST)
            first = talk.block(self._ask(talk, number, line, cleaning), number) or b""
        except _Late:
            return None
        self._console.send_line(talk.bye())
        self._note_prompt()
        size = extent(first)
        if size is None:
            return ["it had printed nothing"]
        middle = size.begin + size.stdout
        return [*_told("stdout", first[size.begin : middle]), *_told("stderr", first[middle : size.end])]

    def _cut_short(self, talk: Talk, raw: bytes, came: int, whole: Extent, deadline: Deadline) -> NodeError:
        self._console.send_line(talk.bye())
        return NodeError(
            f"{self._console.name}: the command {_short(raw)} ended with status {whole.status}, but within {deadline} "
            f"only {came} of {whole.end} bytes of its result came over the console as they are",
            hint="allow more time, let it print less, or keep others from printing on the console",
            evidence=self._console.tail(),
        )

    def _lost(self, kept: int, whole: Extent) -> NodeError:
        return NodeError(
            f"{self._console.name}: the machine kept {kept} of {whole.end} bytes of the command's result",
            hint="the file system with its /tmp is full: let the command print less, or remove something",
            evidence=self._console.tail(),
        )


def _short(raw: bytes) -> str:
    text = printable(raw[:200]).split("\n")[0]
    return repr(text[:60] + "...") if len(text) > 60 or len(raw) > len(text) else repr(text)


def _told(stream: str, data: bytes) -> list[str]:
    lines = printable(data).rstrip("\n").split("\n") if data else []
    return [f"{stream}: {line}" for line in lines] or [f"{stream}: (nothing)"]
