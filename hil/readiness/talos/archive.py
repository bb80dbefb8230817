"""Unpacks the archive in which Talos sends a kubeconfig. Asks nothing, writes nothing."""

from __future__ import annotations

import io
import tarfile
import zlib
from typing import Final

_FILE: Final = "kubeconfig"
_MOST: Final = 1 << 20


def unpacked(data: bytes) -> bytes | None:
    """The kubeconfig in a gzip-compressed tar archive; None when the bytes are something else.

    Source: siderolabs/talos, internal/app/machined/internal/server/v1alpha1/v1alpha1_server.go, Kubeconfig.

    Args:
        data: as it came; what would unpack to more than 1 MiB is something else.
    """
    inflate = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        whole = inflate.decompress(data, _MOST)
        with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
            member = archive.getmember(_FILE)
            file = archive.extractfile(member)
            return None if file is None else file.read()
    except (zlib.error, tarfile.TarError, KeyError, EOFError, ValueError, OverflowError):
        return None
