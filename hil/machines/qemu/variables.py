"""A guest's own copy of EDK2's variables: as large as QEMU wants its flash, and mostly holes."""

from __future__ import annotations

from pathlib import Path

from hil.errors import InfrastructureError
from hil.tools.cache import Cache
from hil.tools.memo import remembered

_STEP = 1 << 20


def copy_variables(source: Path, copy: Path, cache: Cache) -> None:
    """Copy a file and leave out the zeros: of the 64 MiB of a `virt` machine's flash nearly all are.

    Args:
        source: EDK2's template.
        copy: made or replaced.
        cache: remembers where the template has anything, which takes 25 ms to find out.

    Raises:
        InfrastructureError: the template cannot be read, or the disk is full.
    """
    try:
        filled = remembered(cache, "edk2-variables", source, lambda: " ".join(map(str, filled_steps(source))))
        with source.open("rb", buffering=0) as reader, copy.open("wb", buffering=0) as writer:
            for step in map(int, filled.split()):
                reader.seek(step * _STEP)
                writer.seek(step * _STEP)
                writer.write(reader.read(_STEP))
            writer.truncate(source.stat().st_size)
    except OSError as error:
        raise InfrastructureError(
            f"the firmware's variables cannot be copied from {source} to {copy}: {error.strerror}",
            hint="see that the disk has room, and that `hil doctor` finds EDK2",
        ) from error


def filled_steps(source: Path) -> list[int]:
    """Which MiB of a file, counted from 0, hold anything but zeros.

    Raises:
        OSError: it cannot be read.
    """
    zeros, buffer, found, step = bytes(_STEP), bytearray(_STEP), [], 0
    with source.open("rb", buffering=0) as reader:
        while count := reader.readinto(buffer):
            # A memoryview compares item by item: tens of times slower than a copy of the slice.
            if buffer[:count] != zeros[:count]:
                found.append(step)
            step += 1
    return found
