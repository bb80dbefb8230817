"""Talos's own verdict on a machine configuration, from the program `talostool`. Knows no rule of Talos itself.

The program (`fixtures/node/cmd/talostool validate`) runs Talos's published library and takes secrets out of its words.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.config.source import Place
from hil.config.suggest import did_you_mean
from hil.config.tree import YamlList, YamlMapping, YamlNode
from hil.errors import InfrastructureError
from hil.lint.documents import Document
from hil.lint.finding import Finding, Severity
from hil.tools.process import run

_SCHEMA: Final = "hil.talostool-validate/1"
_RULES: Final = {"decode": "talos-decode", "validate": "talos-validate"}
_AGAIN: Final = "remove talostool from the cache (`hil cache ls`, `hil cache rm`), so that it is built anew"


def verdict(program: Path, data: bytes, documents: Sequence[Document], *, deadline: Deadline) -> tuple[Finding, ...]:
    """What Talos finds wrong.

    Args:
        program: talostool.
        data: the file's bytes.
        documents: those of the file that were read; they say which key stands in which line.
        deadline: when it must have answered; it takes 10 ms.

    Raises:
        InfrastructureError: the program is not there, or gave no verdict.
    """
    keys = _Keys(documents)
    with _as_file(data) as file:
        done = run([program, "validate", file], deadline=deadline, hint=_AGAIN)
    try:
        report = json.loads(done.output)
        if report["schema"] != _SCHEMA:
            raise ValueError(report["schema"])
        return (
            *(_finding(Severity.ERROR, entry, keys) for entry in report["errors"]),
            *(_finding(Severity.WARNING, entry, keys) for entry in report["warnings"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InfrastructureError(
            f"{program.name} gave no verdict (it ended with {done.code})", hint=_AGAIN, evidence=done.last_lines()
        ) from error


class _Keys:
    """Which key stands where: a message that has no place of its own is about the key of its line.

    Args:
        documents: those of one file.
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        self._at = {place: key for document in documents for key, place in _keys(document.top)}
        self._first: dict[int, Place] = {}
        for place in sorted(self._at, reverse=True):
            self._first[place.line] = place

    def beside(self, place: Place) -> tuple[Place, str]:
        """The key at a place, or the first of its line; its own place and "" when there is none."""
        nearest = place if place in self._at else self._first.get(place.line, place)
        return nearest, self._at.get(nearest, "")


def _keys(node: YamlNode) -> Iterator[tuple[str, Place]]:
    """All keys below a node with their places, those behind an alias at the anchor."""
    if isinstance(node, YamlMapping):
        for key, entry in node.entries.items():
            yield key, entry.key_place
            yield from _keys(entry.node)
    elif isinstance(node, YamlList):
        for item in node.items:
            yield from _keys(item)


def _finding(severity: Severity, entry: Mapping[str, object], keys: _Keys) -> Finding:
    """One of talostool's findings; a place without a column is that of the key in its line."""
    place = Place(int(str(entry["line"])), int(str(entry["column"])))
    beside, key = keys.beside(place)
    if not place.column:
        place = beside
    known = entry.get("known", [])
    hint = (
        did_you_mean(str(entry["word"]), map(str, known), what="Talos knows")
        if isinstance(known, list) and known
        else ""
    )
    message = str(entry["message"]).removeprefix("v1alpha1.Config: ")
    words = f"{key}:" if key and beside.column <= place.column else ""
    return Finding(severity, _RULES[str(entry["stage"])], place, message, hint, words, beside.column)


@contextmanager
def _as_file(data: bytes) -> Iterator[Path]:
    """The bytes as a file that is in memory alone: they hold the keys of a cluster, and come from a pipe perhaps."""
    descriptor = os.memfd_create("machine-config")
    try:
        with open(descriptor, "wb", closefd=False) as stream:
            stream.write(data)
        yield Path(f"/proc/{os.getpid()}/fd/{descriptor}")
    finally:
        os.close(descriptor)
