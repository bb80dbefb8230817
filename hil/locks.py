"""One lock per thing that has one user at a time: flock(2) on a file, freed with its last holder.

The lock belongs to the open file description (flock(2)), so a child that inherits the descriptor holds it
too, and a kill -9 frees it. The kernel does not say who holds it: the file's content does, which stays when its
writer dies. This module decides nothing about what is locked, nor where lock files live.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pwd
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from hil.clock import Deadline, hold
from hil.errors import HilBug, InfrastructureError

_TIMED_OUT = 75  # EX_TEMPFAIL of sysexits(3); flock(1) itself never exits with it
_NAMES_ITSELF_WITHIN = 0.2  # s from flock(2) to the name in the file: two system calls, on a host that is busy
_LOOK_EVERY = 0.005
_LONGEST = 4096  # bytes of an owner that are read
_OPEN = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a lock.

    Args:
        pid: the process that took it.
        user: its user's name, or the number where there is no name.
        what: what it does with the locked thing, in words for a message.
        since: when it took it, in seconds since 1970; 0 where that is not known.
    """

    pid: int
    user: str
    what: str
    since: float = field(default=0.0, compare=False)

    def __str__(self) -> str:
        since = time.strftime(", since %Y-%m-%d %H:%M:%S", time.localtime(self.since)) if self.since else ""
        return f"process {self.pid} of user {self.user} ({self.what}{since})"


class Busy(InfrastructureError):
    """Another one holds the lock.

    Args:
        message: what is held.
        hint: what to do.
        holder: who, as far as it left its name.
    """

    def __init__(self, message: str, *, hint: str, holder: Owner | None) -> None:
        super().__init__(message, hint=hint)
        self.holder = holder


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


