"""The config.txt that hil writes for a board whose rig names none: to UEFI or to U-Boot, with a console that speaks.

Both begin with what every board needs that Talos runs on: 64 bits, the UART, and its early words.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal, TypeAlias

from hil.config.rpi import BoardModel
from hil.netboot.rpi.config_txt import Board, ConfigTxt, of_settings
from hil.netboot.rpi.models import MODELS

Via: TypeAlias = Literal["uefi", "u-boot"]

STARTED: Final[dict[Via, str]] = {"uefi": "RPI_EFI.fd", "u-boot": "u-boot.bin"}
"""The file that the board's firmware starts (pftf/RPi4, config.txt; siderolabs/sbc-raspberrypi, rpi_generic)."""

CONSOLE_OVERLAYS: Final = ("disable-bt", "miniuart-bt")
"""Overlays that put the PL011, Linux's ttyAMA0, on GPIO 14 and 15 (raspberrypi/documentation, uart.adoc). Talos's
kernel has no driver for the mini UART, which is there without them. The first is better: a node needs no Bluetooth,
and so none on the mini UART, whose clock is the VPU's; a pftf archive has the second alone."""

_COMMENT: Final = "written by hil"
_ALWAYS: Final = (("arm_64bit", "1"), ("enable_uart", "1"), ("uart_2ndstage", "1"))
# pftf/RPi4 v1.50, config.txt, without what is for a screen. Where the firmware expects the device tree depends on its
# version, so an archive's own config.txt has the last word on these keys.
_UEFI: Final = (
    ("enable_gic", "1"),
    ("armstub", STARTED["uefi"]),
    ("disable_commandline_tags", "1"),
    ("device_tree_address", "0x3e0000"),
    ("device_tree_end", "0x400000"),
)
_OF_THE_VERSION: Final = ("enable_gic", "disable_commandline_tags", "device_tree_address", "device_tree_end")
_UEFI_OVERLAY: Final = "upstream-pi4"
# siderolabs/sbc-raspberrypi v0.2.0, installers/rpi_generic/src/config.txt.
_U_BOOT: Final = (("kernel", STARTED["u-boot"]), ("gpu_mem", "32"))


def written(
    *, model: BoardModel, serial: str, via: Via, available: Collection[str], shipped: ConfigTxt | None
) -> ConfigTxt:
    """The config.txt.

    Args:
        model: of the board.
        serial: of the board, eight hexadecimal digits.
        via: what its firmware starts.
        available: the names of the files that there are; says which overlays can be named.
        shipped: the config.txt that came with the firmware, if one did.
    """
    board = Board(MODELS[model].filters, serial, MODELS[model].type)
    settings = [*_ALWAYS, *(_uefi(shipped, board) if via == "uefi" else _U_BOOT)]
    if MODELS[model].mini_uart:
        found = [name for name in CONSOLE_OVERLAYS if f"overlays/{name}.dtbo" in available]
        settings.append(("dtoverlay", found[0] if found else CONSOLE_OVERLAYS[0]))
    if via == "uefi" and f"overlays/{_UEFI_OVERLAY}.dtbo" in available:
        settings.append(("dtoverlay", _UEFI_OVERLAY))
    return of_settings(settings, _COMMENT)


def _uefi(shipped: ConfigTxt | None, board: Board) -> list[tuple[str, str]]:
    if shipped is None:
        return [*_UEFI]
    return [(key, shipped.value(key, board, value) if key in _OF_THE_VERSION else value) for key, value in _UEFI]
