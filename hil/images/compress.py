"""Compresses an initramfs archive with Zstandard, for the wire that a machine fetches it over; unpacks nothing.

Linux unpacks it by itself (CONFIG_RD_ZSTD, which Debian's and Talos's kernels have), also where several are fetched
one after the other. The same bytes give the same bytes with one version of the library, which the lock file pins.
"""

from __future__ import annotations

from typing import Final

LEVEL: Final = 3
"""A higher one costs a build more than it saves a boot: level 9 takes three times as long for 8 % less."""


def compressed(archive: bytes) -> bytes:
    """The archive as one Zstandard frame (RFC 8878)."""
    import zstandard

    return zstandard.ZstdCompressor(level=LEVEL).compress(archive)
