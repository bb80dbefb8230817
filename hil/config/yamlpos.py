"""YAML 1.2 to a small tree in which each key and each value knows its place. Knows nothing of rigs.

Read is the core schema (YAML 1.2.2, chapter 10.3: null, true and false, numbers, text; .inf and .nan are
text) and `!env NAME`. Refused, each with its place: other tags (so nothing can name a Python object),
merge keys, duplicate keys, keys that are not text, other YAML versions, a second document, and aliases or
nesting without measure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from hil.config.environment import VARIABLE, EnvValue
from hil.config.source import Findings, Place, Source
from hil.config.tree import (
    Value,
    YamlEntry,
    YamlList,
    YamlMapping,
    YamlNode,
    YamlScalar,
    kind_of,
    plain_value,
    quoted,
)
from hil.errors import ConfigError

if TYPE_CHECKING:
    from ruamel.yaml.events import Event, ScalarEvent

MAX_BYTES: Final = 1 << 20
MAX_NODES: Final = 20_000
MAX_DEPTH: Final = 40

_START: Final = Place(1, 0)  # what is wrong with a whole file has a line too, for programs that read file:line
_NO_CHARACTER: Final = re.compile(r"\\U(?!0010|000)[0-9A-Fa-f]{8}")

_NOT_YAML: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def decode(name: str, data: bytes) -> Source:
    """The text of a YAML file.

    Args:
        name: the file, as the user named it.
        data: its bytes.

    Raises:
        ConfigError: longer than MAX_BYTES, not UTF-8, a byte-order mark, or a character that YAML forbids
            (YAML 1.2.2, 5.1).
    """
    source = Source(name, data.decode("utf-8", errors="replace"))
    findings = Findings(source)
    if len(data) > MAX_BYTES:
        findings.add(_START, f"the file is longer than {MAX_BYTES} bytes", "a rig needs far fewer")
        raise findings.error()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = source.place_at(len(data[: error.start].decode("utf-8")))
        findings.add(before, f"byte 0x{data[error.start]:02x} is not UTF-8", "save the file as UTF-8")
        raise findings.error() from error
    if source.text.startswith("\ufeff"):
        findings.add(Place(1, 1), "the file starts with a byte-order mark", "save the file as UTF-8 without it")
    elif found := _NOT_YAML.search(source.text):
        message = f"character U+{ord(found.group()):04X} may not stand in a YAML file"
        findings.add(source.place_at(found.start()), message, "delete it")
    if findings:
        raise findings.error()
    return source


def compose(source: Source, findings: Findings, environment: Mapping[str, str]) -> YamlMapping:
    """The tree of a text whose top is a mapping.

    What is wrong without hiding the rest (a duplicate key, an unset variable) goes to `findings`.

    Args:
        source: the text.
        findings: where problems go.
        environment: the variables that `!env NAME` reads.

    Raises:
        ConfigError: the text is not YAML, is empty, is not a mapping at its top, or has no measure; the
            one problem.
    """
    return _Composer(source, findings, environment).document()


class _Composer:
    """Builds the tree from the parser's events, one call of `_node` for each level."""

    def __init__(self, source: Source, findings: Findings, environment: Mapping[str, str]) -> None:
        self._source = source
        self._findings = findings
        self._environment = environment
        self._events = _events(source)
        self._anchors: dict[str, YamlNode | None] = {}
        self._count = 0

    def document(self) -> YamlMapping:
        from ruamel.yaml import events as ev

        next(self._events)
        start = next(self._events)
        if not isinstance(start, ev.DocumentStartEvent):
            raise self._stop(_START, "the file is empty", "a rig file starts with `hil: 1`")
        if start.version is not None and tuple(start.version) != (1, 2):
            raise self._stop(_place(start), "only YAML 1.2 is read", "delete the %YAML line")
        top = self._node(next(self._events), 0)
        next(self._events)
        after = next(self._events)
        if not isinstance(after, ev.StreamEndEvent):
            raise self._stop(_place(after), "a second document starts here", "one file holds one rig")
        if isinstance(top, YamlMapping):
            return top
        if isinstance(top, YamlScalar) and top.value is None:
            raise self._stop(_START, "the file is empty", "a rig file starts with `hil: 1`")
        what = "a list" if isinstance(top, YamlList) else "a single value"
        raise self._stop(top.place, f"expected keys and values at the top, not {what}", "start with `hil: 1`")

    def _stop(self, place: Place, message: str, hint: str) -> ConfigError:
        only = Findings(self._source)
        only.add(place, message, hint)
        return only.error()

    def _node(self, event: Event, depth: int) -> YamlNode:
        """The node that starts with `event`."""
        from ruamel.yaml import events as ev

        place = _place(event)
        if depth > MAX_DEPTH:
            raise self._stop(place, f"nested deeper than {MAX_DEPTH} levels", "a rig needs far fewer")
        if isinstance(event, ev.AliasEvent):
            return self._alias(str(event.anchor), place)
        assert isinstance(event, ev.ScalarEvent | ev.CollectionStartEvent)
        anchor = None if event.anchor is None else str(event.anchor)
        if anchor is not None:
            self._anchors[anchor] = None
        if isinstance(event, ev.ScalarEvent):
            node: YamlNode = YamlScalar(place, self._scalar(event, place))
            self._grow(1, place)
        else:
            self._check_tag(event.tag, place)
            self._grow(1, place)
            is_list = isinstance(event, ev.SequenceStartEvent)
            node = self._list(place, depth) if is_list else self._mapping(place, depth)
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _grow(self, size: int, place: Place) -> None:
        """Count nodes, those of aliases again each time, so that a short file cannot mean a huge one."""
        self._count += size
        if self._count > MAX_NODES:
            hint = "aliases count as often as they are used"
            raise self._stop(place, f"the file means more than {MAX_NODES} values", hint)

    def _alias(self, anchor: str, place: Place) -> YamlNode:
        if anchor not in self._anchors:
            raise self._stop(
                place,
                f"nothing is anchored as &{anchor[:60]} above",
                f"write &{anchor[:60]} where it is defined",
            )
        node = self._anchors[anchor]
        if node is None:
            raise self._stop(place, f"*{anchor[:60]} contains itself", "write its content out")
        self._grow(node.size, place)
        return node

    def _list(self, place: Place, depth: int) -> YamlList:
        from ruamel.yaml import events as ev

        items: list[YamlNode] = []
        while not isinstance(event := next(self._events), ev.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return YamlList(place, tuple(items), 1 + sum(item.size for item in items))

    def _mapping(self, place: Place, depth: int) -> YamlMapping:
        from ruamel.yaml import events as ev

        entries: dict[str, YamlEntry] = {}
        while not isinstance(event := next(self._events), ev.MappingEndEvent):
            key = self._key(event, depth)
            node = self._node(next(self._events), depth + 1)
            if key is None:
                continue
            if key in entries:
                first = entries[key].key_place.line
                self._findings.add(
                    _place(event), f"the key {quoted(key)} is here twice", f"it is in line {first} already"
                )
                continue
            entries[key] = YamlEntry(_place(event), node)
        return YamlMapping(place, entries, 1 + sum(entry.node.size for entry in entries.values()))

    def _key(self, event: Event, depth: int) -> str | None:
        """The key, or None when it can name nothing (and is a problem)."""
        node = self._node(event, depth + 1)
        plain = getattr(event, "style", None) is None
        if isinstance(node, YamlScalar) and node.value == "<<" and plain:
            self._findings.add(node.place, "merge keys (<<) are not read", "write the keys out")
        elif not isinstance(node, YamlScalar) or isinstance(node.value, EnvValue):
            self._findings.add(node.place, "a key must be plain text")
        elif not isinstance(node.value, str):
            self._findings.add(node.place, f"a key must be text, not {kind_of(node.value)}", "put it in quotes")
        else:
            return node.value
        return None

    def _check_tag(self, tag: str | None, place: Place) -> None:
        if tag is not None and tag != "!":
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            self._findings.add(
                place, f"the tag {shown[:60]} is not read here", "the one tag is !env NAME, for a value"
            )

    def _scalar(self, event: ScalarEvent, place: Place) -> Value:
        text = str(event.value)
        if found := _NOT_YAML.search(text):  # an escape can make what may not stand there itself
            self._findings.add(place, f"an escape here makes the character U+{ord(found.group()):04X}", "delete it")
            return None
        if event.tag == "!env":
            return self._env_value(text, place)
        self._check_tag(event.tag, place)
        plain = event.style is None and event.tag is None
        return plain_value(text) if plain else text

    def _env_value(self, name: str, place: Place) -> EnvValue:
        if VARIABLE.fullmatch(name) is None:
            self._findings.add(place, f"{quoted(name)} is not the name of a variable", "write !env NAME")
        elif name not in self._environment:
            hint = f"export {name}=... before the command"
            self._findings.add(place, f"the environment variable {name} is not set", hint)
        value = EnvValue(self._environment.get(name, ""), name)
        self._findings.hide(str(value), repr(value))
        return value


def _place(event: Event) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1)


def _events(source: Source) -> Iterator[Event]:
    """The parser's events.

    Raises:
        ConfigError: the text is not YAML.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    try:
        yield from YAML(typ="safe", pure=True).parse(source.text)
    except ValueError as error:  # chr() of an escape beyond U+10FFFF; the reader does not check it
        only = Findings(source)
        escape = _NO_CHARACTER.search(source.text)
        place = _START if escape is None else source.place_at(escape.start())
        only.add(place, "this is not YAML: an escape like \\U00110000 names no character", "delete it")
        raise only.error() from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if error.context_mark is not None and mark is not None and mark.index >= len(source.text):
            mark = error.context_mark  # the end of the file says nothing; where it began does
        place = _START if mark is None else Place(mark.line + 1, mark.column + 1)
        context = f" ({error.context})" if error.context else ""
        only = Findings(source)
        tab = source.line(place)[place.column - 1 : place.column] == " " and "\\t" in str(error.problem)
        hint = "indent with spaces, not with tabs" if tab else "check indentation, quotes and brackets"
        only.add(place, f"this is not YAML: {error.problem}{context}", hint)
        raise only.error() from error
