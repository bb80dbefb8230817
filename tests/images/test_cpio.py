"""The archive that the kernel unpacks: read back by a reader of the format's own description."""

from __future__ import annotations

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.newc import read

from hil.images import cpio

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..", "TRAILER!!!")
)


@given(st.dictionaries(NAMES, st.binary(max_size=40), max_size=8), st.randoms())
def test_files_come_back_whatever_their_order(files: dict[str, bytes], random: object) -> None:
    entries = [cpio.file(name, data) for name, data in files.items()]
    archive = cpio.archive(entries)
    assert read(archive) == {name: (stat.S_IFREG | 0o644, data, (0, 0)) for name, data in files.items()}
    assert cpio.archive(reversed(entries)) == archive


def test_every_kind_of_entry() -> None:
    archive = cpio.archive(
        [
            cpio.file("bin/tool", b"x" * 5, 0o755),
            cpio.link("bin/sh", "tool"),
            cpio.folder("bin"),
            cpio.folder("dev"),
            cpio.character_device("dev/console", 5, 1),
        ]
    )
    assert read(archive) == {
        "bin": (stat.S_IFDIR | 0o755, b"", (0, 0)),
        "bin/sh": (stat.S_IFLNK | 0o777, b"tool", (0, 0)),
        "bin/tool": (stat.S_IFREG | 0o755, b"xxxxx", (0, 0)),
        "dev": (stat.S_IFDIR | 0o755, b"", (0, 0)),
        "dev/console": (stat.S_IFCHR | 0o600, b"", (5, 1)),
    }
    assert list(read(archive)) == ["bin", "bin/sh", "bin/tool", "dev", "dev/console"]


@pytest.mark.parametrize("path", ["", "/etc", "a//b", "../x", "a/./b", "a\0b", "TRAILER!!!"])
def test_paths_that_leave_the_archive_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="no path inside"):
        cpio.archive([cpio.folder("a"), cpio.file(path, b"")])


def test_a_file_without_its_folder_is_refused() -> None:
    with pytest.raises(ValueError, match="folder of 'etc/hosts'"):
        cpio.archive([cpio.file("etc/hosts", b"")])


def test_one_path_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        cpio.archive([cpio.file("a", b"1"), cpio.file("a", b"2")])
