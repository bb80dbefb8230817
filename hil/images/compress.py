"""Compresses an initramfs archive with Zstandard, for the wire that a machine fetches it over; unpacks nothing.

Linux unpacks it by itself (CONFIG_RD_ZSTD, which Debian's and Talos's kernels have), also where several are fetched
one after the other. The same bytes give the same bytes with one version of the library, which the lock file pins.
"""

from __future__ import annotations

from typing import Final

QUICK: Final = 3
"""For what is made anew often: level 9 takes three times as long for 8 % less."""

SMALL: Final = 19
"""For what is large and hardly ever made anew."""

# Any number of threads gives the same bytes, but none gives others; so it is not left to the host.
_THREADS: Final = 2


def compressed(archive: bytes, level: int = QUICK) -> bytes:
    """The archive as one Zstandard frame (RFC 8878).

    Args:
        archive: it.
        level: of Zstandard, 1 to 22: how hard it is tried.
    """
    import zstandard

    return zstandard.ZstdCompressor(level=level, threads=_THREADS).compress(archive)
