"""Whether this host allows a network namespace, and taps in one: not asked of hil, whose faults must skip no test."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_WAYS = (["--net"], ["--user", "--map-current-user", "--net"])
_TUN = Path("/dev/net/tun")


def _allowed() -> bool:
    program = shutil.which("unshare")
    return program is not None and any(
        subprocess.run([program, *way, "true"], capture_output=True, check=False).returncode == 0 for way in _WAYS
    )


_PRIVATE = _allowed()

needs_private_net = pytest.mark.skipif(not _PRIVATE, reason="this host allows no network namespace")
needs_taps = pytest.mark.skipif(
    not (_PRIVATE and os.access(_TUN, os.R_OK | os.W_OK)),
    reason="needs root, or a user namespace and a /dev/net/tun that opens",
)
