"""Where the `hil` program begins: before anything is open, Ctrl-C ends it without a word. The rest is `hil.cli`."""

from __future__ import annotations

import signal


def main() -> None:
    """The entry point: imports the command line, which takes a tenth of a second, and runs it."""
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeded:
        # Python's own handler would show a traceback through whatever is being imported.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from hil.cli import main as run
    from hil.interrupts import raising

    if heeded:
        signal.signal(signal.SIGINT, raising(KeyboardInterrupt))
    run()
