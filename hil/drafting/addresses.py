"""Where a tree's machines expect their Matchbox: by the URLs in its profiles. Asks no network."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Final
from urllib.parse import urlsplit

from hil.config.model import HostPort
from hil.drafting.reading import Spot, UsersTree
from hil.errors import Problem
from hil.tools.fetch import shown

_URL: Final = re.compile(r"https?://[^\s\"'<>]+")
# The routes of Matchbox v0.11.0 (matchbox/http/server.go).
_ROUTES: Final = ("assets", "boot.ipxe", "boot.ipxe.0", "cloud", "generic", "grub", "ignition", "ipxe", "metadata")
_PORTS: Final = {"http": 80, "https": 443}
_WIDEST: Final = 8
_BEHIND_MATCHBOX: Final = (
    "a machine reaches nothing else: write /assets/... there, and in the rig file this URL under"
    " `assets: {files: ...}`"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One URL of a profile.

    Args:
        url: as it is written, without what may be secret in it.
        scheme: http or https.
        host: of it.
        port: of it, or its scheme's.
        matchboxes: whether its path is one that Matchbox answers.
        booted: whether it is that of a kernel or an initramfs.
        spot: where it is written.
    """

    url: str
    scheme: str
    host: str
    port: int
    matchboxes: bool
    booted: bool
    spot: Spot

    @property
    def at(self) -> HostPort | None:
        """The address of a Matchbox that a bench can take over: an IPv4 address, by HTTP."""
        try:
            IPv4Address(self.host)
        except AddressValueError:
            return None
        return HostPort(self.host, self.port) if self.scheme == "http" else None


@dataclass(frozen=True, slots=True)
class Address:
    """Where the bench is to be.

    Args:
        bench: the address; None where the tree names none.
        subnet: a network around it.
        why: where it comes from.
        undecided: URLs that a machine of the bench will not reach.
    """

    bench: HostPort | None
    subnet: IPv4Network | None
    why: str
    undecided: tuple[Problem, ...]


def seen_in(users: UsersTree) -> Iterator[Seen]:
    """Each URL in a profile, but those whose host only iPXE can tell."""
    for profile in users.tree.profiles.values():
        booted = (profile.kernel, *profile.initrd)
        for text in (*booted, *profile.args):
            for match in _URL.finditer(text):
                try:
                    parts = urlsplit(match[0])
                    port = parts.port or _PORTS[parts.scheme]
                except ValueError:
                    continue
                if not parts.hostname or "$" in parts.netloc:
                    continue
                route = parts.path.lstrip("/").partition("/")[0] in _ROUTES
                spot = users.text(profile.file, text)
                yield Seen(shown(match[0]), parts.scheme, parts.hostname, port, route, text in booted, spot)


def choose(users: UsersTree) -> Address:
    """The bench's address: the one that most of the tree's URLs of Matchbox have, the first by text among equals."""
    seen = list(seen_in(users))
    votes = Counter(str(each.at) for each in seen if each.matchboxes and each.at is not None)
    undecided = list(_unreached(seen, votes))
    if not votes:
        return Address(None, None, "", tuple(undecided))
    most = max(votes.values())
    chosen = HostPort.parse(min(text for text, count in votes.items() if count == most))
    place = next(each.spot for each in seen if each.at == chosen)
    told = f"{votes[str(chosen)]} of {sum(votes.values())} URLs of Matchbox in the tree, as" if len(votes) > 1 else ""
    where = f"{place.file.parent.name}/{place.file.name}:{place.line}"
    others = tuple(_other(each, chosen) for each in seen if each.matchboxes and each.at not in (None, chosen))
    return Address(chosen, around(chosen), f"{told} {where}".strip(), (*undecided, *others))


def around(bench: HostPort) -> IPv4Network:
    """The smallest network, of 256 addresses at least, in which the address is neither the first nor the last."""
    address = IPv4Address(bench.host)
    for length in range(24, _WIDEST, -1):
        network = IPv4Network((address, length), strict=False)
        if address not in (network.network_address, network.broadcast_address):
            return network
    return IPv4Network((address, _WIDEST), strict=False)


def _unreached(seen: Sequence[Seen], votes: Counter[str]) -> Iterator[Problem]:
    for each in seen:
        if each.matchboxes and each.at is None and not votes:
            hint = "a bench's Matchbox is found by an IPv4 address, over HTTP: write one in the tree, or a path alone"
            yield each.spot.undecided(f"{each.url} names Matchbox in a way that the bench cannot answer to", hint)
        elif not each.matchboxes or each.at is None:
            hint = (
                _BEHIND_MATCHBOX if each.booted else f"a machine reaches nothing else: see `egress:` for {each.host}"
            )
            yield each.spot.undecided(f"{each.url} is another server than Matchbox", hint)


def _other(each: Seen, chosen: HostPort) -> Problem:
    hint = f"write {chosen} there, or list {each.at} under `egress:`"
    return each.spot.undecided(f"{each.url} is not at {chosen}, where the bench's Matchbox is", hint)
