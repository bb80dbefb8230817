"""Plays a board that is a Raspberry Pi: its bootloader's process, then what that started, and again after each reset.

What it starts is a QEMU guest (its firmware came over the network) or a script (its eMMC was bootable). What the guest
says reaches the board's pins only where its config.txt put the PL011 there, which is the only UART that the guest has.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from hil.keeper.isolation import die_with_parent
from hil.sim.guest import GuestPlayer
from hil.sim.plan import Rom
from hil.sim.player import Stage
from hil.sim.rom.report import STATUS, Report
from hil.sim.rom.settings import Settings
from hil.sim.script import ScriptPlayer

_PIECE: Final = 1 << 16
_WORDS: Final = 1 << 16
_SHOWN: Final = 300
"""Characters of a failed bootloader's last words that are passed on."""


class RomPlayer:
    """A bootloader's process for each power-on and reset, then what it started; of one event loop.

    Args:
        plan: the commands of both.
        stage: what is around it.
        directory: the twin's, for the guest's sockets.
    """

    def __init__(self, plan: Rom, stage: Stage, directory: Path) -> None:
        self._argv = plan.argv
        self._settings = Settings.from_json(plan.settings)
        self._stage = stage
        self._guest = GuestPlayer(plan.guest, replace(stage, say=self._guest_says), directory, self.start)
        self._emmc = ScriptPlayer("emmc", stage)
        self._faults = set(self._settings.faults)
        self._session: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._starts = 0
        self.report: Report | None = None
        """How the last bootloader ended; None while one runs, or before the first."""

    def start(self) -> None:
        """Start the bootloader, when all that ran before has ended: two cannot have the same end of the segment."""
        self.report = None
        self._session = asyncio.create_task(self._play())

    def stop(self) -> None:
        """Kill whatever runs."""
        if self._session is not None and not self._session.cancelling():
            self._session.cancel()
        self._kill()
        self._guest.stop()
        self._emmc.stop()

    def typed(self, data: bytes) -> None:
        """To what the bootloader started; a bootloader hears nothing."""
        if self.report is None:
            return
        if self.report.outcome == "emmc":
            self._emmc.typed(data)
        elif self.report.pins == "pl011":
            self._guest.typed(data)

    def fault(self, name: str, *, on: bool) -> None:
        """Begin or end a fault of `hil.sim.rom.faults`: of the bootloader that runs, and of those to come."""
        (self._faults.add if on else self._faults.discard)(name)
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(f"{name} {'on' if on else 'off'}\n".encode())

    async def close(self) -> None:
        """Kill it, and wait for its end."""
        self.stop()
        if self._session is not None:
            await asyncio.gather(self._session, return_exceptions=True)
        async with self._turn:
            await self._guest.close()

    async def _play(self) -> None:
        async with self._turn:
            await self._guest.ended()
            while (report := await self._bootloader()).outcome == "reset":
                self._stage.tell(f"its bootloader resets it: {report.why}")
        self.report = report
        if report.outcome == "handed over":
            self._stage.tell(f"its bootloader starts {report.image}, UART on the pins: {report.pins}")
            self._guest.start()
        else:
            self._stage.tell(f"its bootloader: {report.why}")
            if report.outcome == "emmc":
                self._emmc.start()

    async def _bootloader(self) -> Report:
        """Run one to its end."""
        self._starts += 1
        told = frozenset(self._faults)
        settings = replace(
            self._settings, seed=self._settings.seed + self._starts, faults=tuple(sorted(told))
        ).to_json()
        process = self._process = await asyncio.create_subprocess_exec(
            *(word.replace("{settings}", settings) for word in self._argv),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=die_with_parent(),
            limit=_WORDS,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        for name in sorted(self._faults ^ told):  # that changed while the process was made
            self.fault(name, on=name in self._faults)
        try:
            words = asyncio.create_task(process.stderr.read())
            while data := await process.stdout.read(_PIECE):
                self._stage.say(data)
            return self._report(await process.wait(), await words)
        finally:
            self._kill()
            await process.wait()
            self._process = None

    def _report(self, status: int, words: bytes) -> Report:
        """How a bootloader ended, from its process's status and last words; its board says it where that is no end
        that a bootloader has, since it is a fault of the twin's."""
        lines = words.strip().splitlines() or [b""]
        if status in STATUS.values():
            with suppress(ValueError):
                return Report.from_json(lines[-1])
        ended = f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
        said = lines[-1].decode("utf-8", "replace")[:_SHOWN] or "it said nothing"
        report = Report("halted", f"the twin's bootloader has failed ({ended}): {said}")
        self._stage.say(f"bench twin: {report.why}\r\n".encode())
        return report

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    def _guest_says(self, data: bytes) -> None:
        if self.report is not None and self.report.pins == "pl011":
            self._stage.say(data)
