"""What may be anything, as what it should be: values of records that were cut, edited or are of another version."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

Record = Mapping[str, object]


def load(path: Path) -> tuple[Record, str]:
    """A JSON object of a file, and why there is none ("" where there is).

    Args:
        path: of the file.
    """
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}, f"{path.name} is missing"
    except OSError as error:
        return {}, f"{path.name} cannot be read: {error.strerror}"
    except (ValueError, RecursionError) as problem:
        return {}, f"{path.name} is no whole JSON document ({problem})"
    return (value, "") if isinstance(value, dict) else ({}, f"{path.name} holds no object")


def text(value: object) -> str:
    """A string as it is, a number as digits, and "" for all else."""
    if isinstance(value, str):
        return value
    return "" if isinstance(value, bool) or number(value) is None else str(value)


def number(value: object) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def inner(value: object) -> Record:
    """An object as it is, and an empty one for all else."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[Record]:
    """The objects of a list; of all else none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts(value: object) -> list[str]:
    """The strings of a list; of all else none."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
