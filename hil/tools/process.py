"""Runs one helper program to its end, or ends it when its owner is interrupted; no service of a bench."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hil.clock import Deadline
from hil.errors import InfrastructureError

_LAST_LINES = 15
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that has ended.

    Args:
        argv: what was run.
        code: its exit code; negative for a signal.
        output: all of its standard output and standard error, in order.
    """

    argv: tuple[str, ...]
    code: int
    output: str

    def last_lines(self) -> list[str]:
        """The end of its output, for evidence."""
        return [line for line in self.output.splitlines() if line.strip()][-_LAST_LINES:]


def run(
    argv: Sequence[str | Path],
    *,
    deadline: Deadline,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    on_status: Callable[[str], None] | None = None,
    hint: str = "install it",
) -> Finished:
    """Run a program in a process group of its own and wait for its end.

    Args:
        argv: the program and its arguments.
        deadline: when it must have ended.
        cwd: its working folder.
        env: its whole environment; None for ours.
        on_status: gets each line written to the descriptor whose number stands for "{status}" in argv.
        hint: what to do when the program is not there.

    Raises:
        InfrastructureError: it is not there, or has not ended at the deadline (its whole group is killed).
    """
    read_end, write_end = os.pipe()
    words = [str(item).replace("{status}", str(write_end)) for item in argv]
    with os.fdopen(read_end, "rb", buffering=0) as status, tempfile.TemporaryFile() as output:
        # An interrupt between the start and the `try` would leave a program that nobody ends. The program
        # inherits the mask (subprocess has no way to reset it); it does not matter to it, as its group is
        # ended by SIGKILL.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
        try:
            child = _start(words, cwd, env, output.fileno(), write_end, hint)
        except BaseException:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            raise
        finally:
            os.close(write_end)
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            _wait(child, status.fileno(), deadline, on_status or (lambda line: None))
        finally:
            _kill_group(child)
        output.seek(0)
        return Finished(tuple(words), child.returncode, output.read().decode(errors="replace"))


def _start(
    words: Sequence[str],
    cwd: Path | None,
    env: Mapping[str, str] | None,
    output: int,
    status: int,
    hint: str,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            words,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(status,),
            start_new_session=True,
        )
    except OSError as error:
        raise InfrastructureError(f"the program {words[0]} cannot be started: {error.strerror}", hint=hint) from error


def _wait(child: subprocess.Popen[bytes], status: int, deadline: Deadline, on_status: Callable[[str], None]) -> None:
    """Hand on the status lines until the program itself ends; its children may hold the pipe for longer."""
    name = str(child.args[0]) if isinstance(child.args, list) else str(child.args)
    pending = b""
    ended = os.pidfd_open(child.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(ended, selectors.EVENT_READ)
            selector.register(status, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select(deadline.remaining())}
                if not ready:
                    raise _too_slow(name, deadline)
                if status in ready:
                    data = os.read(status, 65536)
                    if not data:
                        selector.unregister(status)
                    *lines, pending = (pending + data).split(b"\n")
                    for line in lines:
                        on_status(line.decode(errors="replace"))
                elif ended in ready:
                    child.wait()
                    return
    finally:
        os.close(ended)


def _too_slow(name: str, deadline: Deadline) -> InfrastructureError:
    return InfrastructureError(
        f"{name} had not ended after {deadline}; it was killed",
        hint="see whether the machine is overloaded or its network stalls, then try again",
    )


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
