"""A timeline as text: a table with bars, for terminals, failing tests and job summaries. No colours, no terminal."""

from __future__ import annotations

from hil.clock import NANOSECONDS
from hil.timeline.sights import BESIDE, agree
from hil.timeline.timeline import Mark, Timeline

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_EVIDENCE = 60
_NAME = 15


def bar(start: float, length: float, total: float, width: int) -> str:
    """A bar of `length` seconds that begins `start` seconds into `total`, drawn in at most `width` cells."""
    scale = width / total if total > 0 else 0.0
    lead = int(start * scale)
    eighths = max(1, round(length * scale * 8))
    full, rest = divmod(min(eighths, (width - lead) * 8), 8)
    return " " * lead + "█" * full + (_EIGHTHS[rest] if rest else "")


def table(timeline: Timeline, *, width: int = 32) -> str:
    """One row a mark: stage, seconds from power-on, seconds since the row above, a bar of that time, source, evidence.

    Where packets or dnsmasq say the same as another source, within what both may err and a second, it is one row that
    also says how much later they have it; where they do not, both have a row.

    Args:
        timeline: whose marks.
        width: cells of the bars' column.
    """
    marks, agreed = _folded(list(timeline))
    if not marks:
        return "(no marks yet)"
    total = max(timeline.since_power(marks[-1]), 1e-9)
    names = max(_NAME, *(len(mark.stage) for mark in marks))
    rows = [f"{'stage':<{names}} {'at':>8} {'took':>8}  {'':<{width}}  {'source':<8} evidence"]
    before = 0.0
    for mark in marks:
        at = timeline.since_power(mark)
        drawn = bar(before, at - before, total, width)
        rows.append(
            f"{mark.stage:<{names}} {at:>7.3f}s {at - before:>7.3f}s  {drawn:<{width}}  {mark.source:<8}"
            f" {_short(mark.evidence)}{_later(mark, agreed.get(id(mark), []))}"
        )
        before = at
    return "\n".join(row.rstrip() for row in rows)


def _folded(marks: list[Mark]) -> tuple[list[Mark], dict[int, list[Mark]]]:
    """The marks that have a row, and the other sources' marks that agree with one of them by that one's identity.

    Of the sources that stand beside others, the first that is alone has the row.
    """
    agreed: dict[int, list[Mark]] = {}
    rows = [mark for mark in marks if mark.source not in BESIDE]
    for source in BESIDE:
        free, alone = list(rows), []
        for mark in marks:
            if mark.source != source:
                continue
            same = [row for row in free if row.stage == mark.stage and agree(row, mark)]
            if same:
                nearest = min(same, key=lambda row: abs(row.at_ns - mark.at_ns))
                free = [row for row in free if row is not nearest]
                agreed.setdefault(id(nearest), []).append(mark)
            else:
                alone.append(mark)
        rows += alone
    return sorted(rows, key=lambda mark: mark.at_ns), agreed


def _later(mark: Mark, agreeing: list[Mark]) -> str:
    # Less than half a millisecond earlier is no "-0.000".
    later = (f"{one.source}: {round((one.at_ns - mark.at_ns) / NANOSECONDS, 3) + 0.0:+.3f}s" for one in agreeing)
    return f" ({', '.join(later)})" if agreeing else ""


def line(seconds: float, mark: Mark) -> str:
    """One mark as one plain line, for progress.

    Args:
        seconds: from power-on to the mark.
        mark: which.
    """
    return f"[{seconds:8.3f}s] {mark.stage:<{_NAME}} {_short(mark.evidence)}"


def _short(evidence: str) -> str:
    return evidence if len(evidence) <= _EVIDENCE else evidence[: _EVIDENCE - 1] + "…"
