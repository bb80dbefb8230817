"""What is booted: kernel, initramfs and arguments, each file with its digest, and what to expect of them.

Knows no kinds of images: `files` and `probe` make these values.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.config.expect import Expect


@dataclass(frozen=True, slots=True)
class Asset:
    """One file that the machine fetches.

    Args:
        name: the last part of its URL; two assets of one image differ in it.
        path: where it lies on this host.
        sha256: of its bytes, 64 hexadecimal digits.
        origin: where it came from, for the record: a path, a URL, or package and version.
    """

    name: str
    path: Path
    sha256: str
    origin: str

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size


@dataclass(frozen=True, slots=True)
class HttpReady:
    """Ready when the machine answers an HTTP request.

    Args:
        port: TCP port of the machine.
        path: the path asked for, with its leading "/".
        body: found in the body of a 200 answer; None when any 200 will do.
    """

    port: int
    path: str
    body: re.Pattern[bytes] | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """When a boot is at its end: every condition that is set must hold.

    Args:
        console: found in the console's bytes.
        http: answered by the machine.
    """

    console: re.Pattern[bytes] | None = None
    http: HttpReady | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """What one node boots.

    Args:
        name: the rig's name for it.
        kind: the kind that made it, as in `kind:` of the rig file.
        kernel: the kernel's file.
        initrds: the initramfs archives, in the order in which the kernel unpacks them.
        args: the kernel's arguments.
        ready: when its boot is at its end.
        userspace: a console line that shows that the kernel has started the first program.
        expect: what must hold of the machine that booted it; None where the image says nothing.
        ports: TCP ports of the machine that are wanted reached, besides that of `ready`.
        prompt: what the shell on its console prints when it waits for a command; None without such a shell.
        machine_config: whether Talos reads a machine configuration that the bench makes and serves.
        extension_configs: the environment of each extension service in that configuration, by the service's name.
        tailnet: whether it joins a tailnet: the configuration of its extension service `tailscale` then needs the
            address of a control server and a key as well (TS_EXTRA_ARGS, TS_AUTHKEY, TS_HOSTNAME).
        tailnet_fault: what is wrong with how it joins, as "key-expired"; "" for nothing.
        simulated: what of it is simulated, in a few words for every report; "" when it is all real.
    """

    name: str
    kind: str
    kernel: Asset
    initrds: tuple[Asset, ...]
    args: tuple[str, ...]
    ready: Ready
    userspace: re.Pattern[bytes]
    expect: Expect | None = None
    ports: tuple[int, ...] = ()
    prompt: bytes | None = None
    machine_config: bool = False
    extension_configs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tailnet: bool = False
    tailnet_fault: str = ""
    simulated: str = ""

    @property
    def joins(self) -> bool:
        """Whether a machine that boots it joins a tailnet."""
        return self.tailnet or (self.expect is not None and self.expect.tailscale is not None)

    @property
    def assets(self) -> tuple[Asset, ...]:
        """Every file, the kernel first."""
        return (self.kernel, *self.initrds)


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes as 64 hexadecimal digits.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
