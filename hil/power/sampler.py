"""Looks at a meter over and over in the background, and writes down at once what it says. Judges nothing.

What goes wrong with the meter, its driver or the disk is told by the samples and by `note`, never raised: energy is an
observation beside a boot, and must not end one.
"""

from __future__ import annotations

import bisect
import math
import os
import threading
from collections import deque
from pathlib import Path
from typing import Final

from hil.clock import NANOSECONDS, Deadline, now_ns
from hil.errors import HilError
from hil.power.meter import Meter, Reading
from hil.power.samples import Sample, header, line
from hil.redaction import HIDDEN

_SPACING_NS: Final = 20_000_000
"""From look to look at least while somebody waits, so that a device that answers at once is not flooded."""
_KEPT: Final = 200_000
"""Samples that are kept in memory; power.csv has all."""


class Sampler:
    """Samples one meter from `begin` to `end`. Whoever made the meter closes it, after `end`.

    Args:
        meter: read by the sampler's thread alone as long as it runs.
        every: seconds from the beginning of a look to that of the next.
        path: of the file (power.csv), which must not exist yet.
        within: seconds that one look may take; `end` waits that long at most.
        simulated: whether the meter is the bench twin's; the file says so. None: not known.
    """

    def __init__(
        self, meter: Meter, every: float, path: Path, *, within: float = 5.0, simulated: bool | None = None
    ) -> None:
        self._meter = meter
        self._every = every
        self._within = within
        self._simulated = simulated
        self._file = _Growing(path)
        self._changed = threading.Condition()
        self._samples: deque[Sample] = deque(maxlen=_KEPT)
        self._wanted: list[int] = []
        self._over = False
        self._thread = threading.Thread(target=self._run, name=f"sampler {meter.name}", daemon=True)

    @property
    def meter(self) -> Meter:
        """What is sampled."""
        return self._meter

    @property
    def every(self) -> float:
        """Seconds from look to look."""
        return self._every

    @property
    def note(self) -> str:
        """Why the file does not have all samples, or ""."""
        return self._file.failed

    def begin(self) -> None:
        """Begin; once."""
        self._thread.start()

    def latest(self) -> Reading | None:
        """The last good reading, or None; it may be old where the meter has become silent."""
        with self._changed:
            return next((sample.reading for sample in reversed(self._samples) if sample.reading is not None), None)

    def wait_after(self, at_ns: int, deadline: Deadline) -> Reading | None:
        """Wait for the first good reading that began after a moment; the meter is asked for it as soon as that is.

        Args:
            at_ns: that moment, ns of the one clock.
            deadline: by when.

        Returns:
            None when there is none by the deadline, or the sampler has ended.
        """
        with self._changed:
            self._wanted.append(at_ns)
            self._changed.notify_all()
            try:
                while True:
                    found = self._first_after(at_ns)
                    if found is not None or self._over or deadline.expired:
                        return found
                    self._changed.wait(deadline.remaining())
            finally:
                self._wanted.remove(at_ns)

    def readings(self, since_ns: int, until_ns: int) -> list[Sample]:
        """The samples from one moment to another, and one more on each side, which `integrate` needs at the ends."""
        with self._changed:
            samples = sorted(self._samples, key=_at)
        first = bisect.bisect_left(samples, since_ns, key=_at)
        last = bisect.bisect_right(samples, until_ns, key=_at)
        return samples[max(0, first - 1) : last + 1]

    def end(self) -> None:
        """Stop; returns when the look that is under way is over. More than once does no harm."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(self._within + 1.0)
        self._file.close()

    def _first_after(self, at_ns: int) -> Reading | None:
        found = None
        for sample in reversed(self._samples):
            if sample.began_ns <= at_ns:
                break
            found = sample.reading or found
        return found

    def _run(self) -> None:
        while not self._over:
            began = now_ns()
            sample = self._look(began)
            self._file.append(line(sample, simulated=self._simulated))
            with self._changed:
                self._samples.append(sample)
                self._changed.notify_all()
            self._pause(began)

    def _look(self, began: int) -> Sample:
        try:
            reading = self._meter.read(deadline=Deadline.after(self._within))
            if _is_finite(reading):
                return Sample.good(reading)
            why = f"the meter says what is no number: {reading}"
        except HilError as error:
            why = error.message
        except Exception as error:  # noqa: BLE001 - a driver may be anybody's; its fault is a gap that says so
            why = f"the meter's driver failed: {error!r}"
        return Sample.failed(began, now_ns(), HIDDEN.redactor.text(why))

    def _pause(self, began: int) -> None:
        """Until the next look is due."""
        with self._changed:
            while not self._over:
                due = self._due(began)
                if due.expired:
                    return
                self._changed.wait(due.remaining())

    def _due(self, began: int) -> Deadline:
        """When the meter is looked at next: in its turn, or earlier where somebody waits for a later reading."""
        turn = began + round(self._every * NANOSECONDS)
        # Who has its reading and is not awake yet to say so waits no longer.
        wanted = [at_ns for at_ns in self._wanted if self._first_after(at_ns) is None]
        soonest = max(min(wanted) + 1, began + _SPACING_NS) if wanted else turn
        return Deadline(min(turn, soonest), self._every)


def _at(sample: Sample) -> int:
    return sample.at_ns


def _is_finite(reading: Reading) -> bool:
    values = (reading.volts, reading.amperes, reading.watts, reading.counter_wh)
    return all(math.isfinite(value) for value in values if value is not None)


class _Growing:
    """A file that grows by whole lines, each on its way to the kernel when `append` returns."""

    def __init__(self, path: Path) -> None:
        self.failed = ""
        self._path = path
        self._lock = threading.Lock()
        self._fd: int | None = None
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            self._fail(error)
        else:
            self.append(header())

    def append(self, text: str) -> None:
        """Write a line; after the first that cannot be written none is tried again."""
        data = text.encode()
        with self._lock:
            if self._fd is None:
                return
            try:
                written = os.write(self._fd, data)
                if written < len(data):
                    os.write(self._fd, data[written:])
            except OSError as error:
                self._fail(error)

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _fail(self, error: OSError) -> None:
        self.failed = f"{self._path.name} cannot be written any more: {error.strerror}"
        self._close()
