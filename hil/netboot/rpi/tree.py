"""The files that one Raspberry Pi fetches by TFTP, each under the name that it asks for, and how they are laid out.

Serves none, and knows no archive (`firmware`).

A tree stands under the board's own prefix of the TFTP root: its serial number and a slash (Raspberry Pi documentation,
eeprom-bootloader.adoc, TFTP_PREFIX 0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.config.rpi import BoardModel
from hil.errors import ConfigError, Problem

_FILE_MODE: Final = 0o644
_FOLDER_MODE: Final = 0o755


@dataclass(frozen=True, slots=True)
class Tree:
    """What one board is served.

    Args:
        model: of the board.
        mac: of its port, as "dc:a6:32:01:36:c2".
        serial: eight hex digits, small; also its folder's name in the TFTP root.
        files: by the name that the board asks for under its prefix ("start4.elf", "overlays/disable-bt.dtbo"): a file
            of this host, or what is in it.
        root_files: as `files`, but for what it asks for without a prefix (bootcode.bin of a CM3).
    """

    model: BoardModel
    mac: str
    serial: str
    files: Mapping[str, Path | bytes]
    root_files: Mapping[str, Path | bytes]


def lay(tree: Tree, root: Path) -> None:
    """Write a board's files where a TFTP server finds them.

    Args:
        tree: the files.
        root: the server's folder, which exists; whoever the server runs as can read what is written.

    Raises:
        ConfigError: another board was given another file of a name that both ask for without a prefix.
        OSError: a file cannot be read, or not written.
    """
    for name, content in tree.root_files.items():
        data = content if isinstance(content, bytes) else content.read_bytes()
        if (root / name).exists() and (root / name).read_bytes() != data:
            raise _two_of(name, tree.serial)
        _write(root, name, data)
    for name, content in tree.files.items():
        data = content if isinstance(content, bytes) else content.read_bytes()
        _write(root, f"{tree.serial}/{name}", data)


def _write(root: Path, name: str, data: bytes) -> None:
    path = root / name
    for folder in reversed(path.relative_to(root).parents[:-1]):
        (root / folder).mkdir(exist_ok=True)
        (root / folder).chmod(_FOLDER_MODE)
    path.write_bytes(data)
    path.chmod(_FILE_MODE)


def _two_of(name: str, serial: str) -> ConfigError:
    message = f"the board {serial} needs another {name} than a board before it, and both ask for it without a prefix"
    return ConfigError(
        [Problem(name, 0, 0, "", message)], hint="give both boards the same firmware, or each a bench of its own"
    )
