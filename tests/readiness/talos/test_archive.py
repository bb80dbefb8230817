"""The archive of a kubeconfig: what comes out of it, and that no bytes break it."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.archives import packed

from hil.readiness.talos.archive import unpacked

GOOD = packed("kubeconfig", b"kind: Config\n")


def folder() -> bytes:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        member = tarfile.TarInfo("kubeconfig")
        member.type = tarfile.DIRTYPE
        archive.addfile(member)
    return gzip.compress(tar.getvalue())


def test_the_one_file_comes_out() -> None:
    assert unpacked(GOOD) == b"kind: Config\n"


@pytest.mark.parametrize(
    "data",
    [b"", b"kind: Config\n", packed("config", b"kind: Config\n"), folder(), gzip.compress(b"x"), GOOD[:40]],
    ids=["nothing", "plain", "another name", "a folder", "no archive", "cut"],
)
def test_something_else_is_none(data: bytes) -> None:
    assert unpacked(data) is None


def test_what_unpacks_without_end_is_none() -> None:
    assert unpacked(packed("kubeconfig", bytes(8 << 20))) is None


@given(st.binary(max_size=600))
def test_no_bytes_break_it(data: bytes) -> None:
    for sent in (data, gzip.compress(data)):
        found = unpacked(sent)
        assert found is None or isinstance(found, bytes)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_no_changed_byte_breaks_it(at: int, byte: int) -> None:
    unpacked(GOOD[:at] + bytes([byte]) + GOOD[at + 1 :])
