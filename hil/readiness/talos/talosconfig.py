"""The talosconfig: which clusters there are, by which certificates one is let in. Reads the file and asks no node.

Like talosctl (machinery v1.13.9, client/config) it ignores keys that it does not know. Unlike it, it refuses what
could never work: a certificate that is none, a context without a key. Nothing of a private key is ever shown.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from hil.config.source import WHOLE_FILE, Findings, Place, Source
from hil.config.suggest import did_you_mean
from hil.config.tree import YamlList, YamlMapping, YamlNode, YamlScalar, kind_of, quoted
from hil.config.yamlpos import compose, decode
from hil.errors import ConfigError, Problem

_MEND: Final = (
    "take the talosconfig that was made with the cluster; `talosctl config info` shows how talosctl reads it"
)
_LABEL: Final = re.compile(rb"-----(BEGIN|END) ED25519 PRIVATE KEY-----")
_SERVICE_ACCOUNT: Final = Path("/var/run/secrets/talos.dev/config")


@dataclass(frozen=True, slots=True)
class TalosConfigContext:
    """One context: one cluster, and who one is there.

    Args:
        name: as the file calls it.
        file: the file, as the user named it.
        endpoints: addresses of the cluster's APIs; may be none.
        ca: the cluster's CA certificate, PEM.
        crt: the client's certificate, PEM.
        key: its private key, PEM with the label that OpenSSL knows; never shown.
    """

    name: str
    file: str
    endpoints: tuple[str, ...]
    ca: bytes = field(repr=False)
    crt: bytes = field(repr=False)
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TalosConfig:
    """A whole talosconfig.

    Args:
        file: as the user named it.
        current: the context that it names as its own choice, or "".
        contexts: by name.
    """

    file: str
    current: str
    contexts: Mapping[str, TalosConfigContext]

    def context(self, name: str | None = None) -> TalosConfigContext:
        """The context of that name; without one the file's own choice.

        Raises:
            ConfigError: there is none.
        """
        wanted = name or self.current
        if not wanted:
            raise _error(self.file, "the file chooses no context", "add `context:`, or say which one is meant")
        if wanted not in self.contexts:
            hint = did_you_mean(wanted, sorted(self.contexts), what="contexts")
            raise _error(self.file, f"there is no context {quoted(wanted)}", hint)
        return self.contexts[wanted]


def default_file(environment: Mapping[str, str] | None = None) -> Path | None:
    """The talosconfig that talosctl would take: the first that exists, or None.

    $TALOSCONFIG, then config in $TALOS_HOME or ~/.talos, then a service account's (machinery, client/config/path.go).

    Args:
        environment: the variables; the process's own when None.
    """
    variables = os.environ if environment is None else environment
    candidates = [Path(variables["TALOSCONFIG"])] if "TALOSCONFIG" in variables else []
    home = variables.get("TALOS_HOME", "")
    if home.startswith("/"):
        candidates.append(Path(home) / "config")
    elif "HOME" in variables:
        candidates.append(Path(variables["HOME"]) / ".talos" / "config")
    return next((path for path in (*candidates, _SERVICE_ACCOUNT) if path.is_file()), None)


def load(file: Path) -> TalosConfig:
    """Read a talosconfig.

    Raises:
        ConfigError: it cannot be read, or is not a talosconfig; with file and line, and no line of its text.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise _error(
            str(file), f"the talosconfig cannot be read: {error.strerror}", "name a file that is there"
        ) from None
    return parse(str(file), data)


@lru_cache(maxsize=16)  # it is wanted anew for each connection that is tried
def parse(name: str, data: bytes) -> TalosConfig:
    """A talosconfig from its bytes.

    Args:
        name: the file, as the user named it.
        data: its content.

    Raises:
        ConfigError: it is not a talosconfig; with file and line, and no line of its text.
    """
    try:
        source = decode(name, data)
        findings = Findings(source)
        tree = compose(source, findings, {})
        config = _Reader(source, findings, tree).config()
        if findings:
            raise findings.error()
    except ConfigError as error:
        raise ConfigError([_without_text(problem) for problem in error.problems], hint=_MEND) from None
    return config


def _error(file: str, message: str, hint: str) -> ConfigError:
    return ConfigError([Problem(file, 0, 0, "", message, hint)], hint=_MEND)


