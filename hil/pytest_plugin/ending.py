"""How a session ends: status 4 after a wrong rig, marker or call, cleanly on SIGTERM, with a word on what was kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import pytest

from hil.interrupts import raising

KEPT = pytest.StashKey[list[str]]()
_WORKER_KEPT = "hil_kept"


class Terminated(KeyboardInterrupt):
    """SIGTERM, as an interruption: fixtures are torn down and pytest exits with status 2."""


@contextmanager
def terminating() -> Iterator[None]:
    """Within the block SIGTERM raises `Terminated`, and neither it nor Ctrl-C where that leaves a lock taken.

    SIGTERM left alone ends Python at once, and then no fixture is torn down (signal(7)). A signal that somebody
    else handles already stays theirs.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    found = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    if found[signal.SIGTERM] is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, raising(lambda: Terminated("SIGTERM")))
    if found[signal.SIGINT] is signal.default_int_handler:
        signal.signal(signal.SIGINT, raising(KeyboardInterrupt))
    try:
        yield
    finally:
        for number, handler in found.items():
            signal.signal(number, handler)


def pytest_configure(config: pytest.Config) -> None:
    """Follow this session to its end."""
    config.stash[KEPT] = []
    config.pluginmanager.register(Ending(config), "hil-ending")


def _obeyed(*_: object) -> None:
    """A handler for a signal that was heard before."""


class _Worker(Protocol):
    workeroutput: dict[str, object]


class Ending:
    """Follows one session, in a plain run, an xdist worker or its controller.

    Args:
        config: the session's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._usage = False

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Notice a wrong marker."""
        self._usage |= getattr(report, "hil_usage", False)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notice a wrong rig or call."""
        self._usage |= getattr(report, "hil_usage", False)

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Obey a SIGTERM once: a second, while pytest tells of the first, would end it with 1, as failed tests do.

        Ctrl-C still ends a teardown that hangs.
        """
        if isinstance(excinfo.value, Terminated) and callable(signal.getsignal(signal.SIGTERM)):
            # Not SIG_IGN, which programs that the teardown starts would inherit (signal(7)).
            signal.signal(signal.SIGTERM, _obeyed)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Set the exit status: where what the user wrote is wrong, no test's outcome says anything."""
        if self._usage:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        # Only an xdist worker has this; it is sent to the controller when all pytest_sessionfinish are done.
        output: dict[str, object] | None = getattr(self._config, "workeroutput", None)
        if output is not None:
            kept = self._config.stash[KEPT]
            output[_WORKER_KEPT] = "\n".join(kept)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was kept."""
        kept = self._config.stash[KEPT]
        if kept:
            terminalreporter.section("hil: kept")
            for line in kept:
                terminalreporter.write_line(line)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: _Worker) -> None:
        """Take over what an xdist worker kept."""
        said = getattr(node, "workeroutput", {}).get(_WORKER_KEPT, "")
        self._config.stash[KEPT].extend(str(said).splitlines())
