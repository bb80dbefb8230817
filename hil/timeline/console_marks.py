"""Marks from a console: which words of firmware, iPXE and kernel begin which stage.

The rules are one table; each row names where its words come from. A line counts as soon as it holds a rule's words,
even before its end, and once. This module reads a transcript and never a port.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hil.console.transcript import Transcript, printable
from hil.timeline.lines import Line, Lines
from hil.timeline.stages import (
    FIRMWARE,
    INITRD_FETCHED,
    IPXE,
    KERNEL,
    KERNEL_FETCHED,
    NBP,
    PXE,
    USERSPACE,
    Stage,
)
from hil.timeline.timeline import Mark

# A stamp is taken when a read returns; the keeper's loop reads within this time unless the host is overloaded.
STAMP_ERROR_NS = 5_000_000


@dataclass(frozen=True, slots=True)
class Rule:
    """What begins a stage.

    Args:
        stage: which.
        pattern: searched in one line, as bytes, escapes and all.
        source: who prints these words.
    """

    stage: Stage
    pattern: re.Pattern[bytes]
    source: str


RULES: tuple[Rule, ...] = (
    Rule(FIRMWARE, re.compile(rb"UEFI firmware \(version [^)]*"), "EDK2 ArmVirtPkg/PrePi"),
    Rule(FIRMWARE, re.compile(rb"^U-Boot 20\d\d\.\d\d[^\s]*"), "U-Boot lib/display_options.c"),
    Rule(
        PXE,
        re.compile(rb">>Start (?:PXE|HTTP Boot) over IPv[46]"),
        "EDK2 NetworkPkg UefiPxeBcDxe, HttpBootDxe",
    ),
    Rule(PXE, re.compile(rb"^BOOTP broadcast 1\b"), "U-Boot net/bootp.c"),
    Rule(NBP, re.compile(rb"NBP file downloaded successfully"), "EDK2 NetworkPkg UefiPxeBcDxe"),
    Rule(IPXE, re.compile(rb"iPXE[\x1b\[0-9;m]* \d+\.[^\s\x1b]+"), "iPXE src/usr/autoboot.c"),
    Rule(
        KERNEL,
        re.compile(rb"Booting Linux on physical CPU|EFI stub: Booting Linux Kernel"),
        "Linux arch/arm64",
    ),
    Rule(USERSPACE, re.compile(rb"Run /(?:init|sbin/init) as init process"), "Linux init/main.c"),
)
# iPXE prints the URI as its script has it, which may be relative, and overwrites "..." with a percentage by
# backspaces while it fetches (iPXE src/usr/imgmgmt.c, src/core/monojob.c).
_FETCHED = re.compile(rb"^(\S+?)\.\.\.[\x08 \d%.]*ok\b")
# What Matchbox and the bench serve as scripts, and whatever a user's own chain calls so.
_SCRIPT = re.compile(rb"\.ipxe(?:\.0)?(?:\?\S*)?$|(?:^|/)ipxe(?:\?\S*)?$")
# A kernel's stub and the kernel itself both say that it runs; the first of them counts.
_ONCE = (KERNEL, USERSPACE)


class ConsoleMarks:
    """Follows one boot's console and returns each mark once.

    Args:
        transcript: what the console says.
        after: the incarnation that was over when this boot began.
        userspace: words of this image that its first process prints, besides the kernel's own.
    """

    def __init__(self, transcript: Transcript, *, after: int, userspace: re.Pattern[bytes] | None = None) -> None:
        self._transcript = transcript
        self._lines = Lines(transcript, after=after)
        extra = () if userspace is None else (Rule(USERSPACE, userspace, "the image"),)
        self._rules = (*RULES, *extra)
        self._in_last_line: set[Stage] = set()
        self._reached: set[Stage] = set()
        self._assets = 0

    def take(self) -> list[Mark]:
        """The marks in what has arrived since the last call."""
        marks: list[Mark] = []
        for line in self._lines.take():
            marks += self._in_line(line)
            if line.complete:
                self._in_last_line.clear()
        return marks

    def _in_line(self, line: Line) -> list[Mark]:
        marks = []
        for rule in self._rules:
            if rule.stage in self._in_last_line or (rule.stage in _ONCE and rule.stage in self._reached):
                continue
            if match := rule.pattern.search(line.data):
                if rule.stage is FIRMWARE:
                    self._reached.clear()
                    self._assets = 0
                marks.append(self._mark(rule.stage, line, match))
        return marks + self._fetched(line)

    def _fetched(self, line: Line) -> list[Mark]:
        """The mark of a file that iPXE has: the first is the kernel (a profile names it first), the others follow."""
        if IPXE not in self._reached or KERNEL in self._reached or KERNEL_FETCHED in self._in_last_line:
            return []
        match = _FETCHED.search(line.data)
        if match is None:
            return []
        self._in_last_line.add(KERNEL_FETCHED)
        if _SCRIPT.search(match.group(1)):
            return []
        self._assets += 1
        return [self._mark(KERNEL_FETCHED if self._assets == 1 else INITRD_FETCHED, line, match)]

    def _mark(self, stage: Stage, line: Line, match: re.Match[bytes]) -> Mark:
        self._in_last_line.add(stage)
        self._reached.add(stage)
        at = self._transcript.stamp_at(line.start + match.end() - 1)
        return Mark(stage.name, at, STAMP_ERROR_NS, "console", printable(match.group()))
