"""Reads the "newc" cpio archive by the format's own description, as the kernel does; writes none."""

from __future__ import annotations


def read(archive: bytes) -> dict[str, tuple[int, bytes, tuple[int, int]]]:
    """Path to (mode, data, device), as Linux's init/initramfs.c reads them."""
    found: dict[str, tuple[int, bytes, tuple[int, int]]] = {}
    at = 0
    while True:
        assert archive[at : at + 6] == b"070701"
        fields = [int(archive[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        name_end = at + 110 + fields[11]
        name = archive[at + 110 : name_end]
        assert name.endswith(b"\0")
        start = name_end + -name_end % 4
        path = name[:-1].decode()
        if path == "TRAILER!!!":
            assert start == len(archive)
            return found
        assert path not in found
        found[path] = (fields[1], archive[start : start + fields[6]], (fields[9], fields[10]))
        end = start + fields[6]
        at = end + -end % 4
