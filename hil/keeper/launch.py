"""Starts a keeper's process: in the best isolation that this host allows, in a session of its own.

Tries one way after the other; a way that is refused hangs up before it answers. What is said to the keeper afterwards
is `hil.keeper.client`'s.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.clock import Deadline
from hil.errors import HilBug, InfrastructureError
from hil.keeper.isolation import Isolation, candidates
from hil.keeper.link import Link, LinkLost
from hil.keeper.protocol import STDERR_NAME
from hil.keeper.runtime import claim

_END_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Launched:
    """A keeper that has answered.

    Args:
        process: what was started: the keeper, or the unshare(1) that dies with it.
        link: the owner's connection.
    """

    process: subprocess.Popen[bytes]
    link: Link

    def kill(self) -> None:
        """End it and all that it holds, at once."""
        self.process.kill()

    def leave(self) -> None:
        """It goes on when we have gone: not ours to wait for."""
        self.process.returncode = 0

    def collect(self) -> None:
        """Wait for its end, which was asked for; not for ever."""
        try:
            self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()


def last_words(directory: Path) -> list[str]:
    """The last lines that a keeper wrote to its standard error."""
    try:
        text = (directory / STDERR_NAME).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    # util-linux 2.38 says this of a child that was killed; it means nothing.
    return [line for line in text.splitlines() if "sigprocmask unblock failed" not in line][-15:]


def launch(directory: Path, deadline: Deadline, ways: Sequence[Isolation] | None = None) -> Launched:
    """Start a keeper in a runtime folder and wait for its first answer.

    Args:
        directory: empty and private.
        deadline: for the answer.
        ways: the isolations to try; None for those that suit this user.

    Raises:
        InfrastructureError: no way works, or there is no answer by the deadline.
    """
    alive = claim(directory)
    try:
        for way in candidates() if ways is None else ways:
            launched = _try(directory, way, alive, deadline)
            if launched is not None:
                return launched
    finally:
        os.close(alive)
    raise InfrastructureError(
        "the keeper, which holds a bench's processes, does not start",
        hint="run `hil doctor`; if that finds nothing, report this",
        evidence=last_words(directory),
    )


def _try(directory: Path, way: Isolation, alive: int, deadline: Deadline) -> Launched | None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    own_process = os.pidfd_open(os.getpid())
    link = Link(ours)
    try:
        process = _spawn(directory, way, (theirs.fileno(), own_process, alive))
    except OSError as error:
        with (directory / STDERR_NAME).open("a", encoding="utf-8") as stderr:
            stderr.write(f"{way.name}: {error}\n")
        link.close()
        return None
    finally:
        theirs.close()
        os.close(own_process)
    try:
        link.ask("status", {}, deadline)
    except LinkLost:
        process.wait()
        link.close()
        return None
    except BaseException:
        process.kill()
        process.wait()
        link.close()
        raise
    return Launched(process, link)


def _spawn(directory: Path, way: Isolation, descriptors: Sequence[int]) -> subprocess.Popen[bytes]:
    if not sys.executable:
        raise HilBug("this Python does not know its own path", hint="run hil from a virtual environment")
    command = [*way.launcher, sys.executable, "-I", "-m", "hil.keeper", str(directory), way.name]
    with (directory / STDERR_NAME).open("ab") as stderr:
        return subprocess.Popen(
            [*command, *map(str, descriptors)],
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            pass_fds=tuple(descriptors),
            start_new_session=True,
        )
