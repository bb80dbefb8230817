"""The section of a power port of no kind in particular, which takes nothing for itself alone."""

from __future__ import annotations

from hil.config.power import PowerConfig
from hil.config.things import Thing


class PortConfig(PowerConfig):
    """Concrete."""

    def things(self) -> tuple[Thing, ...]:
        return ()
