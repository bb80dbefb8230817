"""The copy of the firmware's variables is the same bytes, with holes for zeros."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import InfrastructureError
from hil.machines.qemu.variables import copy_variables, filled_steps
from hil.tools.cache import Cache

MIB = 1 << 20


@pytest.mark.parametrize("tail", [b"", b"odd end", bytes(100)])
def test_the_copy_is_the_same_bytes_and_takes_less_room(tmp_path: Path, tail: bytes) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(bytes(3 * MIB) + b"\xff" * MIB + bytes(12 * MIB) + tail)
    cache = Cache(tmp_path / "cache")
    for _ in ("found out", "remembered"):
        copy_variables(source, copy, cache)
        assert copy.read_bytes() == source.read_bytes()
        assert copy.stat().st_blocks * 512 < 3 * MIB
    assert filled_steps(source) == [3, *([16] if tail.strip(b"\0") else [])]


def test_a_template_that_changed_is_looked_at_again(tmp_path: Path) -> None:
    source, copy, cache = tmp_path / "source", tmp_path / "copy", Cache(tmp_path / "cache")
    source.write_bytes(bytes(2 * MIB))
    copy_variables(source, copy, cache)
    source.write_bytes(bytes(MIB) + b"new" + bytes(MIB))
    copy_variables(source, copy, cache)
    assert copy.read_bytes() == source.read_bytes()


def test_a_template_that_is_gone_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"variables cannot be copied from .*No such file"):
        copy_variables(tmp_path / "nothing", tmp_path / "copy", Cache(tmp_path / "cache"))
