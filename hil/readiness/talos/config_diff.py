"""What Matchbox serves to a node against what Talos has applied, as a difference to show. Pure: fetches nothing.

No secret is in it: of a key, a certificate, a token, a password or a variable of an environment it says only
whether it is the same on both sides.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from hil.readiness.talos.config_secrets import secret_of_key, secret_part
from hil.readiness.talos.config_text import Leaf, shown

AS_SERVED: Final = "(secret, as served)"
OTHER: Final = "(secret, another than served)"
NONE_SERVED: Final = "(secret, none is served)"
SERVED: Final = "(secret)"

_CONTEXT: Final = 2


@dataclass(frozen=True, slots=True, repr=False)
class ConfigDiff:
    """The difference between two machine configurations; true when there is one: `assert not diff, str(diff)`.

    Args:
        served: where the one comes from, as "http://10.0.2.100:8080/generic".
        applied: who has the other, as "node1".
        lines: the difference in the form of diff -u: each line is a value with its full path, the order of documents
            and keys is the alphabet's; () when there is none.
    """

    served: str
    applied: str
    lines: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether both say the same."""
        return not self.lines

    def __bool__(self) -> bool:
        return not self.same

    def __repr__(self) -> str:
        return "\n".join(self.lines) or f"{self.applied} has applied what is served at {self.served}"

    __str__ = __repr__


def difference(served: list[Leaf], applied: list[Leaf], *, where: str, node: str) -> ConfigDiff:
    """Compare what is served with what is applied.

    Args:
        served: the leaves of what Matchbox serves.
        applied: the leaves of what Talos uses.
        where: the URL of the first, without a query that holds secrets.
        node: who has the second.

    Returns:
        lines that are there exactly when the two are not the same but for comments, formatting, and the order of keys
        and documents.
    """
    keys = _hidden_keys((*served, *applied))
    before, after = _Value.of(served, keys), _Value.of(applied, keys)
    there = {value.key: value.secret for value in before}
    used = {value.key: value.secret for value in after}
    old = [value.line(AS_SERVED if used.get(value.key) == value.secret else SERVED) for value in before]
    new = [value.line(_mark(value, there)) for value in after]
    head = (f"served at {where}", f"applied on {node}")
    return ConfigDiff(where, node, tuple(difflib.unified_diff(old, new, *head, n=_CONTEXT, lineterm="")))


@dataclass(frozen=True, slots=True)
class _Value:
    """One leaf as it is shown.

    Args:
        start: its line, up to what is secret.
        key: what tells its secret from the others of its side.
        secret: what may not be shown, or None.
    """

    start: str
    key: Hashable
    secret: str | None = field(repr=False)

    @classmethod
    def of(cls, leaves: Iterable[Leaf], hidden: Mapping[str, str]) -> list[_Value]:
        """The leaves of one side. A secret with a name is known by it, wherever it stands in its list.

        Args:
            leaves: of that side.
            hidden: what is shown in place of a key.
        """
        found = []
        seen: Counter[Hashable] = Counter()
        for leaf in leaves:
            part = secret_part(leaf)
            path = tuple(hidden.get(step, step) if isinstance(step, str) else step for step in leaf.path)
            place = replace(leaf, path=path).place
            if part is None:
                found.append(cls(f"{place}: {leaf.text if leaf.empty else shown(leaf.text)}", None, None))
                continue
            name, secret = part
            key = (leaf.document, leaf.path[:-1], name) if name else (leaf.document, leaf.path)
            found.append(cls(f"{place}: {name}", (*key, seen[key]), secret))
            seen[key] += 1
        return found

    def line(self, mark: str) -> str:
        """It, with a mark for what is secret."""
        return self.start if self.secret is None else f"{self.start}{mark}"


def _hidden_keys(leaves: Iterable[Leaf]) -> dict[str, str]:
    """What is shown in place of each key of both sides that has a secret in it; another one for another key."""
    steps = dict.fromkeys(step for leaf in leaves for step in leaf.path if isinstance(step, str))
    hidden: dict[str, str] = {}
    for step in steps:
        part = secret_of_key(step)
        if part is not None:
            hidden[step] = f"{part[0]}(secret {len(hidden) + 1})"
    return hidden


def _mark(value: _Value, served: Mapping[Hashable, str | None]) -> str:
    """What is said of a secret that Talos uses."""
    if value.key not in served:
        return NONE_SERVED
    return AS_SERVED if served[value.key] == value.secret else OTHER
