"""What of the real world a machine takes for itself alone, by one name each: a serial line, a channel of a relay.

However a rig names it, a thing has the same name, so that two rigs on one host find out that they mean the same. Takes
nothing; `hil.taking` does.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from hil.config.model import HostPort

_LONGEST = 200  # of a file's name, which has at most 255 bytes (limits.h), with room for a suffix


@dataclass(frozen=True, slots=True, order=True)
class Thing:
    """One thing, and which rig key names it.

    Args:
        name: what it is called, whichever rig names it.
        key: the key, from the node's section: ("console",), or ("power", "channel").
    """

    name: str
    key: tuple[str | int, ...] = ()

    @property
    def file_name(self) -> str:
        """It as a file's name, from which `named` reads it back."""
        quoted = quote(self.name, safe=":@,+=[] ")
        if len(quoted) > _LONGEST:
            digest = hashlib.sha256(self.name.encode("utf-8", "surrogateescape")).hexdigest()
            quoted = f"{quoted[: _LONGEST - len(digest)]}-{digest}"
        return quoted + ".lock"


def named(file_name: str) -> str:
    """The name of the thing with that file name."""
    return unquote(file_name.removesuffix(".lock"))


def device(path: Path | str, *key: str | int) -> Thing:
    """A device of this host, as a serial line: a link under /dev/serial/by-id and what it points to are one.

    Args:
        path: absolute.
        key: which key of the node names it.
    """
    return Thing(os.path.realpath(path), key)


def endpoint(at: HostPort, *key: str | int, channel: str | int | None = None) -> Thing:
    """A device that is reached over the network, or one channel of it.

    A name and the address that it has are two things: no name server is asked, whose answer may change.

    Args:
        at: where it listens.
        key: which key of the node names it.
        channel: what of it is taken; None for all of it. A kind does always the one or always the other.
    """
    host = at.host.lower().removesuffix(".")
    with suppress(ValueError):
        host = ipaddress.ip_address(host).compressed
    name = str(HostPort(host, at.port))
    return Thing(name if channel is None else f"{name}:{channel}", key)
