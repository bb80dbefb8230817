"""A real shell on a pseudo terminal with echo, for a console: others may print in between, as a kernel does."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from support.wire import Wire

PROMPT = b"machine$ "


class TerminalShell(Wire):
    """A feed whose other end is an interactive shell.

    Args:
        argv: the shell.
        home: its working directory, and what its programs' PATH begins with.
    """

    def __init__(self, argv: Sequence[str], home: Path) -> None:
        super().__init__()
        self.on_output: Callable[[bytes], bytes] = lambda data: data
        self._speaking = threading.RLock()
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            # Whoever started the tests may ignore the terminal's signals, which a child would take over (nohup, "&").
            ["env", "--default-signal=INT,QUIT", "setsid", "--ctty", *argv],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=home,
            env={"PATH": f"{home}:{os.environ['PATH']}", "PS1": PROMPT.decode(), "TERM": "dumb", "HOME": str(home)},
        )
        os.close(slave)
        self._stop, self._stopper = os.pipe()
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        super().write(data)
        os.write(self._master, data)

    def says(self, data: bytes, stamp_ns: int | None = None) -> None:
        with self._speaking:
            super().says(data, stamp_ns)

    def end(self) -> None:
        """Kill the shell and let go of everything."""
        os.write(self._stopper, b"x")
        self._thread.join()
        self.process.kill()
        self.process.wait()
        self.hang_up()
        self.close()
        for descriptor in (self._stop, self._stopper, self._master):
            os.close(descriptor)

    def _pump(self) -> None:
        """What the terminal prints becomes what the machine says, changed by `on_output`."""
        while True:
            readable, _, _ = select.select([self._master, self._stop], [], [])
            if self._stop in readable:
                return
            try:
                data = os.read(self._master, 4096)
            except OSError:  # the shell has ended (EIO, pty(7))
                return
            # In one piece: what `on_output` let pass is said before anything that a test says from now on.
            with self._speaking:
                data = self.on_output(data)
                if data:
                    self.says(data)


class Kernel:
    """Prints lines of its own between any two bytes of others, as printk does.

    Args:
        seed: of what it prints where.
        lines: what it prints; each in one piece, as a console driver does (struct console, write).
        every: bytes of others between two of its lines, on average.
    """

    def __init__(self, seed: int, lines: Sequence[bytes], every: int) -> None:
        self._random = Random(seed)
        self._lines = lines
        self._every = every

    def __call__(self, data: bytes) -> bytes:
        said = bytearray()
        for byte in data:
            if self._random.randrange(self._every) == 0:
                said += self._random.choice(self._lines)
            said.append(byte)
        return bytes(said)


WITH_TIMES = (
    b"[    8.812345] usb 1-1: new high-speed USB device number 2\r\n",
    b"[12345.678901][  T123] > oops <0> =\r\n[12345.678902][  T123] second line\r\n",
)
"""Kernel lines as printed with printk.time=1, and with a caller's id (CONFIG_PRINTK_CALLER)."""

WITHOUT_TIMES = (b"virtio_net virtio0: link is up\r\n", b"deadbeef\r\n", b"\r\n>", b"<1 2 3>")
"""Lines that nothing sets apart from what a shell prints."""
