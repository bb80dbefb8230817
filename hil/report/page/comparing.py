"""Two boots side by side: how far apart each stage is, and what else differs. Judges neither of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from hil.report.power import PowerRecord, mixed
from hil.report.reading import Record, inner, number, objects, text

_Key = tuple[str, str, int]


def compared(one: Record, other: Record) -> dict[str, object]:
    """What a page shows between two boots.

    Args:
        one: of `hil.report.page.record.gathered`.
        other: the same of the other one; a difference is its time minus the first one's.
    """
    notes = [
        _simulated(text(one.get("simulated")), text(other.get("simulated"))),
        mixed([_power(one), _power(other)]),
    ]
    return {
        "note": " ".join(filter(None, notes)),
        "stages": _stages(objects(one.get("marks")), objects(other.get("marks"))),
        "facts": _facts(one, other),
    }


def _simulated(one: str, other: str) -> str:
    if bool(one) == bool(other):
        return ""
    which, what = ("first", one) if one else ("second", other)
    return f"The {which} boot was of a simulated machine ({what}), the other was not: their times do not compare."


def _power(boot: Record) -> PowerRecord | None:
    return PowerRecord.read(inner(boot.get("power")).get("record"))


def _stages(ones: Sequence[Record], others: Sequence[Record]) -> list[dict[str, object]]:
    """A row for each stage of a source: the times, their bounds, the difference and its bound, all in seconds."""
    first, second = _numbered(ones), _numbered(others)
    rows: list[dict[str, object]] = []
    for key in sorted({**first, **second}, key=lambda key: _of(first.get(key) or second[key], "seconds")):
        one, other = first.get(key), second.get(key)
        row: dict[str, object] = {"stage": key[0], "source": key[1], "nth": key[2], "one": one, "other": other}
        if one is not None and other is not None:
            apart = _of(other, "seconds") - _of(one, "seconds")
            bound = _of(one, "error") + _of(other, "error")
            row |= {"apart": round(apart, 6), "bound": round(bound, 6), "certain": abs(apart) > bound}
        rows.append(row)
    return rows


def _numbered(marks: Sequence[Record]) -> Mapping[_Key, Record]:
    """The marks by stage, source, and which of several it is, from 1."""
    seen: Counter[tuple[str, str]] = Counter()
    found: dict[_Key, Record] = {}
    for mark in marks:
        key = (text(mark.get("stage")), text(mark.get("source")))
        seen[key] += 1
        found[(*key, seen[key])] = mark
    return found


def _of(mark: Record, key: str) -> float:
    return number(mark.get(key)) or 0.0


def _facts(before: Record, after: Record) -> list[dict[str, object]]:
    """All that has one value a boot, in the order of the first: name, both values, whether they differ."""
    first, second = _values(before), _values(after)
    rows = ((name, first.get(name, ""), second.get(name, "")) for name in {**first, **second})
    return [{"name": name, "one": one, "other": other, "differs": one != other} for name, one, other in rows]


def _values(boot: Record) -> dict[str, str]:
    arguments = boot.get("arguments")
    power = _power(boot)
    values = {
        "verdict": text(boot.get("headline")),
        "image": text(boot.get("image")),
        "simulated": text(boot.get("simulated")),
        "energy": "" if power is None else power.words(),
    }
    for group in ("facts", "programs"):
        pairs = boot.get(group)
        values |= {text(name): text(value) for name, value in (pairs if isinstance(pairs, list) else [])}
    values |= {f"{text(asset.get('name'))} sha256": text(asset.get("sha256")) for asset in objects(boot.get("assets"))}
    if isinstance(arguments, dict):
        values["kernel arguments"] = text(arguments.get("words"))
    for condition in objects(boot.get("conditions")):
        held = {"true": "holds", "false": "does not hold"}.get(text(condition.get("truth")), "unknown")
        values[text(condition.get("name"))] = f"{held}: {text(condition.get('observed'))}"
    return {name: value for name, value in values.items() if value}
