"""What a bootloader's words mean for network boot, item by item: ok, no or unknown, each with the line that says so.

Pure. Unknown is never ok: what was not said was not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, get_args

from hil.config.rpi import BoardModel
from hil.finding.evidence import Heard
from hil.finding.first_words import first_words, is_text
from hil.netboot.rpi.banner import HTTP, MODES, Banner, Fact, digits_of, reaches_network, read_banner

# raspberrypi/rpi-eeprom, release notes: network boot and BOOT_ORDER came with a beta of the first day, and with the
# default release of the second.
_FIRST_BETA: Final = "2019-09-23"
_FIRST: Final = "2020-04-16"
# Bits 4 to 11 of a revision code (raspberrypi/documentation, revision-codes.adoc, "New-style revision codes").
_TYPES: Final[dict[int, str]] = {0x0A: "cm3", 0x10: "cm3+", 0x11: "pi4", 0x13: "pi400", 0x14: "cm4", 0x15: "cm4s"}
_NEW_STYLE: Final = 1 << 23
_GLITCH: Final = 8
_IN_EEPROM: Final = ("BOOT_UART", "BOOT_ORDER", "bootloader", "network tried")


class State(Enum):
    """What is known of an item."""

    OK = "ok"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that network boot hangs on.

    Args:
        name: as a table shows it.
        state: what is known.
        value: what it is, or why it is not known.
        line: of the console, which says so; "" where none does.
        needed: whether the board counts as set to boot from the network only when this is ok. BOOT_UART is not: a
            silent bootloader may well do so, and nobody knows.
    """

    name: str
    state: State
    value: str
    line: str = ""
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Expected:
    """What the rig says of the board.

    Args:
        model: of it.
        serial: eight hex digits, small.
        mac: of its network port, small.
        places: where the rig says each of these, by "model", "serial", "mac": file:line; empty where none is read.
    """

    model: BoardModel | None = None
    serial: str | None = None
    mac: str | None = None
    places: tuple[tuple[str, str], ...] = ()

    def place(self, key: str) -> str:
        """Where the rig says it, for a sentence."""
        return dict(self.places).get(key, "the rig")


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the board is set to boot from the network.

    Args:
        items: all that was looked at.
        model: what the board is: as the rig says, else as its revision does; a cm4 where neither is known.
    """

    items: tuple[Item, ...]
    model: BoardModel

    @property
    def state(self) -> State:
        """No where an item that is needed says so; ok where all of them are ok."""
        if any(item.needed and item.state is State.NO for item in self.items):
            return State.NO
        unknown = any(item.needed and item.state is not State.OK for item in self.items)
        return State.UNKNOWN if unknown else State.OK

    @property
    def flash(self) -> bool:
        """Whether what is wrong, or not known, is something that its EEPROM holds."""
        return any(item.name in _IN_EEPROM and item.state is not State.OK for item in self.items)


def judge(data: bytes, expected: Expected) -> Answer:
    """What a console's bytes say.

    Args:
        data: from power-on.
        expected: what the rig says; what it does not say is not compared.
    """
    banner = read_banner(data)
    items = (
        *(_uart(banner, data), _release(banner), _order(banner), _tried(banner), _link(banner), _lease(banner)),
        *_compared(banner, expected),
    )
    return Answer(items, expected.model or _eeprom_model(banner))


def decided(data: bytes, *, served: bool) -> bool:
    """Whether listening longer tells nothing more: it has what can be had, has given up, or boots from elsewhere.

    Args:
        data: of a console, from power-on.
        served: whether a bench's server runs that gives it an address, so that a link is not yet all.
    """
    banner = read_banner(data)
    if banner.order is None:
        return False
    network = reaches_network(int(banner.order.value, 16))
    return not network or any((banner.lease if served else banner.link, banner.failed, banner.firmware))


def _uart(banner: Banner, data: bytes) -> Item:
    name = "BOOT_UART"
    if banner.version is not None:
        return Item(name, State.OK, "1", banner.version.line, needed=False)
    words = first_words(data)
    if words is not None:
        why = "0, most likely: something else spoke, and no bootloader before it"
        return Item(name, State.NO, why, words.words, needed=False)
    if len(data) <= _GLITCH:
        why = "the line is silent: BOOT_UART=0, no wire to GPIO 14 and 15, or no power; the meter and the network tell"
        return Item(name, State.UNKNOWN, why, needed=False)
    if not is_text(data):
        why = f"it {Heard.GARBLED.value}: the bootloader's is 115200 baud"
        return Item(name, State.UNKNOWN, why, needed=False)
    return Item(name, State.UNKNOWN, "what was said has no bootloader's first line", needed=False)


def _release(banner: Banner) -> Item:
    version, built = banner.version, banner.built
    if version is None or built is None:
        return Item("bootloader", State.UNKNOWN, "its release was not said", needed=False)
    value = f"{version.value} of {built.value}"
    if built.value < _FIRST_BETA:
        return Item(
            "bootloader", State.NO, f"{value}: it has no network boot; take one of {_FIRST} or later", built.line
        )
    if built.value < _FIRST:
        why = f"{value}: its network boot is a beta's; take one of {_FIRST} or later"
        return Item("bootloader", State.UNKNOWN, why, built.line, needed=False)
    return Item("bootloader", State.OK, value, built.line)


def _order(banner: Banner) -> Item:
    name = "BOOT_ORDER"
    if 0x2 in banner.unsupported:
        return Item(name, State.NO, "this board cannot boot from the network", "Unsupported boot order 2")
    if banner.order is None:
        return Item(name, State.UNKNOWN, "its first attempt to boot was not heard")
    order = int(banner.order.value, 16)
    words = " then ".join(MODES.get(digit, f"{digit:x}") for digit in digits_of(order))
    value = f"{banner.order.value}: {words}"
    if reaches_network(order):
        return Item(name, State.OK, value, banner.order.line)
    used = banner.mac or banner.link or banner.lease
    if used is not None and not any(mode.digit == HTTP for mode in banner.modes):
        return Item(
            name, State.UNKNOWN, "it used its network port, and the line of that attempt was not heard", used.line
        )
    return Item(name, State.NO, value, banner.order.line)


def _tried(banner: Banner) -> Item:
    name = "network tried"
    if (tried := banner.tried) is not None:
        return Item(name, State.OK, "yes", tried.line)
    if banner.firmware is not None and banner.modes:
        mode = banner.modes[-1]
        return Item(name, State.NO, f"it boots from {mode.name}, which comes first", mode.line)
    return Item(name, State.UNKNOWN, "not while it was listened to")


def _link(banner: Banner) -> Item:
    # Who was answered had a link, though noise may have changed the line that says so.
    if (there := banner.link or banner.offer or banner.lease) is not None:
        return Item("link", State.OK, "there", there.line, needed=False)
    if banner.tried is not None and banner.failed is not None:
        return Item("link", State.NO, "none: no cable, or nothing at its other end", banner.failed.line)
    return Item("link", State.UNKNOWN, "not said", needed=False)


def _lease(banner: Banner) -> Item:
    """Never a no: where no bench runs, nobody need answer, and nobody waits for it."""
    name = "DHCP"
    if banner.lease is not None:
        return Item(name, State.OK, banner.lease.value, banner.lease.line, needed=False)
    if banner.offer is not None:
        why = f"{banner.offer.value} answered, and the board did not take it"
        return Item(name, State.UNKNOWN, why, banner.offer.line, needed=False)
    return Item(name, State.UNKNOWN, "no answer was heard", needed=False)


def _compared(banner: Banner, expected: Expected) -> Iterator[Item]:
    model = None if banner.revision is None else Fact(_model(banner.revision.value), banner.revision.line)
    for name, found, said in (
        ("model", model, expected.model),
        ("serial", banner.serial, expected.serial),
        ("mac", banner.mac, expected.mac),
    ):
        if said is None:
            if found is not None:
                yield Item(name, State.OK, found.value, found.line, needed=False)
        elif found is None:
            yield Item(name, State.UNKNOWN, f"not said; the rig says {said}", needed=name == "serial")
        elif found.value == said:
            yield Item(name, State.OK, f"{said}, as the rig says", found.line)
        else:
            unknown = name == "model" and found.value not in get_args(BoardModel)
            what = "no model that hil boots" if unknown else "change that line"
            yield Item(name, State.NO, f"{found.value}, and {expected.place(name)} says {said}: {what}", found.line)


def _eeprom_model(banner: Banner) -> BoardModel:
    return "pi4" if banner.revision is not None and _model(banner.revision.value) in ("pi4", "pi400") else "cm4"


def _model(revision: str) -> str:
    code = int(revision, 16)
    kind = _TYPES.get(code >> 4 & 0xFF) if code & _NEW_STYLE else None
    return kind or f"of revision {revision}"
