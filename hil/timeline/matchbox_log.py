"""Reads the log lines of Matchbox v0.11.0 at debug level; makes no marks of them.

Matchbox logs each request before it handles it, with no client and no status, and after that whether it
matched. Its stamps are whole seconds, so the moment of a line is when it arrived, which its reader knows.
Sources: matchbox/http/*.go at v0.11.0, and logrus's TextFormatter for a log that is not a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

_FIELD: Final = re.compile(r'([A-Za-z_][\w.]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)')
_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)")
_LETTERS: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_REQUEST: Final = re.compile(r"HTTP ([A-Z]+) (\S+)")
_LABEL: Final = re.compile(r"(?:^| )([\w.-]+):")
_MATCHED: Final = {
    "Matched an iPXE config": "ipxe",
    "Matched a GRUB config": "grub",
    "Matched a generic template": "generic",
    "Matched group metadata": "metadata",
    "Matched an Ignition or Container Linux Config template": "ignition",
    "Matched a cloud-config template": "cloud",
}
_NO_MATCH: Final = re.compile(r"No (?:matching (?:profile|group)|[\w /-]+ named: .*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Request:
    """A request has arrived; nothing is known yet of its answer.

    Args:
        method: as "GET".
        path: without the query.
        query: its labels; of a key that comes twice the first, as Matchbox takes it.
    """

    method: str
    path: str
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Matched:
    """Matchbox has an answer for the request before.

    Args:
        kind: what was asked for: "ipxe", "generic", "metadata", "ignition", "cloud" or "grub".
        labels: what the machine said of itself.
        group: the group's id, "" where the line does not say.
        profile: the profile's id, "" where the line does not say.
    """

    kind: str
    labels: Mapping[str, str]
    group: str
    profile: str


@dataclass(frozen=True, slots=True)
class NoMatch:
    """Matchbox has no answer for the request before: the machine is sent a 404.

    Args:
        what: Matchbox's own words, as "No matching profile". It says these also when a group matched whose
            profile is missing.
        labels: what the machine said of itself.
    """

    what: str
    labels: Mapping[str, str]


Record = Request | Matched | NoMatch


def parse_line(line: bytes) -> Record | None:
    """What a line of the log says; None for a line that says nothing of a request.

    Args:
        line: one line, with or without its end.
    """
    fields = _fields(line.decode("utf-8", "replace"))
    message = fields.get("msg", "")
    labels = _labels(fields.get("labels", ""))
    if (request := _REQUEST.fullmatch(message)) is not None:
        return _request(request.group(1), request.group(2))
    if message in _MATCHED:
        return Matched(_MATCHED[message], labels, fields.get("group", ""), fields.get("profile", ""))
    if _NO_MATCH.fullmatch(message):
        return NoMatch(message, labels)
    return None


def _request(method: str, target: str) -> Request | None:
    try:
        parts = urlsplit(target)
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        return None
    query: dict[str, str] = {}
    for key, value in pairs:
        query.setdefault(key, value)
    return Request(method, parts.path, query)


def _fields(text: str) -> dict[str, str]:
    return {key: _unquoted(value[1:-1]) if value.startswith('"') else value for key, value in _FIELD.findall(text)}


def _unquoted(text: str) -> str:
    """The text behind Go's %q (strconv.Quote)."""

    def plain(match: re.Match[str]) -> str:
        code = match.group(1)
        if code[0] in "xuU" and len(code) > 1:
            number = int(code[1:], 16)
            return chr(number) if number < 0x110000 else "\N{REPLACEMENT CHARACTER}"
        return _LETTERS.get(code, code)

    return _ESCAPE.sub(plain, text)


def _labels(text: str) -> dict[str, str]:
    """The labels of `map[k:v k:v]`, as Go prints a map; a value with "word:" in it reads as two labels."""
    if not (text.startswith("map[") and text.endswith("]")):
        return {}
    body = text[4:-1]
    marks = list(_LABEL.finditer(body))
    ends = [mark.start() for mark in marks[1:]] + [len(body)]
    return {mark.group(1): body[mark.end() : end] for mark, end in zip(marks, ends, strict=True)}
