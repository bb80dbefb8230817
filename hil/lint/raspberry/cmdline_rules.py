"""The rules for a cmdline.txt, one row each, and what they look for."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hil.config.rpi import BoardModel
from hil.lint.finding import Severity
from hil.lint.raspberry.rule import Hit, Rule
from hil.netboot.rpi.cmdline_txt import CmdlineTxt

MAX_CHARACTERS: Final = 1024

_PL011: Final = ("ttyAMA0", "serial0")
_MINI: Final = "ttyS0"
# Linux, Documentation/admin-guide/nfs/nfsroot.rst, ip=: these, or fields with colons.
_AUTOCONF: Final = ("off", "none", "on", "any", "dhcp", "bootp", "rarp", "both")
_IP_FIELDS: Final = 10
_OFTEN: Final = ("console", "earlycon", "ip", "vlan", "bond", "bridge", "talos.config", "initrd", "rd.driver.pre")


@dataclass(frozen=True, slots=True)
class CmdlineSubject:
    """A cmdline.txt, and what is known of the board that gets it.

    Args:
        cmdline: the file.
        model: of the board.
        pl011: whether its config.txt has the PL011 on the console's pins; None where that is not known.
        used: whether its firmware starts a kernel with these arguments; None where that is not known.
    """

    cmdline: CmdlineTxt
    model: BoardModel
    pl011: bool | None = None
    used: bool | None = None


def _not_text(subject: CmdlineSubject) -> Iterator[Hit]:
    yield from [Hit(argument.line) for argument in subject.cmdline.arguments if "\0" in str(argument)][:1]


def _unused(subject: CmdlineSubject) -> Iterator[Hit]:
    if subject.used is False and subject.cmdline.arguments:
        yield Hit(1)


def _empty(subject: CmdlineSubject) -> Iterator[Hit]:
    if not subject.cmdline.arguments:
        yield Hit(0)


def _more_lines(subject: CmdlineSubject) -> Iterator[Hit]:
    first, *others = [*subject.cmdline.lengths] or [1]
    yield from (Hit(number, "", {"first": first}) for number in others)


def _too_long(subject: CmdlineSubject) -> Iterator[Hit]:
    for number, length in subject.cmdline.lengths.items():
        if length > MAX_CHARACTERS:
            yield Hit(number, "", {"length": length})


def _no_console(subject: CmdlineSubject) -> Iterator[Hit]:
    devices = [value.split(",")[0] for value in subject.cmdline.values("console")]
    if subject.cmdline.arguments and not {*devices} & {*_PL011, _MINI}:
        yield Hit(1)


def _mini_uart(subject: CmdlineSubject) -> Iterator[Hit]:
    for argument in subject.cmdline.arguments:
        if argument.name == "console" and (argument.value or "").split(",")[0] == _MINI and subject.pl011 is not False:
            yield Hit(argument.line, str(argument))


def _twice(subject: CmdlineSubject) -> Iterator[Hit]:
    seen: dict[str, str] = {}
    for argument in subject.cmdline.arguments:
        if argument.name in seen and argument.name not in _OFTEN:
            yield Hit(argument.line, str(argument)[:80], {"name": argument.name})
        seen[argument.name] = str(argument)


def _bad_ip(subject: CmdlineSubject) -> Iterator[Hit]:
    for argument in subject.cmdline.arguments:
        value = argument.value or ""
        if argument.name == "ip" and value not in _AUTOCONF and not _is_ip(value):
            yield Hit(argument.line, str(argument)[:80])


def _is_ip(value: str) -> bool:
    """Fields with colons, the first an address, empty, or in brackets (IPv6)."""
    if value.startswith("["):
        address, _, rest = value[1:].partition("]")
    else:
        address, _, rest = value.partition(":")
    if not address:
        return ":" in value and rest.count(":") < _IP_FIELDS
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return rest.count(":") < _IP_FIELDS


CMDLINE_RULES: Final[tuple[Rule[CmdlineSubject], ...]] = (
    Rule(
        "cmdline-unused",
        Severity.NOTE,
        "no kernel gets these arguments",
        "the firmware starts UEFI or U-Boot, and the kernel's arguments come from Matchbox's profile",
        "pftf/RPi4, config.txt, disable_commandline_tags",
        "write them into the profile, and delete this file",
        _unused,
    ),
    Rule(
        "cmdline-not-text",
        Severity.ERROR,
        "bytes of 0 are in the file, which is UTF-16 or no text",
        "the kernel's arguments end at the first of them",
        "Linux, Documentation/admin-guide/kernel-parameters.rst",
        "save it as UTF-8 without a mark at its beginning, or as ASCII",
        _not_text,
    ),
    Rule(
        "cmdline-empty",
        Severity.WARNING,
        "there are no arguments",
        "a kernel that is started with these says nothing on a serial line",
        "raspberrypi/documentation, kernel-command-line-config.adoc",
        "write console=ttyAMA0,115200 and what else the kernel needs",
        _empty,
    ),
    Rule(
        "cmdline-lines",
        Severity.ERROR,
        "there is a second line",
        "all arguments stand in one line, and what comes after it is not the kernel's",
        "raspberrypi/documentation, kernel-command-line-config.adoc",
        "write it at the end of line {first}",
        _more_lines,
    ),
    Rule(
        "cmdline-long",
        Severity.WARNING,
        f"the line has {{length}} characters, and the firmware passes {MAX_CHARACTERS}",
        "what it adds itself, at the beginning, counts as well",
        "raspberrypi/linux issue 140",
        "shorten it",
        _too_long,
    ),
    Rule(
        "no-console",
        Severity.WARNING,
        "no console is on the serial line",
        "the kernel says nothing there",
        "raspberrypi/documentation, uart.adoc",
        "add console=ttyAMA0,115200",
        _no_console,
    ),
    Rule(
        "console-mini-uart",
        Severity.WARNING,
        "the console is on the mini UART",
        "with disable-bt or miniuart-bt the PL011 is on the pins, which is ttyAMA0, and Talos has no driver for ttyS0",
        "raspberrypi/documentation, uart.adoc",
        "write console=ttyAMA0,115200",
        _mini_uart,
    ),
    Rule(
        "argument-twice",
        Severity.WARNING,
        "{name} stands here twice",
        "the kernel heeds the last",
        "Linux, Documentation/admin-guide/kernel-parameters.rst",
        "delete one",
        _twice,
    ),
    Rule(
        "bad-ip",
        Severity.WARNING,
        "this is no ip= argument",
        "the kernel configures no address by it",
        "Linux, Documentation/admin-guide/nfs/nfsroot.rst",
        "write ip=dhcp, or ip=CLIENT::GATEWAY:NETMASK:HOSTNAME:DEVICE:off",
        _bad_ip,
    ),
)
