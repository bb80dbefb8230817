"""What the layer of an extension holds besides its manifest and its service: files, and what they are made of.

Each extension has a module of its own that gives these, as `hello_layer` does. Puts no archive together and
compresses nothing (`layers`, `compress`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from hil.clock import Deadline
from hil.images.cpio import Entry
from hil.tools.cache import Cache
from hil.tools.progress import Progress

ROOTFS: Final = "usr/local/lib/containers"
"""Below it each extension service has its own "/", in a folder of its name (machinery, constants,
ExtensionServiceRootfsPath)."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The files of one layer.

    Args:
        entries: gives them, with paths from the machine's root; the folders that they lie in may be left out. Called
            only when no layer of the same parts is kept, so it may read much.
        seen: large files that they are made of, known by path, size and time.
        read: small files that they are made of, known by their content.
        told: whatever else they depend on, as a version.
    """

    entries: Callable[[], Iterable[Entry]]
    seen: tuple[Path, ...] = ()
    read: tuple[Path, ...] = ()
    told: tuple[str, ...] = ()


class Builder(Protocol):
    """What gives the contents of one extension's layer."""

    def __call__(self, cache: Cache, *, progress: Progress, deadline: Deadline) -> Contents:
        """Find or build what the layer is made of.

        Args:
            cache: keeps what is built or fetched.
            progress: told of what is.
            deadline: for all of it.

        Raises:
            InfrastructureError: some of it cannot be had.
        """
