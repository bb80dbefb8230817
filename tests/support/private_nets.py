"""Whether this host allows a network namespace, and taps in one: not asked of hil, whose faults must skip no test."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from hil.clock import Deadline
from hil.keeper.client import Keeper
from hil.keeper.starting import await_ready, past

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


def said_by(keeper: Keeper, name: str, argv: Sequence[str], end: bytes, *, within: float) -> bytes:
    """Start a child of the keeper; what it says until its words end so.

    Args:
        keeper: owns it.
        name: the keeper's, for it.
        argv: the command.
        end: the last bytes that are waited for.
        within: seconds that it may take.
    """
    since = past(keeper, name)
    keeper.spawn(name, argv)
    return await_ready(
        keeper,
        name,
        lambda said: said if said.endswith(end) else None,
        what=name,
        hint="",
        since=since,
        deadline=Deadline.after(within),
    )
