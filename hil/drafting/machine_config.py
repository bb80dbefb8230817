"""What a Talos machine configuration says that a rig has to know: disk, host name, extension services, Spin.

Reads one text; shows none of it but these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hil.config.source import Place
from hil.config.tree import YamlScalar
from hil.drafting.template import Readable
from hil.lint.documents import EXTENSION_SERVICE, MAIN, Document, read

# What a configuration has in it that makes containerd or Kubernetes run Spin (spinkube: handler, shim, RuntimeClass).
_SPIN: Final = re.compile(r"containerd-shim-spin|runtimes\.spin\b|wasmtime-spin")
_HOSTNAME: Final = "HostnameConfig"
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a text says.

    Args:
        value: what.
        place: where.
    """

    value: str
    place: Place


@dataclass(frozen=True, slots=True)
class Said:
    """What a machine configuration says.

    Args:
        disk: `machine.install.disk`; "" where a group has no value for it.
        selector: where `machine.install.diskSelector` stands, which Talos heeds before `disk`.
        hostname: the host name, if it stands there.
        services: extension services that are configured.
        spin: the first sign of Spin.
        unreadable: why a part of it could not be read, or None.
    """

    disk: Fact | None
    selector: Place | None
    hostname: Fact | None
    services: tuple[Fact, ...]
    spin: Fact | None
    unreadable: Fact | None

    def of(self, readable: Readable, values: Mapping[str, object]) -> Said:
        """It for one group: without what only a machine's request tells.

        Args:
            readable: the template that it was read from.
            values: the group's metadata and its selectors.
        """

        def filled(fact: Fact | None) -> Fact | None:
            return None if fact is None else replace(fact, value=readable.filled(fact.value, values) or "")

        hostname = filled(self.hostname)
        known = hostname is not None and _NAME.fullmatch(hostname.value) is not None
        return replace(self, disk=filled(self.disk), hostname=hostname if known else None)


def what_it_says(name: str, text: str) -> Said | None:
    """What a text says; None when it is no machine configuration.

    Args:
        name: the file, for nothing but the reader's own words.
        text: of it.
    """
    found = read(name, text.encode("utf-8", "replace"))
    documents = found.documents
    if not any(_is_talos(document) for document in documents):
        return None
    wrong = found.findings[0] if found.findings else None
    spin = _SPIN.search(text)
    selector = next((e for d in _main(documents) if (e := d.at("machine", "install", "diskSelector"))), None)
    return Said(
        disk=next(_texts(_main(documents), "machine", "install", "disk"), None),
        selector=None if selector is None else selector.key_place,
        hostname=next(_hostnames(documents), None),
        services=tuple(_services(documents)),
        spin=None if spin is None else Fact(spin[0], Place(text.count("\n", 0, spin.start()) + 1, 0)),
        unreadable=None if wrong is None else Fact(wrong.message, wrong.place),
    )


def _is_talos(document: Document) -> bool:
    """Whether Talos would take it: the main document has these two, and each other one a version and a kind."""
    if document.kind == MAIN:
        return document.at("machine") is not None and document.at("version") is not None
    return document.at("apiVersion") is not None and document.kind in (EXTENSION_SERVICE, _HOSTNAME)


def _main(documents: Sequence[Document]) -> list[Document]:
    return [document for document in documents if document.kind == MAIN]


def _hostnames(documents: Sequence[Document]) -> Iterator[Fact]:
    named = [document for document in documents if document.kind == _HOSTNAME]
    yield from (*_texts(named, "hostname"), *_texts(_main(documents), "machine", "network", "hostname"))


def _services(documents: Sequence[Document]) -> Iterator[Fact]:
    for fact in _texts([document for document in documents if document.kind == EXTENSION_SERVICE], "name"):
        if _NAME.fullmatch(fact.value):
            yield fact


def _texts(documents: Sequence[Document], *path: str) -> Iterator[Fact]:
    for document in documents:
        entry = document.at(*path)
        if entry is not None and isinstance(entry.node, YamlScalar) and isinstance(entry.node.value, str):
            yield Fact(entry.node.value, entry.node.place)
