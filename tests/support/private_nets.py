"""Whether this host allows a network namespace, asked of unshare(1): no test is skipped for a fault of hil."""

from __future__ import annotations

import shutil
import subprocess

import pytest

_WAYS = (["--net"], ["--user", "--map-current-user", "--net"])


def _allowed() -> bool:
    program = shutil.which("unshare")
    return program is not None and any(
        subprocess.run([program, *way, "true"], capture_output=True, check=False).returncode == 0 for way in _WAYS
    )


needs_private_net = pytest.mark.skipif(not _allowed(), reason="this host allows no network namespace")
