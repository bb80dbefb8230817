"""A table of conditions within pytest's own words on a failed assertion, line by line instead of cut and escaped.

pytest shows what `assert node.talos.ready()` came to by its repr, which it cuts to 240 characters on one line
(_pytest/_io/saferepr.py, _pytest/assertion/rewrite.py). This puts the whole table back in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from _pytest._code.code import ExceptionChainRepr, ExceptionRepr, ReprEntry

# saferepr keeps half of its 240 characters at either end.
_KEPT = 100


def spread(longrepr: ExceptionRepr, table: str) -> None:
    """Show the table where the representation has a cut form of it; changes it in place.

    Args:
        longrepr: of a failed test.
        table: what the repr of the asserted object is.
    """
    if not isinstance(longrepr, ExceptionChainRepr):
        return
    escaped = table.replace("\n", "\\n")
    ends = re.escape(escaped[:_KEPT]) + ".*?" + re.escape(escaped[-_KEPT:])
    cut = re.compile(f"{re.escape(escaped)}|{ends}")
    for trace, _, _ in longrepr.chain:
        for entry in trace.reprentries:
            if isinstance(entry, ReprEntry):
                entry.lines = list(_spread(entry.lines, cut, table.splitlines()))


def _spread(lines: Iterable[str], cut: re.Pattern[str], table: list[str]) -> Iterator[str]:
    shown = False
    for line in lines:
        found = cut.search(line)
        if found is None:
            yield line
        elif shown:
            yield line[: found.start()] + "(the above)" + line[found.end() :]
        else:
            shown = True
            head, *rows = table
            yield line[: found.start()] + head + line[found.end() :]
            yield from (f"E       {row}" for row in rows)
