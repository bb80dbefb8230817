"""Did-you-mean: the nearest of the words that would have been right. Knows no file and no model."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The one of `choices` that `word` most likely meant, or None; letter case does not count."""
    folded = {choice.casefold(): choice for choice in choices}
    found = difflib.get_close_matches(word.casefold()[:100], folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def did_you_mean(word: str, choices: Iterable[str], *, what: str) -> str:
    """A hint: the nearest choice if one is near, and otherwise all of them.

    Args:
        word: what was written.
        choices: what would have been right.
        what: what the choices are, for a person, in the plural ("keys here", "images of this rig").
    """
    known = sorted(choices)
    near = nearest(word, known)
    if near is not None:
        return f"did you mean {near!r}?"
    return f"{what}: {', '.join(known)}" if known else f"{what}: none"
