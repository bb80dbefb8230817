"""A machine configuration as its leaves: each scalar with its full path, in an order that its author did not choose.

Comments, quotes and indentation are gone, documents and keys are sorted. Knows no secrets: what may be shown is in
`hil.readiness.talos.config_secrets`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

_MOST_LEAVES: Final = 50_000
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")


class NotAConfiguration(ValueError):
    """Text that is no machine configuration; the message has nothing of the text in it."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One scalar, or an empty list or mapping.

    Args:
        document: which document it is in: "" for Talos's first kind, else as "ExtensionServiceConfig(hello)".
        path: keys, and positions in lists, from the document's top.
        text: the scalar as it is written, without quotes; "[]" or "{}" when `empty`.
        empty: whether it is an empty list or mapping.
    """

    document: str
    path: tuple[str | int, ...]
    text: str = field(repr=False)
    empty: bool = False

    @property
    def place(self) -> str:
        """Document and path, as `machine.acceptedCAs[0].crt` or `HostnameConfig/hostname`.

        A scalar of a list has no position, as in `machine.certSANs[]`: what follows it is then not another for it.
        """
        words = [f".{_key(step)}" if isinstance(step, str) else f"[{step}]" for step in self.path]
        if self.path and isinstance(self.path[-1], int):
            words[-1] = "[]"
        document = f"{self.document}/" if self.document else ""
        return document + "".join(words).removeprefix(".")


def leaves(text: bytes) -> list[Leaf]:
    """The leaves of a machine configuration.

    Scalars are compared as they are written, as Go's decoder takes `"1"` for 1 where a number is wanted.

    Args:
        text: it, as YAML of one or more documents.

    Raises:
        NotAConfiguration: it is not YAML, or a document of it is no mapping, or it is out of all proportion.
    """
    problem, found = _read(text)
    del text  # what shows local variables with a traceback must not show this one
    if problem:
        raise NotAConfiguration(problem)
    return found


def shown(text: str) -> str:
    """A scalar on one line; what could be taken for something else is quoted."""
    strange = text in ("", "[]", "{}") or text != text.strip() or text[0] == '"' or "(secret" in text
    return _quoted(text) if strange or not text.isprintable() else text


def _key(text: str) -> str:
    return text if _PLAIN_KEY.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    import json

    return json.dumps(text)


def _read(text: bytes) -> tuple[str, list[Leaf]]:
    """What is wrong with it, and its leaves."""
    # ruamel.yaml costs 0.1 s; its words about an error may quote the text.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        documents = list(YAML(typ="base", pure=True).load_all(text))
        return "", _sorted_leaves(documents)
    except NotAConfiguration as error:
        return str(error), []
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = "" if mark is None else f": line {mark.line + 1}, column {mark.column + 1}"
        return f"it is not YAML{where}", []
    except RecursionError:
        return "it is nested too deeply", []
    except (YAMLError, ValueError, TypeError, AttributeError):
        return "it is not YAML", []


def _sorted_leaves(documents: list[object]) -> list[Leaf]:
    named: dict[str, Mapping[object, object]] = {}
    for number, document in enumerate(documents, start=1):
        if document in ("", None):
            continue
        if not isinstance(document, dict):
            raise NotAConfiguration(f"document {number} of it is no mapping")
        named[_free_name(_name(document), named)] = document
    found: list[Leaf] = []
    for name in sorted(named):
        for leaf in _walk(name, (), named[name]):
            found.append(leaf)
            if len(found) > _MOST_LEAVES:
                raise NotAConfiguration(f"it has more than {_MOST_LEAVES} values")
    return found


def _name(document: Mapping[object, object]) -> str:
    """What tells a document from the others: its kind, and its name if it has one (machinery, config/types/meta)."""
    kind, name = document.get("kind", ""), document.get("name", "")
    if not isinstance(kind, str) or not isinstance(name, str):
        return "(?)"
    return f"{_key(kind)}({_key(name)})" if kind and name else _key(kind) if kind else ""


def _free_name(name: str, taken: Mapping[str, object]) -> str:
    number = 2
    free = name
    while free in taken:
        free = f"{name}#{number}"
        number += 1
    return free


def _walk(document: str, path: tuple[str | int, ...], value: object) -> Iterator[Leaf]:
    if isinstance(value, dict) and value:
        keys = [key for key in value if isinstance(key, str)]
        if len(keys) < len(value):
            raise NotAConfiguration("a key of it is no text")
        for key in sorted(keys):
            yield from _walk(document, (*path, key), value[key])
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _walk(document, (*path, index), item)
    elif isinstance(value, dict | list):
        yield Leaf(document, path, "{}" if isinstance(value, dict) else "[]", empty=True)
    else:
        yield Leaf(document, path, "" if value is None else str(value))
