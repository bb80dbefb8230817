"""Makes the stand-in for a Raspberry Pi's firmware: an archive of files that only say that they are none.

The twin's bootloader fetches and never runs them; the files have the names that a board asks for. No byte is anybody's
firmware.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final, TypeAlias

Contents: TypeAlias = dict[str, int]
"""Names, each with the size of its file in bytes."""

_FIRST_LINE: Final = b"hil bench twin stand-in for %b: no firmware\n"
_NO_NETWORK: Final = b"without network support\n"
_TIME: Final = (1980, 1, 1, 0, 0, 0)  # the first that a zip archive can say: the same archive each time

# Names: pftf/RPi4, .github/workflows/linux_edk2.yml (what its archive has), and raspberrypi/firmware, boot/, for the
# rest. Sizes: the small files about as large as real ones, the large ones about 100 KiB, so that a boot is quick.
_BCM2711: Final[Contents] = {
    "start4.elf": 100 << 10,
    "fixup4.dat": 5 << 10,
    "RPI_EFI.fd": 96 << 10,
    "u-boot.bin": 64 << 10,
    "bcm2711-rpi-4-b.dtb": 54 << 10,
    "bcm2711-rpi-cm4.dtb": 54 << 10,
    "overlays/disable-bt.dtbo": 1 << 10,
    "overlays/miniuart-bt.dtbo": 1 << 10,
    "overlays/upstream-pi4.dtbo": 2 << 10,
}
_BCM2837: Final[Contents] = {
    "bootcode.bin": 52 << 10,
    "start.elf": 100 << 10,
    "fixup.dat": 7 << 10,
    "u-boot.bin": 64 << 10,
    "bcm2710-rpi-cm3.dtb": 32 << 10,
}
_START: Final = ("start4.elf", "start.elf")


def make(directory: Path, model: str, *, network: bool = True) -> Path:
    """Write the archive.

    Args:
        directory: an existing folder.
        model: of the board: "cm4", "pi4", "cm3" or "cm3+".
        network: whether start4.elf (start.elf) says that it can do TFTP.

    Returns:
        The zip archive in `directory`; of the same model always the same bytes.
    """
    contents = _BCM2837 if model.startswith("cm3") else _BCM2711
    path = directory / f"stand-in-{model}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, size in contents.items():
            archive.writestr(zipfile.ZipInfo(name, _TIME), _file(name, size, network=network or name not in _START))
    return path


def _file(name: str, size: int, *, network: bool) -> bytes:
    head = _FIRST_LINE % name.encode() + (b"" if network else _NO_NETWORK)
    return head.ljust(size, b"\0")
