"""The archives that Talos sends."""

from __future__ import annotations

import gzip
import io
import tarfile


def packed(name: str, data: bytes) -> bytes:
    """One file in a tar archive, compressed."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return gzip.compress(tar.getvalue())
