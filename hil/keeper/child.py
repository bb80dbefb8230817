"""A child process of the keeper: its output goes into a stream, its end is noticed, its group is ended with it.

What is said about it in `/proc` is read in `hil.keeper.sockets`; in which order children end is the server's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hil.console.stream import MAX_CHUNK
from hil.errors import InfrastructureError
from hil.keeper.loop import Loop
from hil.keeper.stream import Stream


@dataclass(frozen=True, slots=True)
class Command:
    """What to run.

    Args:
        argv: program and arguments.
        cwd: where; None for the keeper's folder.
        env: its whole environment; None for the keeper's.
        stop_order: children with a lower number are ended earlier.
        kill: whether it is ended by SIGKILL at once.
    """

    argv: Sequence[str]
    cwd: str | None
    env: Mapping[str, str] | None
    stop_order: int
    kill: bool


def find_program(name: str, env: Mapping[str, str]) -> str:
    """The path of a program, as execvp(3) would find it.

    Raises:
        InfrastructureError: there is none that may be run.
    """
    folders = [""] if "/" in name else env.get("PATH", os.defpath).split(os.pathsep)
    for folder in folders:
        path = os.path.join(folder, name)  # noqa: PTH118 - Path would drop a leading "./"
        if os.access(path, os.X_OK) and not os.path.isdir(path):  # noqa: PTH112 - as above
            return path
    raise InfrastructureError(
        f"the program {name} was not found" + ("" if "/" in name else " in any folder of PATH"),
        hint="`hil doctor` shows which programs are missing and how to get them",
    )


class Child:
    """One running or ended child.

    Args:
        loop: reads its output.
        stream: where its output goes.
        command: what to run.
        before_exec: called in the child before it becomes the program, or None.
        descriptors: what it inherits, at the same numbers.

    Raises:
        InfrastructureError: it cannot be started.
    """

    def __init__(
        self,
        loop: Loop,
        stream: Stream,
        command: Command,
        before_exec: Callable[[], None] | None,
        descriptors: Sequence[int],
    ) -> None:
        self.command = command
        self._loop = loop
        self._stream = stream
        env = dict(os.environ if command.env is None else command.env)
        argv = [find_program(command.argv[0], env), *command.argv[1:]]
        self._output, theirs = os.pipe2(os.O_CLOEXEC)
        try:
            os.set_blocking(self._output, False)
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                cwd=command.cwd,
                env=env,
                pass_fds=tuple(descriptors),
                start_new_session=True,
                preexec_fn=before_exec,
            )
        except OSError as error:
            os.close(self._output)
            raise InfrastructureError(
                f"{command.argv[0]} cannot be started: {error.filename}: {error.strerror}",
                hint="see that its folder exists and that it is a program for this machine",
            ) from error
        finally:
            os.close(theirs)
        stream.begin(None)
        loop.watch(self._output, read=self._readable_now)

    @property
    def pid(self) -> int:
        """Its process, as the keeper numbers it."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Exit status, negative for a signal; None while it runs."""
        return self._process.returncode

    def reap(self) -> None:
        """It has ended: take its exit status and what it said last."""
        # What it left in its group (a shell's background job) goes too; the number is ours until we reap it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        while self._output >= 0 and self._read_some():
            pass
        self._close_output()
        self._stream.end()

    def signal(self, number: int, *, group: bool = False) -> None:
        """Send a signal to it, or to all of its group; nothing when it has ended."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if group else os.kill)(self.pid, number)

    def status(self) -> dict[str, object]:
        """What `Keeper.status` says of it: never its arguments, which may hold secrets."""
        return {
            "program": self.command.argv[0],
            "pid": self.pid,
            "exit_status": self.returncode,
            "stop_order": self.command.stop_order,
        }

    def _readable_now(self) -> None:
        self._read_some()

    def _read_some(self) -> bool:
        try:
            data = os.read(self._output, MAX_CHUNK)
        except BlockingIOError:
            return False
        if data:
            self._stream.arrived(data)
            return True
        self._close_output()
        return False

    def _close_output(self) -> None:
        descriptor, self._output = self._output, -1
        if descriptor >= 0:
            self._loop.watch(descriptor)
            os.close(descriptor)
