"""Reads one rig file: each section by its own model, then what must hold between them.

A problem in one section hides none in another. Called by `hil.config.rig.load_rig` alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, Field

from hil.config import kinds
from hil.config.explain import validate
from hil.config.identity import identity
from hil.config.matchbox import MatchboxConfig
from hil.config.model import FileContext, Model, invalid
from hil.config.power import MeterConfig, PowerConfig
from hil.config.rig import ImageConfig, NodeConfig, Rig, SegmentConfig
from hil.config.source import Findings, Source
from hil.config.suggest import did_you_mean
from hil.config.tailnet import TailnetConfig
from hil.config.tree import YamlEntry, YamlMapping, YamlNode, YamlScalar, environment_texts, kind_of, quoted
from hil.config.twin import TwinConfig
from hil.config.yamlpos import MAX_BYTES, compose, decode
from hil.errors import InfrastructureError

FORMAT: Final = 1
NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_NAME_RULE: Final = "1 to 32 of a-z, 0-9 and '-', not '-' at an end"
SELECTORS: Final = ("mac", "uuid", "serial")
"""The keys of a node that it gets from its name when the file leaves them out."""

C = TypeVar("C", bound=Model)


def _version(version: int) -> int:
    if version != FORMAT:
        raise invalid(f"a rig file of version {version} is not read by this hil", f"it reads version {FORMAT}")
    return version


class RigFile(Model):
    """The keys at the top of a rig file, and their types; sections are read by their kinds."""

    hil: Annotated[int, AfterValidator(_version)] = Field(
        description="the version of this format: 1", json_schema_extra={"const": FORMAT}
    )
    name: str | None = Field(default=None, description="the rig's name; the file's name when it is left out")
    description: str = Field(default="", description="what this bench is, in one line")
    segment: dict[str, object] = Field(default={}, description="the network of the nodes")
    matchbox: dict[str, object] = Field(default={}, description="whose boot data is served")
    tailnet: dict[str, object] | None = Field(
        default=None, description="a control server of your own that nodes join, instead of the bench's"
    )
    twin: dict[str, object] = Field(default={}, description="how the bench twin behaves, where the rig names it")
    images: dict[str, object] = Field(default={}, description="what can be booted")
    power: dict[str, object] = Field(default={}, description="the power ports that machines hang on")
    meters: dict[str, object] = Field(default={}, description="the meters that machines hang behind")
    nodes: dict[str, object] = Field(description="the machines")


def read_rig(name: str, file: Path, environment: Mapping[str, str]) -> Rig:
    """The rig of a file.

    Args:
        name: the file, as the user named it.
        file: the file, absolute.
        environment: what `!env` reads.

    Raises:
        ConfigError: the file is wrong.
        InfrastructureError: it cannot be read, or a kind that it names cannot be loaded.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InfrastructureError(f"cannot read {name}: {reason}", hint="check the file's permissions") from error
    source = decode(name, data)
    findings = Findings(source)
    tree = compose(source, findings, environment)
    findings.settle()
    return _Reader(source, findings, tree, file).rig()


