"""Makes an ELF program smaller: leaves out all that is there for linkers and debuggers, and runs the same.

Only what a kernel and a dynamic linker read is kept: the segments. Sources: System V ABI, "Object Files" (sections
and symbols are of no use to a program that runs); elf(5) for the layout.
"""

from __future__ import annotations

import struct
from typing import Final

_ELF64_LITTLE: Final = b"\x7fELF\x02\x01"
_HEADER: Final = 64
_PROGRAM_HEADER: Final = 56
# e_shoff; then e_shnum and e_shstrndx, behind e_phentsize, e_phnum and e_shentsize.
_SECTIONS_AT: Final = 40
_SECTION_COUNT_AT: Final = 60


class NotAProgram(ValueError):
    """The bytes are not a whole little-endian 64-bit ELF program."""


def stripped(program: bytes) -> bytes:
    """The program up to the end of its last segment, without section headers.

    Args:
        program: a 64-bit little-endian ELF file with program headers.

    Raises:
        NotAProgram: it is none, or is cut off.
    """
    end = max(_HEADER, *_ends(program))
    kept = bytearray(program[:end])
    struct.pack_into("<Q", kept, _SECTIONS_AT, 0)
    struct.pack_into("<HH", kept, _SECTION_COUNT_AT, 0, 0)
    return bytes(kept)


def _ends(program: bytes) -> list[int]:
    """Where the program headers and each segment end in the file."""
    if not program.startswith(_ELF64_LITTLE) or len(program) < _HEADER:
        raise NotAProgram("it does not start like a 64-bit ELF program")
    (table,) = struct.unpack_from("<Q", program, 32)
    size, count = struct.unpack_from("<HH", program, 54)
    if size != _PROGRAM_HEADER or not count:
        raise NotAProgram("it has no program headers")
    ends = [table + count * size]
    if ends[0] <= len(program):
        headers = struct.iter_unpack("<IIQQQQQQ", program[table : ends[0]])
        ends += [offset + in_file for _, _, offset, _, _, in_file, _, _ in headers]
    if max(ends) > len(program):
        raise NotAProgram(f"it is cut off: {len(program)} bytes of {max(ends)}")
    return ends
