"""Reads firmware files out of an archive (.zip, .tar and its compressed forms). Writes nothing to disk.

The archive comes from outside: names that leave it, links and devices are passed over, and nothing larger than a board
could ever load is read.
"""

from __future__ import annotations

import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

MAX_FILE: Final = 64 << 20
"""Bytes of one file: more than any firmware, kernel or initramfs that a board fetches at this stage."""

_MAX_MEMBERS: Final = 20_000
_MAX_UNPACKED: Final = 2 << 30
# As a rig writes the names of files (`hil.config.assets`): the same in a TFTP request and in a file system.
_NAME: Final = re.compile(r"[A-Za-z0-9._~+-]+(?:/[A-Za-z0-9._~+-]+)*")
_FAULTS: Final = (
    zipfile.BadZipFile,
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
"""What zipfile, tarfile and what unpacks for them raise on bytes that they do not read.

NotImplementedError is zipfile's, for a way of packing that it does not know, and RuntimeError for a file that is
locked by a password (CPython, Lib/zipfile, `_get_decompressor` and `ZipFile.open`).
"""


class BadArchive(Exception):
    """It is no archive, or one that is not read; the text says why."""


@dataclass(frozen=True, slots=True)
class _Member:
    info: zipfile.ZipInfo | tarfile.TarInfo
    size: int


class Archive:
    """An open archive; a context manager, whose end closes it.

    Args:
        path: the file.

    Raises:
        BadArchive: it is none.
    """

    def __init__(self, path: Path) -> None:
        with _told():
            self._file: zipfile.ZipFile | tarfile.TarFile = (
                zipfile.ZipFile(path) if zipfile.is_zipfile(path) else tarfile.open(path)  # noqa: SIM115
            )
        try:
            with _told():
                self._members = dict(_members(self._file))
        except BadArchive:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def names(self) -> frozenset[str]:
        """The regular files in it that have a safe name."""
        return frozenset(self._members)

    def read(self, name: str) -> bytes:
        """One file's bytes.

        Args:
            name: one of `names`.

        Raises:
            BadArchive: it is too large, or the archive is damaged there.
        """
        member = self._members[name]
        if member.size > MAX_FILE:
            raise BadArchive(f"{name} in it has {member.size} bytes, and no file of a boot has more than {MAX_FILE}")
        with _told():
            data = self._read(member)
        if len(data) != member.size:
            raise BadArchive(f"{name} in it has not the size that the archive says")
        return data

    def _read(self, member: _Member) -> bytes:
        if isinstance(self._file, zipfile.ZipFile):
            assert isinstance(member.info, zipfile.ZipInfo)
            with self._file.open(member.info) as stream:
                return stream.read(MAX_FILE + 1)
        else:
            assert isinstance(member.info, tarfile.TarInfo)
            found = self._file.extractfile(member.info)
            if found is None:
                raise BadArchive(f"{member.info.name} in it is no file")
            with found:
                return found.read(MAX_FILE + 1)


@contextmanager
def _told() -> Iterator[None]:
    """A fault of the archive as a BadArchive; the modules that read it have many kinds."""
    try:
        yield
    except _FAULTS as error:
        # tarfile lists below what each of its methods said of it.
        said = next(iter(str(error).splitlines()), type(error).__name__).rstrip(":")
        raise BadArchive(f"it cannot be read as a zip or tar archive: {said}") from error


def _members(archive: zipfile.ZipFile | tarfile.TarFile) -> Iterator[tuple[str, _Member]]:
    unpacked = 0
    for number, (name, member, regular) in enumerate(_all(archive)):
        unpacked += member.size
        if number >= _MAX_MEMBERS or unpacked > _MAX_UNPACKED:
            raise BadArchive(f"it holds more than {_MAX_MEMBERS} files or {_MAX_UNPACKED >> 30} GiB")
        name = name.removeprefix("./")
        if regular and _NAME.fullmatch(name) and not {".", ".."} & set(name.split("/")):
            yield name, member


def _all(archive: zipfile.ZipFile | tarfile.TarFile) -> Iterator[tuple[str, _Member, bool]]:
    if isinstance(archive, zipfile.ZipFile):
        for entry in archive.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)  # 0 where the archive was not made on a Unix
            yield entry.filename, _Member(entry, entry.file_size), kind in (0, stat.S_IFREG)
    else:
        for member in archive:
            yield member.name, _Member(member, member.size), member.isreg()
