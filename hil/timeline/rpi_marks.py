"""Marks of a Raspberry Pi's way to its firmware, from what its bootloader prints. Reads a transcript and never a port.

Which words they are stands in `rpi_uart`.
"""

from __future__ import annotations

from typing import Final

from hil.console.transcript import Transcript, printable
from hil.timeline.console_marks import STAMP_ERROR_NS
from hil.timeline.lines import Line, Lines
from hil.timeline.rpi_said import Said, is_armstub, is_board_firmware
from hil.timeline.rpi_uart import BOOTCODE, Address, Has, Linked, Record, Started, parse_line
from hil.timeline.stages import ARMSTUB, BOARD_FIRMWARE, EEPROM, LINK, ROM_LEASE, Stage
from hil.timeline.timeline import Mark

_TIMED: Final = " \t.0123456789"


class RpiConsole:
    """Follows one boot's console: returns each mark once, and keeps what was said.

    Args:
        transcript: what the console says.
        after: the incarnation that was over when this boot began.
    """

    def __init__(self, transcript: Transcript, *, after: int) -> None:
        self.said = Said()
        self._transcript = transcript
        self._lines = Lines(transcript, after=after)
        self._reached: set[Stage] = set()

    def take(self) -> list[Mark]:
        """The marks in the lines that were completed since the last call."""
        marks = []
        for line in self._lines.take():
            record = parse_line(line.data) if line.complete else None
            if record is None:
                continue
            self._keep(record)
            stage = self._stage(record)
            if stage is not None and stage not in self._reached:
                self._reached.add(stage)
                marks.append(self._mark(stage, line))
        return marks

    def _keep(self, record: Record) -> None:
        if not isinstance(record, Started):
            self.said.take(record)
            return
        before, self.said = self.said, self.said.started(record)
        if self.said.starts > before.starts:
            self._reached.clear()

    def _stage(self, record: Record) -> Stage | None:
        """What a record begins: a BCM2837 has no EEPROM, and a file from a card is none of a network boot's."""
        if isinstance(record, Started):
            return None if record.program == BOOTCODE else EEPROM
        if isinstance(record, Linked):
            return LINK
        if isinstance(record, Address):
            return ROM_LEASE
        if isinstance(record, Has) and self.said.by_network:
            if is_board_firmware(record.file):
                return BOARD_FIRMWARE
            return ARMSTUB if is_armstub(record.file) else None
        return None

    def _mark(self, stage: Stage, line: Line) -> Mark:
        at = self._transcript.stamp_at(line.start + len(line.data) - 1)
        return Mark(stage.name, at, STAMP_ERROR_NS, "console", printable(line.data).strip().lstrip(_TIMED))
