"""Which files a board will ask for, by its model and its config.txt. Opens none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hil.config.rpi import BoardModel
from hil.netboot.rpi.config_txt import Board, ConfigTxt, Line
from hil.netboot.rpi.config_written import STARTED, Via
from hil.netboot.rpi.models import MODELS

# raspberrypi/documentation, config_txt/boot.adoc and device-tree.adoc.
_ONE: Final = ("kernel", "armstub", "start_file", "fixup_file", "device_tree", "cmdline")
_SEVERAL: Final = ("initramfs", "ramfsfile", "include")
_ON: Final = "1"
_CUT_DOWN_BELOW: Final = 17
# raspberrypi/documentation, config_txt/boot.adoc (cmdline) and device-tree.adoc (the map of overlays' names).
_LOOKED_FOR: Final = ("cmdline.txt", "overlays/overlay_map.dtb")


@dataclass(frozen=True, slots=True)
class Named:
    """A file that a config.txt names.

    Args:
        file: its name, as written.
        key: the setting.
        line: where.
    """

    file: str
    key: str
    line: Line


def required_files(model: BoardModel, via: Via, config: ConfigTxt, board: Board) -> list[str]:
    """The files without which the board does not come to what it starts, in the order in which it needs them.

    Args:
        model: of the board.
        via: what it starts.
        config: its config.txt.
        board: what the filters in it look at.
    """
    own = MODELS[model]
    found = [own.bootcode] if own.bootcode else []
    found += [
        config.value("start_file", board, own.start),
        config.value("fixup_file", board, own.fixup),
        config.value("device_tree", board, own.device_tree),
        *_variant(config, board, own.start, own.fixup),
        STARTED[via],
    ]
    return list(dict.fromkeys(name for name in found if name))


def named_by(config: ConfigTxt, board: Board) -> list[Named]:
    """The files that a config.txt names; of settings that name one file the last counts.

    Args:
        config: the file.
        board: what its filters look at.
    """
    found: dict[tuple[str, str], Named] = {}
    for line, setting in config.settings(board):
        if setting.key in _SEVERAL:
            names = setting.value.split(maxsplit=1)[:1]
            for name in names[0].split(",") if names else ():
                found[setting.key, name] = Named(name, setting.key, line)
        elif setting.key in _ONE:
            found[setting.key, ""] = Named(setting.value, setting.key, line)
    return [named for named in found.values() if named.file]


def optional_files(model: BoardModel, config: ConfigTxt, board: Board) -> set[str]:
    """The files that the board asks for, and does without: as `required_files`."""
    overlays = {overlay_file(config, board, name) for name in config.overlays(board)}
    named = {named.file.removeprefix("/") for named in named_by(config, board)}
    found = {*named, *overlays, *_LOOKED_FOR, MODELS[model].kernel}
    return found | {f"{config.value('os_prefix', board)}{name}" for name in found}


def overlay_file(config: ConfigTxt, board: Board, name: str) -> str:
    """The file of an overlay (raspberrypi/documentation, config_txt/boot.adoc, overlay_prefix).

    Args:
        config: the config.txt that names it.
        board: what the filters in it look at.
        name: of the overlay, as "disable-bt".
    """
    return f"{config.value('overlay_prefix', board, 'overlays/')}{name}.dtbo"


def _variant(config: ConfigTxt, board: Board, start: str, fixup: str) -> list[str]:
    """The firmware that other settings choose, besides the usual one (raspberrypi/documentation, boot.adoc: start_x;
    boot_folder.adoc: gpu_mem; raspberrypi/firmware issue 1809: the usual one is needed all the same)."""
    memory = config.value("gpu_mem", board)
    suffixes = [
        suffix
        for suffix, chosen in (
            ("x", config.value("start_x", board) == _ON),
            ("cd", memory.isdecimal() and int(memory) < _CUT_DOWN_BELOW),
        )
        if chosen
    ]
    joint = "" if start == "start4.elf" else "_"
    return [name.replace(".", f"{joint}{suffix}.") for suffix in suffixes for name in (start, fixup)]
