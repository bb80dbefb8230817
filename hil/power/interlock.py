"""What a power port is kept from, whoever asks: being on again too soon, and being switched on too often.

When it was switched is in a small file beside its lock file, for all benches and users of the host; whoever writes it
holds the lock. Moments are wall time, since they outlive every process. What is switched by hand is not seen here.
"""

from __future__ import annotations

import errno
import io
import json
import os
import stat
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from hil.clock import Deadline, hold, now_ns
from hil.config.power import PowerConfig
from hil.errors import InfrastructureError
from hil.power.port import PowerPort, PowerState
from hil.tools.progress import Progress, Step, quiet

_HOUR: Final = 3600.0
_LONGEST: Final = 1 << 18  # bytes; 3600 moments, the most that are kept, are a quarter of it
_OPEN: Final = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_WORTH_TELLING: Final = 0.5


@dataclass(frozen=True, slots=True)
class History:
    """When hil switched a port.

    Args:
        on: what it was switched to last; None where nothing is known.
        off_at: when it was switched off last, s since 1970; 0 for never.
        sure: whether that was acknowledged; if not, it may have been on for longer.
        ons: when it was switched on, s since 1970, in the last hour.
    """

    on: bool | None = None
    off_at: float = 0.0
    sure: bool = False
    ons: tuple[float, ...] = ()

    def allowed_at(self, now: float, cycles_per_hour: int) -> float | None:
        """When it may be switched on next as to its cycles, s since 1970; None for now."""
        ons = self.recent(now)
        return ons[-cycles_per_hour] + _HOUR if len(ons) >= cycles_per_hour else None

    def recent(self, now: float) -> tuple[float, ...]:
        """The moments of the last hour; those to come are of a clock that was put back, and count no more."""
        return tuple(at for at in self.ons if now - _HOUR < at <= now)

    def off_for_more(self, now: float, off_at_least: float) -> float:
        """Seconds that it must still be off; at most all of them, wherever the clock was put."""
        if self.on is not False:
            return 0.0
        return min(off_at_least, max(0.0, self.off_at + off_at_least - now))


def parse_history(data: bytes) -> History:
    """What a file of it says; one that makes no sense says nothing."""
    try:
        match json.loads(data):
            case {
                "on": bool() | None as on,
                "off_at": int() | float() as off_at,
                "sure": bool() as sure,
                "ons": list() as ons,
            }:
                return History(on, float(off_at), sure, tuple(sorted(float(at) for at in ons))[-3600:])
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass
    return History()


class Interlocked:
    """The protocol PowerPort, around another.

    Args:
        port: the port; closed with this.
        config: how long it stays off, and how often it may be switched on.
        history: its file; made when it is missing.
        progress: told of a wait.
        clock: s since 1970.
        wait: lets seconds pass.
    """

    def __init__(
        self,
        port: PowerPort,
        config: PowerConfig,
        history: Path,
        progress: Progress = quiet,
        clock: Callable[[], float] = time.time,
        wait: Callable[[float], None] = hold,
    ) -> None:
        self._port = port
        self._config = config
        self._path = history
        self._progress = progress
        self._clock = clock
        self._wait = wait
        self._told_ns = 0

    @property
    def name(self) -> str:
        """The port's."""
        return self._port.name

    @property
    def reads_back(self) -> bool:
        """Whether the port can tell its state."""
        return self._port.reads_back

    @property
    def told_ns(self) -> int:
        """When the port was last told to switch, ns of the one clock; a wait is over then. 0 before the first."""
        return self._told_ns

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        """Switch it when it may be.

        Raises:
            InfrastructureError: it was switched on too often, or must be off for longer than the deadline lets it.
            PortAbsent, PortSilent, PortGarbled, PortRefused: as the port has it.
        """
        known = self._known()
        if on:
            if known.on is not True:
                self._admit(known, deadline)
            return self._tell(True, deadline)
        if known.on is False and known.sure:
            return self._tell(False, deadline)
        # Noted before as well: who is killed in between has not left a port that looks off for long.
        self._note(replace(known, on=False, off_at=self._clock(), sure=False))
        state = self._tell(False, deadline)
        self._note(replace(known, on=False, off_at=self._clock(), sure=True))
        return state

    def read(self, *, deadline: Deadline) -> PowerState:
        """Ask the port."""
        return self._port.read(deadline=deadline)

    def close(self) -> None:
        """Let go of the port."""
        self._port.close()

    def _tell(self, on: bool, deadline: Deadline) -> PowerState:
        self._told_ns = now_ns()
        return self._port.switch(on, deadline=deadline)

    def _admit(self, known: History, deadline: Deadline) -> None:
        now, limit = self._clock(), self._config.cycles_per_hour
        allowed = known.allowed_at(now, limit)
        if allowed is not None:
            raise InfrastructureError(
                f"{self.name} was switched on {limit} times in an hour, which is all that its cycles_per_hour allows;"
                f" the next is allowed at {time.strftime('%H:%M:%S', time.localtime(allowed))},"
                f" in {allowed - now:.0f} s",
                hint="wait for that, or raise cycles_per_hour in the rig file if the board bears it",
            )
        more = known.off_for_more(now, self._config.off_at_least)
        remaining = deadline.remaining()
        if remaining is not None and more > remaining:
            raise InfrastructureError(
                f"{self.name} must be off for {more:.1f} s more (off_at_least {self._config.off_at_least:g} s), and"
                f" {remaining:.1f} s are left for switching it on",
                hint="try again, or lower off_at_least in the rig file if the board's capacitors are empty sooner",
            )
        if more > _WORTH_TELLING:
            self._progress(Step(f"{self.name}: stays off for {more:.1f} s more"))
        if more:
            self._wait(more)
        now = self._clock()
        # Noted before it is switched: a reply that is lost does not make it uncounted.
        self._note(replace(known, on=True, ons=(*known.recent(now), now)))

    def _known(self) -> History:
        with self._opened() as file:
            return parse_history(file.read(_LONGEST))

    def _note(self, history: History) -> None:
        # In place: a file in a folder with the sticky bit cannot be replaced by another user (unlink(2), EPERM).
        with self._opened() as file:
            file.truncate(0)
            file.write(json.dumps(asdict(history)).encode())

    def _opened(self) -> io.FileIO:
        try:
            return io.FileIO(_open(self._path), "r+")
        except OSError as error:
            raise InfrastructureError(
                f"when {self.name} was switched cannot be kept in {self._path}: {error.strerror or error}",
                hint=f"see who made {self._path}, and remove it; it is made anew",
            ) from error


def _open(path: Path) -> int:
    # Plain open first: O_CREAT on a file of another user in a sticky folder fails (fs.protected_regular, proc(5)).
    try:
        descriptor = os.open(path, _OPEN)
    except FileNotFoundError:
        descriptor = os.open(path, _OPEN | os.O_CREAT | os.O_EXCL, 0o644)
        os.fchmod(descriptor, 0o666)  # whatever the umask: the next user writes here
        return descriptor
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
        return descriptor
    os.close(descriptor)
    raise FileExistsError(errno.EEXIST, "it is no file of its own")
