"""The serial lines of this host that a board's console may be on: USB adapters, by the name that stays the same.

Not the host's own UARTs, on which its own console may be. Opens none.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

# Names that udev makes (systemd, 60-serial.rules); then the kernel's own, of USB serial converters and of CDC ACM.
_PLACES: Final = (("serial/by-id", "*"), ("serial/by-path", "*"), (".", "ttyUSB*"), (".", "ttyACM*"))


def host_lines(*, besides: Iterable[str] = (), root: Path = Path("/dev")) -> list[str]:
    """The device files of the USB serial adapters, each once, by its best name.

    Two adapters of one model without serial number have one name by id, which leads to one of them; the other is then
    named by its place.

    Args:
        besides: device files that are something else: relay boards. By whatever name.
        root: where device files are.
    """
    seen = {os.path.realpath(path) for path in besides}
    found: list[str] = []
    for folder, pattern in _PLACES:
        for path in sorted((root / folder).glob(pattern)):
            real = os.path.realpath(path)
            if real not in seen:
                seen.add(real)
                found.append(os.path.normpath(path))
    return found
