"""Reads the host's apt sources, picks the distribution's own, turns them to another suite or architecture.

Text in, text out: nothing here runs apt. Third-party sources are never used: they are signed by others, and
what they hold is not part of a suite. Both formats of sources.list(5) are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hil.tools.host import Distribution

_COMPONENTS = {
    "debian": ("main",),
    "ubuntu": ("main", "universe"),
}
_KEYRINGS = {
    "debian": "/usr/share/keyrings/debian-archive-keyring.gpg",
    "ubuntu": "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
}
_ALIASES = {
    "debian": ("oldstable", "stable", "testing", "unstable"),
    "ubuntu": (),
}
_POCKETS = ("", "-updates", "-security")
_ARCHIVE_NAMES = ("debian", "debian-security", "ubuntu", "ubuntu-ports")
_ONE_LINE = re.compile(r"^\s*(deb)\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<uri>\S+)\s+(?P<rest>.+?)\s*$")


@dataclass(frozen=True, slots=True)
class Source:
    """One source of binary packages.

    Args:
        uri: where, as the host has it.
        suite: one suite, as "bookworm-updates".
        components: as ("main", "contrib").
        options: sources.list(5) options by their lower-case one-line name, as "signed-by" and "arch".
    """

    uri: str
    suite: str
    components: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)


def parse_one_line(text: str) -> list[Source]:
    """The `deb` lines of a sources.list; all else (deb-src, comments, other text) is passed over."""
    found = []
    for line in text.splitlines():
        match = _ONE_LINE.match(line.partition("#")[0])
        if match is None:
            continue
        pairs = (item.partition("=") for item in (match["options"] or "").split())
        options = {name.rstrip("+-").lower(): value.replace(",", " ") for name, _, value in pairs}
        suite, *components = match["rest"].split()
        found.append(Source(match["uri"], suite, tuple(components), options))
    return found


def parse_deb822(text: str) -> list[Source]:
    """The sources of a .sources file, one for each URI and suite; disabled stanzas are passed over."""
    found = []
    for stanza in re.split(r"\n\s*\n", "\n".join(_without_comments(text))):
        fields = parse_stanza(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in (
            "no",
            "false",
        ):
            continue
        options = {"arch": fields.get("architectures", ""), "signed-by": fields.get("signed-by", "")}
        kept = {name: value for name, value in options.items() if value}
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                found.append(Source(uri, suite, tuple(fields.get("components", "").split()), kept))
    return found


def _without_comments(text: str) -> Iterable[str]:
    return (line for line in text.splitlines() if not line.startswith("#"))


def parse_stanza(text: str) -> dict[str, str]:
    """The fields of one deb822(5) stanza, names in lower case; continuation lines follow a line feed."""
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line[:1] in (" ", "\t"):
            if name:
                fields[name] += "\n" + line.strip()
            continue
        key, colon, value = line.partition(":")
        if colon:
            name = key.strip().lower()
            fields[name] = value.strip()
    return fields


def host_sources(etc_apt: Path = Path("/etc/apt")) -> list[Source]:
    """All sources of the host, in apt's order; a file that cannot be read is passed over."""
    found: list[Source] = []
    for path in [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]:
        parse = {".list": parse_one_line, ".sources": parse_deb822}.get(path.suffix)
        try:
            if parse is not None:
                found += parse(path.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue
    return found


def derive(
    sources: Sequence[Source], host: Distribution, *, suite: str, arch: str, native: str
) -> tuple[list[Source], str]:
    """The host's own sources, turned to another suite and architecture.

    Args:
        sources: those of the host.
        host: whose suites count as its own.
        suite: the code name that is wanted, as "trixie"; the host's own to change nothing.
        arch: Debian architecture, as "arm64".
        native: that of the host.

    Returns:
        The sources to use and "", or none and why.
    """
    if host.family not in _COMPONENTS:
        return [], f"this host ({host.id or 'unknown'}) is neither Debian nor Ubuntu"
    own = [source for source in sources if _is_own(source, host)]
    if not own:
        return (
            [],
            f"its apt sources have no suite of {host.family} {host.codename} signed by {host.family} itself",
        )
    if host.family == "ubuntu" and arch != native:
        # Ubuntu keeps all but amd64 and i386 on another archive (ubuntu-ports) with another address.
        own = [source for source in own if arch in source.options.get("arch", "").split() or _is_ports(source)]
        if not own:
            return [], f"its apt sources have no Ubuntu archive for {arch} (ubuntu-ports)"
    made: dict[tuple[str, str], Source] = {}
    for source in own:
        name = suite + _pocket(source.suite, host)
        options = {"arch": arch, "signed-by": source.options.get("signed-by") or _KEYRINGS[host.family]}
        components = tuple(item for item in source.components if item in _COMPONENTS[host.family])
        made[(source.uri, name)] = Source(source.uri, name, components, options)
    return list(made.values()), ""


def _bases(host: Distribution) -> tuple[str, ...]:
    return (host.codename, *_ALIASES[host.family])


def _pocket(suite: str, host: Distribution) -> str:
    for base in _bases(host):
        for pocket in _POCKETS:
            if suite == base + pocket:
                return pocket
    return ""


def _is_own(source: Source, host: Distribution) -> bool:
    if not any(source.suite == base + pocket for base in _bases(host) for pocket in _POCKETS):
        return False
    if "main" not in source.components:
        return False
    # Others name suites by code names too; they differ by key or, with the old common keyring, by path.
    if signed_by := source.options.get("signed-by"):
        return Path(signed_by).name.startswith(f"{host.family}-archive-")
    return source.uri.rstrip("/").rpartition("/")[2] in (*_ARCHIVE_NAMES, f"{host.family}.list")


def _is_ports(source: Source) -> bool:
    return source.uri.rstrip("/").endswith("/ubuntu-ports")


def render(sources: Sequence[Source]) -> str:
    """The one-line sources.list of these sources, package lists only (no translations, no contents)."""
    lines = []
    for source in sources:
        options = " ".join(f"{name}={value.replace(' ', ',')}" for name, value in sorted(source.options.items()))
        lines.append(f"deb [{options} target=Packages] {source.uri} {source.suite} {' '.join(source.components)}")
    return "\n".join(lines) + "\n"