def _without_text(problem: Problem) -> Problem:
    """The problem without the file's line, which may hold a key, and without what is said of rig files."""
    hint = "" if "rig" in problem.hint or "`hil:" in problem.hint else problem.hint
    return replace(problem, text="", hint=hint)


class _Reader:
    """Takes a talosconfig out of its tree; what is wrong goes to the findings."""

    def __init__(self, source: Source, findings: Findings, tree: YamlMapping) -> None:
        self._file = source.name
        self._findings = findings
        self._tree = tree

    def config(self) -> TalosConfig:
        contexts: dict[str, TalosConfigContext] = {}
        entry = self._tree.entries.get("contexts")
        if entry is None or not isinstance(entry.node, YamlMapping):
            place = WHOLE_FILE if entry is None else entry.key_place
            self._findings.add(place, "a talosconfig has its clusters under `contexts:`, by name")
            return TalosConfig(self._file, "", {})
        for name, child in entry.node.entries.items():
            if not isinstance(child.node, YamlMapping):
                self._findings.add(child.key_place, f"the context {quoted(name)} must have keys and values")
                continue
            context = self._context(name, child.node, child.key_place)
            if context is not None:
                contexts[name] = context
        return TalosConfig(self._file, self._text(self._tree, "context")[0], contexts)

    def _context(self, name: str, node: YamlMapping, place: Place) -> TalosConfigContext | None:
        if "auth" in node.entries and "crt" not in node.entries:
            hint = "take a talosconfig with `ca`, `crt` and `key`"
            self._findings.add(place, f"the context {quoted(name)} signs in by `auth:`, which is not read here", hint)
            return None
        ca, crt = (self._pem(name, node, key, place, b"CERTIFICATE") for key in ("ca", "crt"))
        key = self._pem(name, node, "key", place, b"PRIVATE KEY")
        if not (ca and crt and key):
            return None
        return TalosConfigContext(
            name, self._file, self._endpoints(node), ca, crt, _LABEL.sub(rb"-----\1 PRIVATE KEY-----", key)
        )

    def _pem(self, name: str, node: YamlMapping, key: str, place: Place, what: bytes) -> bytes | None:
        """The PEM text behind the base64 of one key."""
        text, at = self._text(node, key)
        if not text:
            self._findings.add(at or place, f"the context {quoted(name)} has no `{key}`")
            return None
        try:
            pem = base64.b64decode(text.replace("\n", ""), validate=True)
        except (binascii.Error, ValueError):
            self._findings.add(at or place, f"`{key}` is not base64")
            return None
        if re.search(rb"-----BEGIN [A-Z0-9 ]{0,40}" + what + rb"-----", pem) is None:
            self._findings.add(at or place, f"`{key}` is not a PEM {what.decode().lower()} in base64")
            return None
        return pem

    def _endpoints(self, node: YamlMapping) -> tuple[str, ...]:
        """`endpoints`, and `target`, which was its name before it was a list (client/config, Context.upgrade)."""
        entry = node.entries.get("endpoints")
        listed: list[str] = []
        if entry is not None and isinstance(entry.node, YamlList):
            listed = [self._endpoint(item) for item in entry.node.items]
        elif entry is not None and not _is_nothing(entry.node):
            self._findings.add(entry.node.place, "`endpoints` must be a list of addresses")
        target, _ = self._text(node, "target")
        return (*filter(None, listed), *filter(None, [target]))

    def _endpoint(self, item: YamlNode) -> str:
        if isinstance(item, YamlScalar) and isinstance(item.value, str):
            return item.value
        self._findings.add(item.place, "an endpoint must be text: an address or a name")
        return ""

    def _text(self, node: YamlMapping, key: str) -> tuple[str, Place | None]:
        """The text under a key, "" where there is none, and where it stands."""
        entry = node.entries.get(key)
        if entry is None or _is_nothing(entry.node):
            return "", None if entry is None else entry.key_place
        if isinstance(entry.node, YamlScalar) and isinstance(entry.node.value, str):
            return str(entry.node.value), entry.node.place
        value = entry.node.value if isinstance(entry.node, YamlScalar) else ()
        shown = "keys, a list or a number" if isinstance(value, int | float) else kind_of(value)
        self._findings.add(entry.node.place, f"`{key}` must be text, not {shown}")
        return "", entry.node.place


def _is_nothing(node: YamlNode) -> bool:
    return isinstance(node, YamlScalar) and node.value is None
