"""How old a meter's value may be when it is read. A driver that knows says it; of the others a second is assumed.

A plug measures on its own time and answers with what it saw last: of the usual ones the makers document no rate, and
about one look a second is seen. What a value tells of is then any moment of that second.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Protocol, runtime_checkable

from hil.clock import NANOSECONDS
from hil.power.meter import Meter
from hil.power.samples import Sample

ASSUMED: Final = 1.0
"""Seconds, where a driver says nothing."""


@runtime_checkable
class KnownAge(Protocol):
    """A meter whose driver knows how old its values may be, beyond what the stamps of its readings have already."""

    @property
    def age(self) -> float:
        """Seconds."""
        ...


def age_of(meter: Meter) -> float:
    """Seconds that a value of a meter may be older than its stamp says."""
    return meter.age if isinstance(meter, KnownAge) else ASSUMED


def aged(sample: Sample, age: float) -> Sample:
    """A sample whose stamp has that age in it: in the middle of all moments that its value may be of.

    Args:
        sample: as the sampler has it.
        age: seconds.
    """
    half = round(age * NANOSECONDS / 2)
    at_ns, error_ns = sample.at_ns - half, sample.error_ns + half
    reading = None if sample.reading is None else replace(sample.reading, at_ns=at_ns, error_ns=error_ns)
    return Sample(at_ns, error_ns, reading, sample.gap)
