"""QEMU's user-mode network (slirp) from the outside: its own addresses, its option, its monitor's table.

Source: qemu(1), "-netdev user", and QEMU's net/slirp.c. Runs nothing and knows no rig.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import chain
from pathlib import Path
from typing import Final

from hil.config.model import HostPort

OWN_ADDRESSES: Final = 3
"""How many addresses of its subnet slirp needs: gateway, name server, and the one it leases."""

_GATEWAY, _NAME_SERVER, _LEASE = 2, 3, 15
_FORWARD = re.compile(
    r"^[ \t]*TCP\[HOST_FORWARD\][ \t]+\d+[ \t]+\S+[ \t]+(\d{1,5})[ \t]+\S+[ \t]+(\d{1,5})[ \t]",
    re.MULTILINE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses that slirp itself has or gives.

    Args:
        gateway: its gateway, DHCP and TFTP server.
        name_server: its DNS proxy; with restrict=on it answers nothing.
        lease: what DHCP gives to the machine.
    """

    gateway: IPv4Address
    name_server: IPv4Address
    lease: IPv4Address


def own_addresses(network: IPv4Network, taken: Iterable[IPv4Address]) -> Addresses:
    """Slirp's usual addresses (.2, .3 and .15) where nobody has them, the first free ones elsewhere.

    Args:
        network: the subnet; it must have OWN_ADDRESSES more addresses than are taken.
        taken: addresses that forwarded services have.
    """
    used = set(taken)

    def choose(usual: int) -> IPv4Address:
        first = [network[usual]] if usual < network.num_addresses - 1 else []
        address = next(address for address in chain(first, network.hosts()) if address not in used)
        used.add(address)
        return address

    return Addresses(choose(_GATEWAY), choose(_NAME_SERVER), choose(_LEASE))


def option_value(text: str) -> str:
    """A value of a QEMU option: its parser splits at commas, and reads two as one (qemu(1))."""
    return text.replace(",", ",,")


@dataclass(frozen=True, slots=True)
class UserNetwork:
    """What one `-netdev user` says.

    Args:
        network: the subnet.
        tftp: the folder its TFTP server serves, read-only.
        bootfile: the file that DHCP names.
        commands: for each forwarded address, the command that QEMU runs with each connection to it.
        forwards: TCP ports of the machine that get a port of this host's loopback, chosen by the kernel.
    """

    network: IPv4Network
    tftp: Path
    bootfile: str
    commands: Mapping[HostPort, Sequence[str]]
    forwards: Sequence[int]

    def option(self, ident: str) -> str:
        """The argument of `-netdev`.

        restrict=on is what keeps the machine from every address that is not in `commands`. IPv6 is off: nothing
        could be forwarded to it, and the firmware would spend its time-outs on it.

        Args:
            ident: what `-device ...,netdev=` refers to.
        """
        own = own_addresses(self.network, (IPv4Address(at.host) for at in self.commands))
        parts = [
            f"user,id={ident},ipv6=off,restrict=on",
            f"net={self.network},host={own.gateway},dns={own.name_server},dhcpstart={own.lease}",
            f"tftp={option_value(str(self.tftp))},bootfile={option_value(self.bootfile)}",
        ]
        # glib splits the command like a shell does (g_shell_parse_argv, in libslirp's fork_exec).
        parts += [
            f"guestfwd=tcp:{at}-cmd:{option_value(shlex.join(command))}" for at, command in self.commands.items()
        ]
        # Port 0 is chosen by the kernel as QEMU binds it: nobody can take it in between.
        parts += [f"hostfwd=tcp:127.0.0.1:0-:{port}" for port in self.forwards]
        return ",".join(parts)


def parse_usernet(text: str) -> dict[int, int]:
    """Ports of the machine to the loopback ports of this host that lead there.

    Args:
        text: what QEMU's monitor answers to `info usernet`.
    """
    return {int(guest): int(host) for host, guest in _FORWARD.findall(text)}
