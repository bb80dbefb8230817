"""A Raspberry Pi's EEPROM configuration as its bootloader takes it: names, defaults, least values. Boots nothing.

Each is of Raspberry Pi documentation, eeprom-bootloader.adoc, under its own name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from hil.errors import UsageError

Value: TypeAlias = str | int
FOR_EVER: Final = -1
"""What stands for no end of retries or restarts."""

_PREFIX_STRING: Final = 32
_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class Static:
    """An address that needs no DHCP.

    Args:
        ip: CLIENT_IP, dotted.
        netmask: SUBNET, dotted.
        gateway: GATEWAY, dotted, or None.
    """

    ip: str
    netmask: str
    gateway: str | None


@dataclass(frozen=True, slots=True)
class Eeprom:
    """A bootloader's configuration.

    Args:
        boot_order: BOOT_ORDER, a boot mode in each hex digit, the last one first.
        boot_uart: BOOT_UART: whether it speaks on GPIO 14 and 15.
        max_restarts: MAX_RESTARTS; -1 for no limit.
        sd_retries: SD_BOOT_MAX_RETRIES; -1 for no limit.
        net_retries: NET_BOOT_MAX_RETRIES; -1 for no limit.
        dhcp_seconds: DHCP_TIMEOUT, of all of DHCP.
        dhcp_try_seconds: DHCP_REQ_TIMEOUT, of one request.
        tftp_seconds: TFTP_FILE_TIMEOUT, of a file.
        tftp_ip: TFTP_IP, dotted, or None.
        prefix: TFTP_PREFIX: 0 for the serial number, 1 for `prefix_string`, 2 for the MAC address.
        prefix_string: TFTP_PREFIX_STR.
        option43: PXE_OPTION43, what an answer's option 43 must hold.
        option97: DHCP_OPTION97: how its GUID begins; 0 for the serial number four times.
        self_update: ENABLE_SELF_UPDATE: whether it looks for an image of itself.
        static: its own address; None where DHCP gives it.
    """

    boot_order: int = 0xF41
    boot_uart: bool = False
    max_restarts: int = FOR_EVER
    sd_retries: int = 0
    net_retries: int = 0
    dhcp_seconds: float = 45.0
    dhcp_try_seconds: float = 4.0
    tftp_seconds: float = 30.0
    tftp_ip: str | None = None
    prefix: int = 0
    prefix_string: str = ""
    option43: str = "Raspberry Pi Boot"
    option97: int = 0x34695052
    self_update: bool = True
    static: Static | None = None

    @classmethod
    def of(cls, written: Mapping[str, Value]) -> Eeprom:
        """What a bootloader makes of what is written.

        Args:
            written: by the documented names; numbers may be text, as "0xf21".

        Raises:
            UsageError: a name or a value that the twin's bootloader does not know.
        """
        unknown = sorted(set(written) - set(NAMES))
        if unknown:
            raise UsageError(
                f"the twin's bootloader has no {', '.join(unknown)}", hint=f"it has: {', '.join(sorted(NAMES))}"
            )
        reader = _Reader(written)
        tftp_ip = reader.address("TFTP_IP")
        return cls(
            boot_order=reader.number("BOOT_ORDER", 0xF41, 1, 16**_DIGITS - 1),
            boot_uart=reader.flag("BOOT_UART", False),
            max_restarts=reader.number("MAX_RESTARTS", FOR_EVER, FOR_EVER, 2**31 - 1),
            sd_retries=reader.number("SD_BOOT_MAX_RETRIES", 0, FOR_EVER, 2**31 - 1),
            net_retries=reader.number("NET_BOOT_MAX_RETRIES", 0, FOR_EVER, 2**31 - 1),
            dhcp_seconds=reader.seconds("DHCP_TIMEOUT", 45_000, 5000),
            dhcp_try_seconds=reader.seconds("DHCP_REQ_TIMEOUT", 4000, 500),
            tftp_seconds=reader.seconds("TFTP_FILE_TIMEOUT", 30_000, 5000),
            tftp_ip=tftp_ip,
            prefix=reader.number("TFTP_PREFIX", 0, 0, 2),
            prefix_string=reader.text("TFTP_PREFIX_STR", "")[:_PREFIX_STRING],
            option43=reader.text("PXE_OPTION43", "Raspberry Pi Boot"),
            option97=reader.number("DHCP_OPTION97", 0x34695052, 0, 2**32 - 1),
            self_update=reader.flag("ENABLE_SELF_UPDATE", True),
            static=reader.static() if tftp_ip is not None else None,
        )

    def prefix_of(self, mac: str, serial: str) -> str:
        """What stands before the names of a board's files, with its slash; "" for nothing."""
        return {0: f"{serial}/", 1: self.prefix_string, 2: mac.replace(":", "-") + "/"}[self.prefix]


NAMES: Final = frozenset(
    {
        "BOOT_ORDER", "BOOT_UART", "MAX_RESTARTS", "SD_BOOT_MAX_RETRIES", "NET_BOOT_MAX_RETRIES", "DHCP_TIMEOUT",
        "DHCP_REQ_TIMEOUT", "TFTP_FILE_TIMEOUT", "TFTP_IP", "TFTP_PREFIX", "TFTP_PREFIX_STR", "PXE_OPTION43",
        "DHCP_OPTION97", "ENABLE_SELF_UPDATE", "CLIENT_IP", "SUBNET", "GATEWAY",
    }
)  # fmt: skip
"""The documented names that the twin's bootloader heeds."""


class _Reader:
    """Takes values out of what is written."""

    def __init__(self, written: Mapping[str, Value]) -> None:
        self._written = written

    def text(self, name: str, default: str) -> str:
        return str(self._written.get(name, default))

    def number(self, name: str, default: int, least: int, most: int) -> int:
        written = self._written.get(name, default)
        try:
            value = written if isinstance(written, int) else int(written, 0)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise UsageError(
                f"{name} of the twin's bootloader is {written!r}", hint=f"write a number from {least} to {most:#x}"
            )
        return value

    def flag(self, name: str, default: bool) -> bool:
        return bool(self.number(name, int(default), 0, 1))

    def seconds(self, name: str, default: int, least: int) -> float:
        """Of a number of milliseconds; less than the documented minimum is that."""
        return max(least, self.number(name, default, 0, 2**31 - 1)) / 1000

    def address(self, name: str) -> str | None:
        written = self.text(name, "")
        try:
            return str(ipaddress.IPv4Address(written)) if written else None
        except ValueError:
            raise UsageError(
                f"{name} of the twin's bootloader is {written!r}", hint="write an IPv4 address, as 10.0.0.2"
            ) from None

    def static(self) -> Static | None:
        """Its own address; where no TFTP_IP is set too, DHCP is asked."""
        ip, netmask = self.address("CLIENT_IP"), self.address("SUBNET")
        return Static(ip, netmask, self.address("GATEWAY")) if ip is not None and netmask is not None else None
