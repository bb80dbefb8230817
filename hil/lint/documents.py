"""A machine configuration as documents that know their places, read leniently: Talos itself judges what is right.

What cannot be read becomes findings, one for each document at most, and hides nothing of the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from hil.config.source import Findings, Place, Source
from hil.config.tree import YamlEntry, YamlList, YamlMapping, YamlNode, YamlScalar
from hil.config.yamlpos import MAX_BYTES, compose, decode
from hil.errors import ConfigError
from hil.lint.finding import Finding, Severity, whole_file

MAIN: Final = "v1alpha1.Config"
"""What Talos calls the document without a kind (machinery config/types/v1alpha1)."""
EXTENSION_SERVICE: Final = "ExtensionServiceConfig"

_BOM: Final = b"\xef\xbb\xbf"
# A line that starts so begins or ends a document, even within a block of text (YAML 1.2.2, 9.1.2, c-forbidden).
_START: Final = re.compile("(?:^|(?<=[\n\r\x85\u2028\u2029]))---(?=\\s|$)")
_NOTHING: Final = re.compile(r"(?:---|\.\.\.|[^\S\n]|#[^\n]*|\s|\bnull\b|~)*")
_ANCHOR: Final = re.compile(r"[&*]\S+")
_QUOTED: Final = re.compile(r"'(?!<|\\)[^']{2,}'|\"[^\"]{2,}\"")  # but not the reader's own '<scalar>', nor '\t'


@dataclass(frozen=True, slots=True)
class Document:
    """One document.

    Args:
        kind: what `kind:` says, or MAIN.
        name: what `name:` says, or "".
        top: its keys.
    """

    kind: str
    name: str
    top: YamlMapping

    def at(self, *path: str) -> YamlEntry | None:
        """The entry under a path of keys; None when there is none."""
        return entry_at(self.top, *path)


@dataclass(frozen=True, slots=True)
class Read:
    """A file as far as it could be read.

    Args:
        documents: those that could be read, in their order.
        findings: why others could not.
    """

    documents: tuple[Document, ...]
    findings: tuple[Finding, ...]


def read(name: str, data: bytes) -> Read:
    """The documents of a file's bytes.

    Args:
        name: the file, as the user named it.
        data: its bytes.
    """
    if len(data) > MAX_BYTES:
        message = f"the file is longer than {MAX_BYTES} bytes"
        return Read((), (whole_file("yaml", message, "is it a machine configuration?"),))
    try:
        source = decode(name, data.removeprefix(_BOM))
    except ConfigError as error:
        return Read((), tuple(_unreadable(error)))
    documents: list[Document] = []
    findings: list[Finding] = []
    for text in _split(source):
        if _NOTHING.fullmatch(text):
            continue
        part = Source(name, text)
        try:
            top = compose(part, Findings(part), {})
        except ConfigError as error:
            findings += _unreadable(error)
        else:
            documents.append(Document(text_at(top, "kind") or MAIN, text_at(top, "name"), top))
    if not documents and not findings:
        hint = "Talos takes an empty file for no configuration"
        findings.append(whole_file("yaml", "there is no document in the file", hint))
    return Read(tuple(documents), tuple(findings))


def _split(source: Source) -> Iterator[str]:
    """The text of each document, behind as many empty lines as lines are before it, so that places stay right."""
    starts = [0, *(match.start() for match in _START.finditer(source.text)), len(source.text)]
    for start, end in pairwise(starts):
        yield "\n" * (source.place_at(start).line - 1) + source.text[start:end]


def _unreadable(error: ConfigError) -> Iterator[Finding]:
    """A reader's problems as findings; its line is not shown, and its hint on rig files does not fit.

    A password that begins with a sign of YAML's would be in its words: as an alias, a tag, or a directive.
    """
    for problem in error.problems:
        hint = problem.hint if problem.message.startswith("this is not YAML") else ""
        message = _QUOTED.sub("'...'", _ANCHOR.sub("&...", problem.message))
        yield Finding(Severity.ERROR, "yaml", Place(problem.line, problem.column), message, hint)


def entry_at(top: YamlNode, *path: str) -> YamlEntry | None:
    """The entry under a path of keys below a node; None when there is none."""
    found: YamlEntry | None = None
    node = top
    for key in path:
        found = node.entries.get(key) if isinstance(node, YamlMapping) else None
        if found is None:
            return None
        node = found.node
    return found


def text_at(top: YamlNode, *path: str) -> str:
    """The text under a path of keys; "" when there is none, or something else than text."""
    found = entry_at(top, *path)
    value = found.node.value if found is not None and isinstance(found.node, YamlScalar) else None
    return value if isinstance(value, str) else ""


def texts(node: YamlNode) -> list[tuple[str, Place]]:
    """The texts of a list, each with its place; what is no text is left out."""
    items = node.items if isinstance(node, YamlList) else ()
    return [(item.value, item.place) for item in items if isinstance(item, YamlScalar) and isinstance(item.value, str)]
