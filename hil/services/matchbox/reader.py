"""Reads a Matchbox data directory into groups and profiles, as Matchbox v0.11.0 reads it.

The tree is someone's own and is not trusted: a file that Matchbox would skip with no more than a line in
its log is a problem with its place here. Source: matchbox/storage/filestore.go and storagepb at v0.11.0.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NoReturn

from hil.errors import ConfigError, Problem
from hil.services.matchbox.json_place import find_key
from hil.services.matchbox.tree import Group, Profile, Tree, normal_mac

_LARGEST: Final = 4 << 20


def read_tree(data: Path) -> Tree:
    """The tree in a data directory; one without groups or profiles is empty, as it is for Matchbox.

    Args:
        data: what Matchbox is given as -data-path.

    Raises:
        ConfigError: files that Matchbox would skip; every one of them.
    """
    problems: list[Problem] = []
    groups = [_group(file, problems) for file in _files(data / "groups", problems)]
    profiles = [_profile(file, problems) for file in _files(data / "profiles", problems)]
    if problems:
        raise ConfigError(problems, hint=f"mend the files under {data}: Matchbox skips them without an error")
    return Tree(
        {group.id: group for group in groups if group is not None},
        {profile.id: profile for profile in profiles if profile is not None},
    )


def _files(folder: Path, problems: list[Problem]) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(Problem(str(folder), 0, 0, "", f"cannot be read: {error.strerror}"))
        return []


class _Unfit(ValueError):
    """A value is not what Matchbox takes; `keys` is the path to it."""

    def __init__(self, message: str, *keys: str) -> None:
        super().__init__(message)
        self.keys = keys


def _group(file: Path, problems: list[Problem]) -> Group | None:
    text, fields = _load(file, problems)
    try:
        selector = {} if fields is None else _selector(fields)
        if fields is None:
            return None
        metadata = _get(fields, "metadata")
        known = metadata if isinstance(metadata, dict) else {}
        return Group(file.stem, _name(fields, "profile"), selector, file, known)
    except _Unfit as error:
        problems.append(_at(file, text, error))
        return None


def _profile(file: Path, problems: list[Problem]) -> Profile | None:
    text, fields = _load(file, problems)
    if fields is None:
        return None
    try:
        _name(fields, "id")
        boot = _get(fields, "boot")
        if boot is None:
            boot = {}
        if not isinstance(boot, dict):
            raise _Unfit("boot must be an object", "boot")
        kernel = _get(boot, "kernel")
        if not isinstance(kernel, str | None):
            raise _Unfit("kernel must be text", "boot", "kernel")
        generic = _get(fields, "generic_id")
        if not isinstance(generic, str | None):
            raise _Unfit("generic_id must be text", "generic_id")
        return Profile(file.stem, kernel or "", _texts(boot, "initrd"), _texts(boot, "args"), file, generic or "")
    except _Unfit as error:
        problems.append(_at(file, text, error))
        return None


def _load(file: Path, problems: list[Problem]) -> tuple[str, dict[str, object] | None]:
    """The file's text, and the object in it; None when it holds none, which is then a problem."""
    text = ""
    line, column, message = 0, 0, ""
    try:
        with file.open("rb") as stream:
            raw = stream.read(_LARGEST + 1)
        if len(raw) > _LARGEST:
            message = f"larger than {_LARGEST >> 20} MiB"
        text = raw.decode("utf-8")
        value = json.loads(text, parse_constant=_no_constant) if not message else None
        if isinstance(value, dict):
            return text, value
        message = message or "must hold one JSON object"
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        line, message = raw.count(b"\n", 0, error.start) + 1, "is not UTF-8"
    except json.JSONDecodeError as error:
        line, column, message = error.lineno, error.colno, f"is no JSON: {error.msg}"
    except (RecursionError, ValueError) as error:
        message = f"is no JSON that Matchbox reads: {error}"
    problems.append(Problem(str(file), line, column, _line(text, line), message))
    return text, None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _get(fields: dict[str, object], key: str) -> object:
    """The value of a key, whose letter case does not count (encoding/json, Unmarshal)."""
    if key in fields:
        return fields[key]
    return next((value for name, value in fields.items() if name.casefold() == key), None)


def _name(fields: dict[str, object], key: str) -> str:
    value = _get(fields, key)
    if not isinstance(value, str) or not value:
        raise _Unfit(f"{key} must be text" if value is not None else f"the key {key!r} is missing", key)
    return value


def _texts(fields: dict[str, object], key: str) -> tuple[str, ...]:
    value = _get(fields, key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _Unfit(f"{key} must be a list of texts", "boot", key)
    return tuple(value)


def _selector(fields: dict[str, object]) -> dict[str, str]:
    value = _get(fields, "selector")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _Unfit("selector must be an object", "selector")
    selector: dict[str, str] = {}
    for key, wanted in value.items():
        if not isinstance(wanted, str):
            raise _Unfit(f"the selector {key!r} must be text", "selector", key)
        if key.lower() == "mac" and normal_mac(wanted) is None:
            raise _Unfit(f"{wanted!r} is no MAC address", "selector", key)
        selector[key] = normal_mac(wanted) or wanted if key.lower() == "mac" else wanted
    return selector


def _at(file: Path, text: str, error: _Unfit) -> Problem:
    line, column = find_key(text, *error.keys) or (1, 1)
    return Problem(str(file), line, column, _line(text, line), str(error))


def _line(text: str, number: int) -> str:
    lines = text.split("\n")
    return lines[number - 1].rstrip("\r")[:200] if 1 <= number <= len(lines) else ""
