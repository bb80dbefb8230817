"""A real shell on a pseudo terminal with echo, for a console: others may print in between, as a kernel does."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from support.wire import Wire

PROMPT = b"machine$ "


class TerminalShell(Wire):
    """A feed whose other end is an interactive shell.

    Args:
        argv: the shell.
        home: its working directory.
    """

    def __init__(self, argv: Sequence[str], home: Path) -> None:
        super().__init__()
        self.on_output: Callable[[bytes], bytes] = lambda data: data
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *argv],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=home,
            env={"PATH": os.environ["PATH"], "PS1": PROMPT.decode(), "TERM": "dumb", "HOME": str(home)},
        )
        os.close(slave)
        self._stop, self._stopper = os.pipe()
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        super().write(data)
        os.write(self._master, data)

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
            self.says(self.on_output(data))
