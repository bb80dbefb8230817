"""What start4.elf (start.elf) does with a config.txt: what it fetches, what it starts, which UART is on the pins.

The twin runs no firmware: this is its documented effect (Raspberry Pi documentation, config_txt/boot.adoc and
configuration/uart.adoc), in the order of the requests in raspberrypi/rpi-eeprom issue 87.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from hil.sim.rom.config_txt import ConfigTxt, read
from hil.sim.rom.models import MODELS
from hil.sim.rom.report import Pins, Report
from hil.sim.rom.settings import Settings
from hil.sim.rom.shelf import Shelf
from hil.sim.rom.tftp import Fetched
from hil.sim.rom.uart import Uart

NO_NETWORK: Final = b"without network support\n"
"""The second line of a stand-in for firmware that cannot do TFTP."""

# raspberrypi/firmware issue 1012: over the network a config.txt of more bytes than these has no effect.
_CONFIG_BYTES: Final = 4096
_FIRST_BYTES: Final = 256
# A file that includes itself ends somewhere; where is not documented.
_DEPTH: Final = 4
# uart.adoc, "UARTs and Device Tree": both make the PL011 the primary UART.
_PL011_OVERLAYS: Final = frozenset({"disable-bt", "miniuart-bt"})


def heeded(config: Fetched | None, model: str) -> bytes:
    """What of a config.txt has an effect on a boot over the network.

    A CM4 ignores all of it where the TFTP server acknowledged no block size, and where it is longer than 4096 bytes
    (raspberrypi/firmware issue 1012).

    Args:
        config: as it was fetched; None for none.
        model: of the board.
    """
    if config is None or len(config.data) > _CONFIG_BYTES:
        return b""
    return config.data if config.negotiated or model.startswith("cm3") else b""


def can_network(start: bytes) -> bool:
    """Whether firmware can fetch files by TFTP; older start4.elf cannot (raspberrypi/rpi-eeprom pull request 17)."""
    return NO_NETWORK not in start[:_FIRST_BYTES]


async def run(shelf: Shelf, settings: Settings, uart: Uart) -> Report:
    """From the start of the firmware to that of what it fetched.

    Args:
        shelf: where its files are, with the prefix that the bootloader settled on.
        settings: of the board.
        uart: what is said goes there.

    Raises:
        NoAnswer: of `hil.sim.rom.tftp`: the server does not answer any more.
        Refused: of the same: it answers with an error.
    """
    fetched = await shelf.read_for_firmware("config.txt")
    data = await _included(shelf, heeded(fetched, settings.model), settings.model)
    config, model = read(data, settings.model, settings.serial), MODELS[settings.model]
    uart.second_stage = config.on("uart_2ndstage")
    if config.initramfs:
        await shelf.read_for_firmware(config.initramfs)
    tree = config.text("device_tree", model.device_tree)
    uart.message(f"dtb_file '{tree}'")
    if await shelf.read_for_firmware(tree) is None:
        uart.message(f"Failed to load Device Tree file '{tree}'")
    applied = await _overlays(shelf, config, uart)
    await shelf.read_for_firmware(config.text("cmdline", "cmdline.txt"))
    image, started = await _program(shelf, config, settings, uart)
    words = "" if fetched is None else fetched.data.decode("utf-8", "replace")
    if started is None:
        return Report("halted", image, pins=pins(config, applied, settings.model), config=words)
    uart.message("arm_loader: Starting ARM with 948MB")
    digest = sha256(started).hexdigest()
    return Report("handed over", "", image, digest, pins(config, applied, settings.model), words)


def pins(config: ConfigTxt, applied: frozenset[str], model: str) -> Pins:
    """Which UART is on GPIO 14 and 15.

    On a Compute Module the UARTs are off unless config.txt turns them on; on a Raspberry Pi 4 `enable_uart` is 1 where
    it is missing and the PL011 is the primary UART (uart.adoc).

    Args:
        config: what holds.
        applied: overlays that were found.
        model: of the board.
    """
    primary: Pins = "pl011" if MODELS[model].pl011_on_pins or applied & _PL011_OVERLAYS else "mini"
    return primary if config.on("enable_uart", default=model == "pi4" and primary == "pl011") else "off"


async def _included(shelf: Shelf, data: bytes, model: str, depth: int = _DEPTH) -> bytes:
    """A config.txt with the files that it includes in the places of its `include` lines, whatever filters these are
    under (config_txt/what_is_config_txt.adoc, which says that a bootloader heeds no such line)."""
    lines = []
    for line in data.splitlines(keepends=True):
        words = line.split()
        if depth and len(words) == 2 and words[0] == b"include":
            found = await shelf.read_for_firmware(words[1].decode("utf-8", "replace"))
            lines.append(await _included(shelf, heeded(found, model) + b"\n", model, depth - 1))
        else:
            lines.append(line)
    return b"".join(lines)


async def _overlays(shelf: Shelf, config: ConfigTxt, uart: Uart) -> frozenset[str]:
    """Fetch the overlays; those that were there."""
    if config.overlays:
        await shelf.read_for_firmware("overlays/overlay_map.dtb")
    applied = set()
    for name in config.overlays:
        if await shelf.read_for_firmware(f"overlays/{name}.dtbo") is None:
            uart.message(f"Failed to load overlay '{name}'")
        else:
            uart.message(f"Loaded overlay '{name}'")
            applied.add(name)
    return frozenset(applied)


async def _program(shelf: Shelf, config: ConfigTxt, settings: Settings, uart: Uart) -> tuple[str, bytes | None]:
    """What the processor starts with, its name and bytes; or why there is nothing, and None.

    A boot stub that config.txt names is taken for a whole firmware that needs no kernel, as RPI_EFI.fd is (pftf/RPi4,
    config.txt).
    """
    model = MODELS[settings.model]
    is_64 = config.on("arm_64bit", default=model.arm_64bit)
    kernel = config.text("kernel", "kernel8.img" if is_64 else model.kernel_32)
    stub = config.text("armstub")
    found = await shelf.read_for_firmware(stub or (model.stub_64 if is_64 else model.stub_32))
    name = stub
    if not stub or found is None:
        name, found = kernel, await shelf.read_for_firmware(kernel)
    if found is None:
        missing = f"neither {stub} nor {kernel}" if stub else f"no {kernel}"
        return f"the server has {missing}", None
    uart.message(f"Loading '{name}' to 0x{0 if name == stub else 0x200000:x} size 0x{len(found.data):x}")
    if not is_64:
        return f"config.txt starts {name} as a program of 32 bits (arm_64bit=0)", None
    return name, found.data