class _Reader:
    """One file's sections, and what has been found wrong so far."""

    def __init__(self, source: Source, findings: Findings, tree: YamlMapping, file: Path) -> None:
        self._source = source
        self._findings = findings
        self._tree = tree
        self._file = file
        self._context = FileContext(file.parent)

    def rig(self) -> Rig:
        """The whole rig.

        Raises:
            ConfigError: anything is wrong.
        """
        top = validate(RigFile, self._tree, self._tree.place, self._findings, self._context)
        name = self._name()
        segment = self._segment()
        matchbox = self._section("matchbox", MatchboxConfig) if "matchbox" in self._tree.entries else MatchboxConfig()
        tailnet = self._section("tailnet", TailnetConfig)
        twin = self._section("twin", TwinConfig) if "twin" in self._tree.entries else TwinConfig()
        images = {
            key: self._of_kind(kinds.IMAGES, ImageConfig, "image", entry) for key, entry in self._named("images")
        }
        power = {
            key: self._of_kind(kinds.POWER, PowerConfig, "power port", entry)  # type: ignore[type-abstract]
            for key, entry in self._named("power")
        }
        meters = {
            key: self._of_kind(kinds.METERS, MeterConfig, "meter", entry) for key, entry in self._named("meters")
        }
        nodes = self._nodes(name)
        self._check_images(matchbox)
        self._check_names("power", "power ports")
        self._check_names("meter", "meters", section="meters")
        self._check_one_machine_each()
        self._check_distinct(nodes)
        if self._findings or top is None or segment is None or matchbox is None or twin is None:
            raise self._findings.error()
        return Rig(
            name=name,
            description=top.description,
            segment=segment,
            matchbox=matchbox,
            tailnet=tailnet,
            twin=twin,
            images={key: image for key, image in images.items() if image is not None},
            power={key: port for key, port in power.items() if port is not None},
            meters={key: meter for key, meter in meters.items() if meter is not None},
            nodes={key: node for key, node in nodes.items() if node is not None},
            file=self._file,
            secrets=frozenset(environment_texts(self._tree)),
            source=self._source,
            tree=self._tree,
        )

    def _name(self) -> str:
        """The rig's name; one that cannot be is a problem."""
        entry = self._tree.entries.get("name")
        if entry is None:
            if NAME.fullmatch(self._file.stem) is None:
                message = f"the file's name {quoted(self._file.stem)} is not a rig's name: {_NAME_RULE}"
                self._findings.add(self._tree.place, message, "add `name:`, or rename the file")
            return self._file.stem
        value = entry.node.value if isinstance(entry.node, YamlScalar) else None
        if isinstance(value, str) and NAME.fullmatch(value) is None:
            self._findings.add(entry.node.place, f"{quoted(value)} is not a rig's name: {_NAME_RULE}")
        return str(value)

    def _segment(self) -> SegmentConfig | None:
        entry = self._tree.entries.get("segment")
        if entry is None:
            kind = YamlEntry(self._tree.place, YamlScalar(self._tree.place, "user"))
            entry = YamlEntry(self._tree.place, YamlMapping(self._tree.place, {"kind": kind}, 2))
        if not isinstance(entry.node, YamlMapping):
            return None
        return self._of_kind(kinds.SEGMENTS, SegmentConfig, "segment", entry)

    def _section(self, name: str, model: type[C]) -> C | None:
        """A section of one kind only; None when it is wrong, or not there."""
        entry = self._tree.entries.get(name)
        if entry is None or not isinstance(entry.node, YamlMapping):
            return None
        return validate(model, entry.node, entry.key_place, self._findings, self._context)

    def _named(self, section: str) -> list[tuple[str, YamlEntry]]:
        """The entries of a section of names; a name that cannot be is a problem."""
        entry = self._tree.entries.get(section)
        if entry is None or not isinstance(entry.node, YamlMapping):
            return []
        for name, child in entry.node.entries.items():
            if NAME.fullmatch(name) is None:
                message = f"{quoted(name)} cannot name one of the {section}: {_NAME_RULE}"
                self._findings.add(child.key_place, message)
        return list(entry.node.entries.items())

    def _of_kind(
        self,
        group: str,
        base: type[C],
        what: str,
        entry: YamlEntry,
        defaults: Mapping[str, str] | None = None,
    ) -> C | None:
        """A section by the model of its kind, which alone is loaded; None when it is wrong."""
        if not isinstance(entry.node, YamlMapping):
            value = entry.node.value if isinstance(entry.node, YamlScalar) else ()
            message = f"expected the keys of this {what}, not {kind_of(value)}"
            self._findings.add(entry.key_place, message, "it starts with `kind:`")
            return None
        kind_entry = entry.node.entries.get("kind")
        if kind_entry is None:
            hint = f"add `kind:`, one of: {', '.join(kinds.names(group))}"
            self._findings.add(entry.key_place, f"this {what} has no kind", hint)
            return None
        word = kind_entry.node.value if isinstance(kind_entry.node, YamlScalar) else None
        if not isinstance(word, str):
            hint = f"one of: {', '.join(kinds.names(group))}"
            self._findings.add(kind_entry.key_place, f"the kind of this {what} must be text", hint)
            return None
        kind = kinds.load(group, word, base)
        if kind is None:
            hint = did_you_mean(word, kinds.names(group), what="kinds here")
            self._findings.add(kind_entry.node.place, f"unknown kind of {what}: {quoted(word)}", hint)
            return None
        return validate(kind.config, entry.node, entry.key_place, self._findings, self._context, defaults)

    def _nodes(self, rig: str) -> dict[str, NodeConfig | None]:
        """The nodes, each with an identity of its own."""
        named = self._named("nodes")
        section = self._tree.entries.get("nodes")
        if section is not None and isinstance(section.node, YamlMapping) and not section.node.entries:
            self._findings.add(section.key_place, "a rig needs at least one node", "add a node below `nodes:`")
        macs = {text.lower().replace("-", ":") for _, entry in named if (text := _text(entry.node, "mac"))}
        taken = macs | {text for _, entry in named if (text := _text(entry.node, "serial"))}
        nodes: dict[str, NodeConfig | None] = {}
        for name, entry in named:
            own = identity(rig, name, taken)
            taken |= {own.mac, own.serial}
            given = {} if not isinstance(entry.node, YamlMapping) else entry.node.entries
            defaults = {key: getattr(own, key) for key in SELECTORS if key not in given}
            nodes[name] = self._of_kind(kinds.MACHINES, NodeConfig, "node", entry, defaults)
        return nodes

    def _check_images(self, matchbox: MatchboxConfig | None) -> None:
        """Each node's image is one of the rig's, or Matchbox has data without one, or it is not booted at all."""
        images = [name for name, _ in self._named("images")]
        for name, entry in self._named("nodes"):
            image = _text(entry.node, "image")
            if image is not None and image not in images:
                assert isinstance(entry.node, YamlMapping)
                hint = did_you_mean(image, images, what="images of this rig")
                place = entry.node.entries["image"].node.place
                self._findings.add(place, f"there is no image {quoted(image)} in this rig", hint)
            if _runs_already(entry.node):
                continue
            given = isinstance(entry.node, YamlMapping) and "image" not in entry.node.entries
            if given and matchbox is not None and matchbox.from_images:
                message = f"node {quoted(name)} has no image, and matchbox has no data of its own"
                self._findings.add(entry.key_place, message, "add `image:` here, or `data:` to `matchbox:`")
            elif given and isinstance(entry.node, YamlMapping) and not {"ready", "expect"} & set(entry.node.entries):
                message = f"node {quoted(name)} has no image, so nothing says when its boot is at its end"
                hint = 'add `ready: {console: "login: "}` here, an http request, or `expect:`'
                self._findings.add(entry.key_place, message, hint)

    def _check_names(self, key: str, what: str, *, section: str | None = None) -> None:
        """What a node names under a key is in the section of such things."""
        known = [name for name, _ in self._named(section or key)]
        for _, entry in self._named("nodes"):
            name = _text(entry.node, key)
            if name is not None and name not in known:
                assert isinstance(entry.node, YamlMapping)
                hint = did_you_mean(name, known, what=f"{what} of this rig")
                self._findings.add(entry.node.entries[key].node.place, f"this rig has no {key} {quoted(name)}", hint)

    def _check_one_machine_each(self) -> None:
        """No two nodes hang on one power port: whoever switches one would switch the other."""
        first: dict[str, str] = {}
        for node, entry in self._named("nodes"):
            port = _text(entry.node, "power")
            other = node if port is None else first.setdefault(port, node)
            if other != node:
                assert isinstance(entry.node, YamlMapping)
                message = f"node {node!r} hangs on the same power port as node {other!r}"
                self._findings.add(entry.node.entries["power"].node.place, message, "give each a port of its own")

    def _check_distinct(self, nodes: Mapping[str, NodeConfig | None]) -> None:
        """No two nodes have the same MAC address, UUID or serial number: Matchbox could not tell them
        apart."""
        first: dict[tuple[str, str], str] = {}
        entries = dict(self._named("nodes"))
        for name, node in nodes.items():
            if node is None:
                continue
            for key in SELECTORS:
                value = str(getattr(node, key))
                other = first.setdefault((key, value), name)
                if other != name:
                    mapping = entries[name].node
                    assert isinstance(mapping, YamlMapping)
                    place = mapping.entries[key].node.place if key in mapping.entries else entries[name].key_place
                    message = f"node {name!r} has the same {key} as node {other!r}"
                    self._findings.add(place, message, f"leave `{key}:` out: each node then has its own")


def _runs_already(node: YamlNode) -> bool:
    """Whether a node says `attach: true`."""
    entry = node.entries.get("attach") if isinstance(node, YamlMapping) else None
    return entry is not None and isinstance(entry.node, YamlScalar) and entry.node.value is True


def _text(node: YamlNode, key: str) -> str | None:
    """The text under a key of a section, if there is one."""
    entry = node.entries.get(key) if isinstance(node, YamlMapping) else None
    value = entry.node.value if entry is not None and isinstance(entry.node, YamlScalar) else None
    return value if isinstance(value, str) else None