class Lock:
    """One lock; not held until `acquire`.

    Args:
        path: the lock file; made when it is missing, never removed (others may be waiting on it).
        what: what this holder does, for the message that others get.
        pid: the number to give out for this holder, where getpid() is not its own (the lock goes to another process).
        shared: whether users of this host other than ours take it too.
    """

    def __init__(self, path: Path, *, what: str, pid: int | None = None, shared: bool = False) -> None:
        self.path = path
        self.what = what
        self._pid = pid
        self._shared = shared
        self._fd: int | None = None
        self._left_by: Owner | None = None

    @classmethod
    def taken_over(cls, path: Path, descriptor: int) -> Self:
        """The lock that another process took and handed to this one, with `give`.

        Args:
            path: its file.
            descriptor: of that file; owned from here.
        """
        lock = cls(path, what="")
        lock._fd = descriptor
        return lock

    def give(self) -> int:
        """The descriptor, with which the lock goes to another process; whoever calls this closes it here.

        Raises:
            HilBug: the lock is not held.
        """
        descriptor = self.fileno()
        self._fd = None
        return descriptor

    def owner(self) -> Owner | None:
        """Who holds the lock, or held it last and died; None when nobody is written down."""
        try:
            with self.path.open("rb") as file:
                fields = json.loads(file.read(_LONGEST))
            since = float(fields.get("since", 0.0))
            return Owner(int(fields["pid"]), str(fields["user"]), str(fields["what"]), since)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            return None

    @property
    def left_by(self) -> Owner | None:
        """The former holder when it died with the lock: the thing may be in any state."""
        return self._left_by

    def fileno(self) -> int:
        """The descriptor, for a child that is to share the lock.

        Raises:
            HilBug: the lock is not held.
        """
        if self._fd is None:
            raise HilBug(f"the lock {self.path} is not held", hint="report this with the lines above")
        return self._fd

    def acquire(self, deadline: Deadline) -> Self:
        """Take the lock, waiting until the deadline.

        The wait is the kernel's: flock(1) blocks on our own descriptor, with which the lock stays.

        Raises:
            Busy: another one holds it at the deadline.
            InfrastructureError: the lock file cannot be used.
            HilBug: this object holds it already.
        """
        if self._fd is not None:
            raise HilBug(f"the lock {self.path} is taken twice", hint="report this with the lines above")
        try:
            fd = self._open()
            try:
                if not self._try(fd) and not self._wait(fd, deadline):
                    raise self._busy(deadline)
                self._left_by = self.owner()
                self._write_owner(fd)
            except BaseException:
                os.close(fd)
                raise
        except OSError as error:
            raise InfrastructureError(
                f"the lock file {self.path} cannot be used: {error.strerror or error}",
                hint=f"make {self.path.parent} a folder that this user can write to",
            ) from error
        self._fd = fd
        return self

    def release(self) -> None:
        """Let go; nothing happens when it is not held. A child with the descriptor still holds it."""
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        try:
            os.truncate(fd, 0)
        finally:
            os.close(fd)

    @contextmanager
    def held(self, deadline: Deadline) -> Iterator[Self]:
        """The lock for the length of a `with` block; errors as in `acquire`."""
        self.acquire(deadline)
        try:
            yield self
        finally:
            self.release()

    def _open(self) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Plain open first: O_CREAT on a file of another user in a sticky folder fails (fs.protected_regular, proc(5)).
        try:
            return self._checked(os.open(self.path, _OPEN))
        except FileNotFoundError:
            pass
        try:
            fd = os.open(self.path, _OPEN | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            return self._checked(os.open(self.path, _OPEN))
        if self._shared:
            os.fchmod(fd, 0o666)  # whatever the umask: the next user writes its name here
        return fd

    def _checked(self, fd: int) -> int:
        """A file in a folder of all users may be a trap: a link or a device of somebody's, which would be emptied."""
        found = os.fstat(fd)
        if stat.S_ISREG(found.st_mode) and (found.st_nlink == 1 or not self._shared):
            return fd
        os.close(fd)
        raise FileExistsError(errno.EEXIST, "it is no file of its own")

    @staticmethod
    def _try(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _wait(self, fd: int, deadline: Deadline) -> bool:
        remaining = deadline.remaining()
        if remaining == 0.0:
            return False
        limit = [] if remaining is None else ["--timeout", f"{remaining:.3f}"]
        command = ["flock", "--exclusive", "--conflict-exit-code", str(_TIMED_OUT), *limit, str(fd)]
        try:
            done = subprocess.run(command, pass_fds=(fd,), stdin=subprocess.DEVNULL, capture_output=True, check=False)
        except FileNotFoundError as error:
            raise InfrastructureError(
                "the program flock, which waits for a lock, is not installed",
                hint="install the package util-linux",
            ) from error
        if done.returncode not in (0, _TIMED_OUT):
            raise InfrastructureError(
                f"waiting for the lock {self.path} failed",
                hint=f"see whether {self.path.parent} is on a file system that has flock(2)",
                evidence=[done.stderr.decode(errors="replace").strip()],
            )
        return done.returncode == 0

    def _busy(self, deadline: Deadline) -> Busy:
        holder = self._named_by_now()
        return Busy(
            f"{self.path} is in use by {holder or 'a process that left no name'}; waited {deadline}",
            hint="wait until it is done, or end that process" if holder else f"see who holds it: lsof {self.path}",
            holder=holder,
        )

    def _named_by_now(self) -> Owner | None:
        """Who holds it; one that took it a moment ago has still to write its name."""
        soon = Deadline.after(_NAMES_ITSELF_WITHIN)
        while (holder := self.owner()) is None and not soon.expired:
            hold(_LOOK_EVERY)
        return holder

    def _write_owner(self, fd: int) -> None:
        owner = Owner(os.getpid() if self._pid is None else self._pid, _user_name(), self.what, time.time())
        os.truncate(fd, 0)
        os.pwrite(fd, json.dumps(asdict(owner)).encode() + b"\n", 0)
