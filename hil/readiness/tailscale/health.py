"""Whether tailscaled on the node complains: by the count of /metrics, and by its log, which says of what. Pure.

The count is exact and has no words; where TS_ENABLE_METRICS is not set there is none. The log has the words, and may
have gaps. So a count of none settles it; else the log tells; and where it cannot, a count of some is a complaint.
"""

from __future__ import annotations

from typing import Final

from hil.readiness.condition import Condition
from hil.readiness.rounds import Missing
from hil.readiness.tailscale.facts import Dated, Facts
from hil.readiness.tailscale.log import Said
from hil.readiness.tailscale.verdict import known, unknown

_NAME: Final = "tailscale.health"
_NONE: Final = "no complaint"
_LOG: Final = "log"
_METRICS: Final = "metrics"
_EMPTY: Final = Missing("its log is empty")


def health(facts: Facts) -> Condition:
    """The condition that it complains of nothing that matters.

    Args:
        facts: what was found.
    """
    counted = facts.fresh(facts.seen.healthz)
    count, counted_ns = (None, 0) if isinstance(counted, Missing) else (counted[0].complaints, counted[1])
    if count == 0:
        return known(_NAME, _NONE, _NONE, _METRICS, counted_ns, holds=True)
    log = _sound_log(facts)
    if not isinstance(log, Missing):
        said, at_ns = log
        words = "; ".join(f"{code}: {text}" for code, text in said.complaints.items())
        return known(_NAME, _NONE, words or _NONE, _LOG, at_ns, holds=not said.complaints)
    if count is not None and log is not _EMPTY:
        words = f"{count} complaints; its log does not tell which"
        return known(_NAME, _NONE, words, _METRICS, counted_ns, holds=False)
    return unknown(_NAME, _NONE, log, _LOG)


def _sound_log(facts: Facts) -> Dated[Said] | Missing:
    """A log that tells whether there is a complaint, or why it does not."""
    log = facts.fresh(facts.seen.log)
    if isinstance(log, Missing):
        return log
    if not log[0].lines:
        return _EMPTY
    if log[0].gaps:
        hint = "set TS_ENABLE_METRICS=true in the ExtensionServiceConfig tailscale"
        return Missing("tailscaled left lines on its health out of its log", hint)
    return log
