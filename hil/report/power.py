"""The energy of one boot: as its record has it, read back from a record, and in words. Samples nothing.

A figure of the bench twin is simulated, and says so in each of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from hil.clock import NANOSECONDS, Deadline, now_ns
from hil.power.age import age_of, aged
from hil.power.energy import Energy, counted, integrate
from hil.power.meter import Resolution
from hil.power.sampler import Sampler
from hil.power.samples import Sample
from hil.report.reading import inner, number, text

READY: Final = "ready"
NOW: Final = "now"

_JOULES_IN_WH: Final = 3600.0
_CLOSING: Final = 1.0
_LOOKS_APART: Final = 4
"""Looks that may be late or lost until the time between two samples counts as a gap."""
_GRACE: Final = 1.0
_REASONS: Final = 3


@dataclass(frozen=True, slots=True)
class PowerRecord:
    """What `boot.json` has under "power".

    Args:
        meter: its name in the rig, or the twin's device.
        simulated: whether the figures are of the bench twin.
        resolution: of the meter.
        every_seconds: from look to look, s.
        age_seconds: how old a value may be when it is read, s; in the error.
        to: "ready", or "now": until the boot was settled, or this was written.
        seconds: from power-on to then, s.
        joules: of the time that was seen, J; None where nothing was.
        error_joules: how far off that may be, J (`hil.power.energy` says what it rests on); None as above.
        mean_watts: W, or None.
        peak_watts: W, or None.
        gap_seconds: s of the time that nobody saw.
        samples: good ones.
        counter_joules: what the meter's own counter says, J; None where it has none.
        note: what a reader should know besides, or "".
    """

    meter: str
    simulated: bool
    resolution: Resolution
    every_seconds: float
    age_seconds: float
    to: str
    seconds: float
    joules: float | None
    error_joules: float | None
    mean_watts: float | None
    peak_watts: float | None
    gap_seconds: float
    samples: int
    counter_joules: float | None = None
    note: str = ""

    @property
    def watt_hours(self) -> float | None:
        """The energy in Wh, or None."""
        return None if self.joules is None else self.joules / _JOULES_IN_WH

    def to_json(self) -> dict[str, object]:
        """The stable record; J, W and s to the thousandth, Wh to the millionth."""
        steps = self.resolution
        return {
            "meter": self.meter,
            "simulated": self.simulated,
            "resolution": {"volts": steps.volts, "amperes": steps.amperes, "watts": steps.watts},
            "every_seconds": self.every_seconds,
            "age_seconds": self.age_seconds,
            "to": self.to,
            "seconds": round(self.seconds, 3),
            "joules": _rounded(self.joules, 3),
            "error_joules": _rounded(self.error_joules, 3),
            "watt_hours": _rounded(self.watt_hours, 6),
            "mean_watts": _rounded(self.mean_watts, 3),
            "peak_watts": _rounded(self.peak_watts, 3),
            "gap_seconds": round(self.gap_seconds, 3),
            "samples": self.samples,
            "counter_joules": _rounded(self.counter_joules, 3),
            "note": self.note,
        }

    def amount(self) -> str:
        """The energy and its error alone, for a cell of a table; "" where it is not known."""
        if self.joules is None or self.error_joules is None:
            return ""
        return f"{self.joules:.1f} J ± {self.error_joules:.1f} J" + (" (simulated)" if self.simulated else "")

    def words(self) -> str:
        """All of it on one line, for a person."""
        source = f"{'simulated; ' if self.simulated else ''}{self.meter} every {self.every_seconds:g} s"
        until = "ready" if self.to == READY else "the end of the wait"
        if self.joules is None or self.error_joules is None:
            return f"not known: {self.note or 'no two readings follow each other'} ({source})"
        parts = [f"{self.joules:.1f} J ± {self.error_joules:.1f} J from power-on to {until}"]
        if self.gap_seconds >= 0.05:
            parts.append(f"{self.gap_seconds:.1f} s of {self.seconds:.1f} s not seen and not counted")
        if self.mean_watts is not None:
            parts.append(f"mean {self.mean_watts:.1f} W")
        if self.peak_watts is not None:
            parts.append(f"peak {self.peak_watts:.1f} W")
        return f"{', '.join(parts)} ({source})"

    @classmethod
    def read(cls, value: object) -> PowerRecord | None:
        """What a record says, which may be cut, edited or of another version; None where it says nothing of power."""
        found = inner(value)
        if not text(found.get("meter")):
            return None
        steps = inner(found.get("resolution"))
        return cls(
            meter=text(found["meter"]),
            # What does not say that it was measured is not shown as if it did.
            simulated=found.get("simulated") is not False,
            resolution=Resolution(
                number(steps.get("volts")), number(steps.get("amperes")), number(steps.get("watts"))
            ),
            every_seconds=_or_0(found, "every_seconds"),
            age_seconds=_or_0(found, "age_seconds"),
            to=READY if found.get("to") == READY else NOW,
            seconds=_or_0(found, "seconds"),
            joules=number(found.get("joules")),
            error_joules=number(found.get("error_joules")),
            mean_watts=number(found.get("mean_watts")),
            peak_watts=number(found.get("peak_watts")),
            gap_seconds=_or_0(found, "gap_seconds"),
            samples=int(_or_0(found, "samples")),
            counter_joules=number(found.get("counter_joules")),
            note=text(found.get("note")),
        )


@dataclass
class Metered:
    """A boot's meter, as its record asks it. Whoever made the sampler ends it.

    Args:
        sampler: begun before power-on, so that nothing of the boot is missed.
        name: of the meter, as the rig has it.
        simulated: whether it is the bench twin's.
    """

    sampler: Sampler
    name: str
    simulated: bool
    _settled: dict[tuple[int, int], PowerRecord] = field(default_factory=dict, repr=False)

    def record(self, start_ns: int, end_ns: int | None, *, ready: bool) -> PowerRecord:
        """The energy so far.

        Args:
            start_ns: power-on, ns of the one clock.
            end_ns: until when; None for now. The first reading that tells of later is waited for: half the age of the
                meter's values, and 1 s at most beyond that.
            ready: whether that end is the moment at which the machine was ready.
        """
        if end_ns is None:
            return self._of(start_ns, max(start_ns, now_ns()), NOW)
        key = (start_ns, end_ns)
        if key not in self._settled:
            half = age_of(self.sampler.meter) / 2
            self.sampler.wait_after(end_ns + round(half * NANOSECONDS), Deadline.after(half + _CLOSING))
            self._settled[key] = self._of(start_ns, max(start_ns, end_ns), READY if ready else NOW)
        return self._settled[key]

    def _of(self, start_ns: int, end_ns: int, to: str) -> PowerRecord:
        age = age_of(self.sampler.meter)
        raw = self.sampler.readings(start_ns, end_ns + round(age * NANOSECONDS))
        samples = [aged(sample, age) for sample in raw]
        resolution = self.sampler.meter.resolution
        longest = _LOOKS_APART * self.sampler.every + _GRACE
        energy = integrate(samples, start_ns, end_ns, resolution, longest=longest)
        known = energy.covered_seconds > 0
        counter = counted(samples, start_ns, end_ns)
        return PowerRecord(
            meter=self.name,
            simulated=self.simulated,
            resolution=resolution,
            every_seconds=self.sampler.every,
            age_seconds=age,
            to=to,
            seconds=(end_ns - start_ns) / NANOSECONDS,
            joules=energy.joules if known else None,
            error_joules=energy.error_joules if known else None,
            mean_watts=energy.mean_watts,
            peak_watts=energy.peak_watts,
            gap_seconds=energy.gap_seconds,
            samples=energy.samples,
            counter_joules=counter,
            note="; ".join(filter(None, (_gaps(samples), self.sampler.note, _steps(resolution, energy)))),
        )


def mixed(records: Sequence[PowerRecord | None]) -> str:
    """What has to be said where these figures stand side by side, or ""."""
    kinds = {record.simulated for record in records if record is not None and record.joules is not None}
    return (
        ""
        if len(kinds) < 2
        else "Energies marked as simulated are of the bench twin: they do not compare with the others."
    )


def _gaps(samples: Sequence[Sample]) -> str:
    """The reasons of looks that gave nothing, each with how often."""
    reasons = sorted(sample.gap for sample in samples if sample.gap)
    told = [f"{len(list(group))} x {reason}" for reason, group in groupby(reasons)]
    more = f" and {len(told) - _REASONS} more reasons" if len(told) > _REASONS else ""
    return f"looks without a reading: {', '.join(told[:_REASONS])}{more}" if told else ""


def _steps(resolution: Resolution, energy: Energy) -> str:
    if resolution == Resolution() and energy.samples:
        return "the meter's resolution is not documented and not in the error"
    return ""


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _or_0(found: Mapping[str, object], key: str) -> float:
    return max(0.0, number(found.get(key)) or 0.0)
