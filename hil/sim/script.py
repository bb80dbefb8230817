"""A board without a guest: a canned boot text with its times, then a prompt that echoes. No real boot, and says so.

For tests of all that is around a board, which need nothing of what a kernel does, and for people who try relays out.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from hil.errors import UsageError
from hil.sim.player import Stage


@dataclass(frozen=True, slots=True)
class Text:
    """What a script says.

    Args:
        lines: seconds after its start, and what is said then.
        prompt: said after them, and after each line that is typed; "" for a board that hears nothing.
        every: seconds after which `again` is said, for ever; 0 for never.
        again: a line of its own.
    """

    lines: tuple[tuple[float, str], ...]
    prompt: str = ""
    every: float = 0.0
    again: str = ""


_LINUX: Final = (
    (0.05, "bench twin: this boot is a script, no guest runs"),
    (0.10, "[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x410fd083]"),
    (0.12, "[    0.000000] Linux version 6.1.0-twin (bench twin) SMP PREEMPT"),
    (0.15, "[    0.000000] Machine model: bench twin, scripted board"),
    (0.20, "[    0.052000] printk: console [ttyAMA0] enabled"),
    (0.30, "[    0.160000] Run /init as init process"),
    (0.40, "bench twin: script is at its prompt; poweroff and reboot are understood, all else is echoed"),
)
_EMMC: Final = (
    (0.05, "bench twin: what is in the eMMC is a script, no guest runs"),
    (0.10, "[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x410fd083]"),
    (0.12, "[    0.000000] Linux version 6.6.31-twin (bench twin) SMP PREEMPT"),
    (0.15, "[    0.000000] Machine model: bench twin, Raspberry Pi with a system in its eMMC"),
    (0.20, "[    0.000000] Kernel command line: console=ttyAMA0,115200 root=/dev/mmcblk0p2 rootwait"),
    (0.40, "[    2.210000] EXT4-fs (mmcblk0p2): mounted filesystem with ordered data mode"),
)
TEXTS: Final = {
    "linux": Text(_LINUX, prompt="/ # "),
    "chatty": Text(_LINUX, prompt="/ # ", every=0.2, again="bench twin: still here"),
    "emmc": Text(_EMMC, prompt="raspberrypi login: "),
    "silent": Text(()),
}
"""The scripts that there are, by name."""

_END: Final = "\r\n"
_PAUSE: Final = 0.01


class ScriptPlayer:
    """Plays a script; of one event loop.

    Args:
        name: of `TEXTS`.
        stage: what is around it.

    Raises:
        UsageError: there is no such script.
    """

    def __init__(self, name: str, stage: Stage) -> None:
        if name not in TEXTS:
            raise UsageError(f"the bench twin has no script {name!r}", hint=f"it has: {', '.join(TEXTS)}")
        self._text = TEXTS[name]
        self._stage = stage
        self._timers: list[asyncio.TimerHandle] = []
        self._line: bytearray | None = None

    def start(self) -> None:
        """Say the text from its beginning."""
        self.stop()
        for after, line in self._text.lines:
            self._later(after, line + _END)
        # Of two timers of one moment either may come first.
        last = (self._text.lines[-1][0] if self._text.lines else 0.0) + _PAUSE
        if self._text.prompt:
            self._timers.append(asyncio.get_running_loop().call_later(last, self._prompt))
        if self._text.every:
            self._timers.append(asyncio.get_running_loop().call_later(last + self._text.every, self._again))

    def stop(self) -> None:
        """Say nothing more."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._line = None

    def typed(self, data: bytes) -> None:
        """Echo, and at the end of a line do what it says."""
        for byte in data:
            if self._line is None:
                return
            if byte in b"\r\n":
                line = bytes(self._line).strip()
                self._line.clear()
                self._stage.say(_END.encode())
                self._entered(line)
            else:
                self._line.append(byte)
                self._stage.say(bytes([byte]))

    async def close(self) -> None:
        """As `stop`."""
        self.stop()

    def _entered(self, line: bytes) -> None:
        if line == b"poweroff":
            self.stop()
            self._stage.say(b"[    9.000000] reboot: Power down" + _END.encode())
            self._stage.halted()
        elif line == b"reboot":
            self._stage.say(b"[    9.000000] reboot: Restarting system" + _END.encode())
            self.start()
        else:
            self._stage.say(self._text.prompt.encode())

    def _prompt(self) -> None:
        self._line = bytearray()
        self._stage.say(self._text.prompt.encode())

    def _again(self) -> None:
        self._stage.say((self._text.again + _END).encode())
        self._timers[-1] = asyncio.get_running_loop().call_later(self._text.every, self._again)

    def _later(self, after: float, words: str) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(after, self._stage.say, words.encode()))
