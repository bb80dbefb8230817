"""A guest's own copy of EDK2's variables: as large as QEMU wants its flash, and mostly holes."""

from __future__ import annotations

from pathlib import Path

from hil.errors import InfrastructureError

_STEP = 1 << 20


def copy_variables(source: Path, copy: Path) -> None:
    """Copy a file and leave out the zeros: of the 64 MiB of a `virt` machine's flash nearly all are.

    Args:
        source: EDK2's template.
        copy: made or replaced.

    Raises:
        InfrastructureError: the template cannot be read, or the disk is full.
    """
    zeros, buffer = bytes(_STEP), bytearray(_STEP)
    try:
        with source.open("rb", buffering=0) as reader, copy.open("wb", buffering=0) as writer:
            size = 0
            while count := reader.readinto(buffer):
                if count < _STEP or buffer != zeros:
                    writer.seek(size)
                    writer.write(memoryview(buffer)[:count])
                size += count
            writer.truncate(size)
    except OSError as error:
        raise InfrastructureError(
            f"the firmware's variables cannot be copied from {source} to {copy}: {error.strerror}",
            hint="see that the disk has room, and that `hil doctor` finds EDK2",
        ) from error
