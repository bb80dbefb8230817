"""Where a bench's nodes are reached, written down for other processes: `hil check BENCH/NODE`.

One small file a node, in the bench's private folder, which only its owner can read; it names a talosconfig and holds
no key. A QEMU guest's door leads elsewhere after each power-on, so the file is written at each first question.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hil.readiness.talos.access import Access
from hil.readiness.talos.talosconfig import load
from hil.report.folder import write_whole

_SUFFIX = ".talos.json"


@dataclass(frozen=True, slots=True)
class Reached:
    """How one node is asked, and what is expected of it.

    Args:
        node: as the rig calls it.
        host: where a client on this host connects to.
        port: the TCP port there.
        talosconfig: the file that opens it, or "".
        context: which of its contexts, or "".
        fingerprint: of its certificate in maintenance mode, as its console said it, or "".
        simulated: what of the machine is simulated, in words, or "".
        expect: the keys of `expect: {talos: ...}` as JSON has them.
        sections: the other sections of `expect:`, each with its keys.
        doors: where its other TCP ports are reached, as host and port, by the port of the machine in decimals.
        kubeconfig: the file that opens its cluster, or "" for the one that Talos hands out.
        kube_context: which of its contexts, or "".
        networks: its cluster's, by what they are for, as {"pods": ("10.244.0.0/16",)}.
    """

    node: str
    host: str
    port: int
    talosconfig: str = ""
    context: str = ""
    fingerprint: str = ""
    simulated: str = ""
    expect: Mapping[str, object] = field(default_factory=dict)
    sections: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    doors: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    kubeconfig: str = ""
    kube_context: str = ""
    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def write_reached(directory: Path, reached: Reached) -> None:
    """Write it down.

    Args:
        directory: the bench's private folder.
        reached: what is known now.

    Raises:
        InfrastructureError: the folder cannot be written.
    """
    write_whole(directory / f"{reached.node}{_SUFFIX}", json.dumps(asdict(reached)) + "\n")


def read_reached(directory: Path) -> dict[str, Reached]:
    """What is written down of a bench's nodes, by name; a file that cannot be read is passed over.

    Args:
        directory: the bench's private folder.
    """
    found = (_parse(_read(file)) for file in sorted(directory.glob(f"*{_SUFFIX}")))
    return {reached.node: reached for reached in found if reached is not None}


def access_of(reached: Reached) -> Access:
    """How that node is reached and opened now.

    Raises:
        ConfigError: its talosconfig cannot be read.
    """
    context = load(Path(reached.talosconfig)).context(reached.context or None) if reached.talosconfig else None
    return Access(reached.host, reached.port, context, reached.fingerprint or None, forwarded=True)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


_WORDS = ("node", "host", "talosconfig", "context", "fingerprint", "simulated", "kubeconfig", "kube_context")


def _parse(data: bytes) -> Reached | None:
    try:
        raw = json.loads(data)
        words = {key: raw[key] for key in _WORDS}
        port, expect = raw["port"], raw["expect"]
        sections, doors = dict(raw["sections"]), {key: _door(value) for key, value in raw["doors"].items()}
        networks = {key: _texts(value) for key, value in raw["networks"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    right = all(isinstance(word, str) for word in words.values()) and isinstance(expect, dict)
    right = right and all(isinstance(keys, dict) for keys in sections.values())
    if not right or not isinstance(port, int):
        return None
    return Reached(**words, port=port, expect=expect, sections=sections, doors=doors, networks=networks)


def _texts(value: object) -> tuple[str, ...]:
    """A list of texts of a file. Raises ValueError when it is none."""
    if not (isinstance(value, list) and all(isinstance(text, str) for text in value)):
        raise ValueError(value)
    return tuple(value)


def _door(value: object) -> tuple[str, int]:
    """A door of a file. Raises ValueError when it is none."""
    if not (isinstance(value, list) and len(value) == 2):
        raise ValueError(value)
    host, port = value
    if not (isinstance(host, str) and isinstance(port, int)):
        raise ValueError(value)
    return host, port
