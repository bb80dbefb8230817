"""The prompt of a shell on a console: is it there, and how to get it back. What is typed at it is not known here."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from hil.clock import Deadline
from hil.console.console import Console
from hil.console.expect import Found
from hil.errors import NodeError

T = TypeVar("T")

# What a terminal takes for SIGINT, SIGQUIT and to erase the line (termios(3): VINTR, VQUIT, VKILL).
_INTERRUPTS, _ERASE_LINE = ("\x03", "\x1c"), b"\x15"
# Busybox asks this after its prompt, of a terminal whose width it does not know (libbb/lineedit.c, ask_terminal).
_WHERE_IS_THE_CURSOR = b"\x1b[6n"


STARTED_ANEW = rb"UEFI firmware \(version |Booting Linux on physical CPU "
"""The first words of a boot: of EDK2 (ArmPlatformPkg/PrePi), of Linux (arch/arm64/kernel/setup.c)."""

_BOOTS = 60.0


class Late(Exception):
    """The deadline passed while something was awaited. Never shown to a user as it is."""


class Prompt:
    """Where a shell waits for a command.

    Args:
        console: of the machine.
        prompt: what the shell prints when it waits.
        patience: seconds to wait for a sign of the shell, the first time.
    """

    def __init__(self, console: Console, prompt: bytes, patience: float) -> None:
        self.pattern = re.escape(prompt)
        self._console = console
        self._patience = patience
        self._end = -1
        self._sign = -1

    def type(self, line: bytes) -> None:
        """Type a line at the prompt, in place of what may stand there half typed. Its reader may be slow to say so."""
        self._end = -1
        self._console.send_line(_ERASE_LINE + line)

    def awaited(self) -> bool:
        """Note where the prompt is that comes now; False when it does not come whole, and `come` will look for it."""
        found = self.seen(Deadline.after(self._patience / 2), self.pattern)
        self._end = -1 if found is None else found.end
        self._sign = max(self._sign, self._end)
        return found is not None

    def interrupt(self, deadline: Deadline, key: str = _INTERRUPTS[0]) -> None:
        """Type what a terminal takes for a signal to its programs, and wait for the prompt.

        What was typed before the shell had dealt with that might be thrown away with it. When no prompt comes in time,
        that is not said; nor is it certain that the one that came is the answer.

        Args:
            deadline: to wait.
            key: what to type.

        Raises:
            NodeError, InfrastructureError: as `come`.
        """
        self._in_time(partial(self._console.run, key, prompt=self.pattern, within=deadline))

    def come(self, deadline: Deadline) -> None:
        """Make sure that a shell listens: nothing was said since its last prompt, or it answers.

        What holds the console is interrupted, once it has not let the shell answer.

        Args:
            deadline: to be sure.

        Raises:
            Late: nothing answered.
            NodeError: the machine is off, or died.
            InfrastructureError: it died of the bench, or the stream was closed.
        """
        console = self._console
        console.poll()
        if console.transcript.ended:
            raise self._off()
        if self._still_there():
            return
        if self._starting_anew():
            # A prompt that came late, before that, is of a shell that is gone.
            while self.seen(Deadline.after(0), STARTED_ANEW) is not None:
                pass
            # A key would stop its firmware. A prompt that another line broke in two is not awaited for ever.
            self.seen(deadline.sooner(_BOOTS), self.pattern)
        wait, keys, interrupt = self._patience, itertools.cycle(_INTERRUPTS), False
        while not deadline.expired:
            if interrupt:
                self.interrupt(deadline.sooner(wait), next(keys))
            # Typed in two halves and printed in one piece, so that the echo is not taken for the answer; and twice,
            # for others who print may break one.
            one, two = secrets.token_hex(4), secrets.token_hex(4)
            self.type(f"echo {one}''{two} {one}''{two}".encode())
            if self.seen(deadline.sooner(wait), f"{one}{two}".encode()) is not None:
                self._sign = console.cursor
                self.awaited()
                return
            wait, interrupt = wait * 2, True
        raise Late

    def seen(self, deadline: Deadline, *patterns: bytes) -> Found | None:
        """One of the patterns; None when none came in time from a machine that is still there.

        Raises:
            NodeError, InfrastructureError: as `come`.
        """
        return self._in_time(partial(self._console.expect, *patterns, within=deadline))

    def _still_there(self) -> bool:
        said = self._console.transcript
        return self._end >= 0 and said.bytes(self._end, said.end) in (b"", _WHERE_IS_THE_CURSOR)

    def _starting_anew(self) -> bool:
        """Whether the machine restarted since the shell gave its last sign, and no shell waits yet."""
        said = self._console.transcript
        since = b"" if self._sign < 0 else said.bytes(self._sign, said.end)
        starts = [found.end() for found in re.finditer(STARTED_ANEW, since)]
        return bool(starts) and re.search(self.pattern, since[starts[-1] :]) is None

    def _in_time(self, wait: Callable[[], T]) -> T | None:
        said = self._console.transcript
        before = said.incarnation
        try:
            return wait()
        except NodeError:
            self._console.check_deaths()
            if said.ended or (before and said.incarnation != before):
                raise self._off() from None
            return None

    def _off(self) -> NodeError:
        return NodeError(
            f"{self._console.name}: the machine went off while its shell was used",
            hint="read its last lines: it powered off, was switched off, or its emulator ended",
            evidence=self._console.tail(),
        )
