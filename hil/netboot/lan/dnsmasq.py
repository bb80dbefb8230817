"""What dnsmasq is told where the bench gives the addresses: DHCP, names, TFTP, and who boots what. Runs nothing.

Source of the options: dnsmasq(8), version 2.85 and later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from hil.config.model import HostPort
from hil.netboot.ipxe import BOOTFILE
from hil.netboot.lan.config import LanConfig
from hil.netboot.lan.hosts import BENCH_NAME, Host
from hil.netboot.rpi.dhcp import lines as rpi_lines
from hil.netboot.rpi.tree import Tree

STARTED: Final = re.compile(rb"dnsmasq(?:\[\d+\])?: started, version (\S+)")
"""What it says when its sockets are bound."""

# RFC 4578, section 2.1, as the registry of IANA extends it ("Processor Architecture Types").
ARM64_UEFI, _ARM64_UEFI_HTTP = 11, 19
_IPXE_OPTIONS, _NO_PXEDHCP = 175, 176
_LEASE: Final = "12h"


def quoted(text: str) -> str:
    """A value of a configuration file: between quotes, no comma splits it and no # ends it (dnsmasq, option.c)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def configuration(
    config: LanConfig,
    hosts: Sequence[Host],
    *,
    interface: str,
    tftp: Path,
    nbp: HostPort | None = None,
    trees: Iterable[Tree] = (),
) -> str:
    """The configuration file.

    DHCP answers on one interface alone, knows nobody but the rig's machines, and writes no lease down: each machine
    has the same address for ever. A machine gets iPXE, and iPXE gets Matchbox's first script, as on a bench whose
    DHCP server was set up by Matchbox's own guide (matchbox, docs/network-setup.md).

    Args:
        config: the rig's section.
        hosts: the machines.
        interface: the one to answer on.
        tftp: the folder with iPXE and what Raspberry Pis fetch.
        nbp: where the firmware fetches iPXE by HTTP instead; None for TFTP.
        trees: what the Raspberry Pis among the machines fetch, always by TFTP.
    """
    network, boards = config.network, rpi_lines(trees, tftp=config.bench.host)
    lines = [
        "# Written by hil for one bench, and gone with it.",
        f"interface={interface}",
        "except-interface=lo",
        "bind-interfaces",
        "no-hosts",
        "no-resolv",
        f"local=/{config.domain}/",
        f"domain={config.domain}",
        f"dhcp-range={network.network_address},static,{network.netmask},{_LEASE}",
        "dhcp-authoritative",
        "leasefile-ro",
        "no-ping",
        "log-dhcp",
        # An authoritative server says no to whom it does not know (RFC 2131, section 4.3.2), who may be another's.
        "dhcp-ignore=tag:!known",
        *(f"dhcp-host={host.mac},{host.address},{host.name},{_LEASE}" for host in hosts),
        *(_record(name, config.domain, address) for name, address in _names(config.bench, hosts)),
        "dhcp-userclass=set:ipxe,iPXE",
        f"dhcp-boot=tag:ipxe,http://{config.bench}/boot.ipxe",
        # iPXE then waits for no other server's boot menu (ipxe, src/include/ipxe/dhcp.h, DHCP_EB_NO_PXEDHCP).
        f"dhcp-option=tag:ipxe,encap:{_IPXE_OPTIONS},{_NO_PXEDHCP},1b",
        *(tftp_lines(tftp) if nbp is None or boards else []),
        *(_by_tftp() if nbp is None else _by_http(nbp)),
        *boards,
    ]
    return "\n".join(lines) + "\n"


def _names(bench: HostPort, hosts: Sequence[Host]) -> list[tuple[str, str]]:
    names = {host.name: host.address for host in hosts}
    return [*names.items(), *([] if BENCH_NAME in names else [(BENCH_NAME, bench.host)])]


def _record(name: str, domain: str, address: str) -> str:
    return f"host-record={name},{name}.{domain},{address}"


def tftp_lines(folder: Path) -> list[str]:
    """The lines for a TFTP server, which serves a folder, read only."""
    return ["enable-tftp", f"tftp-root={quoted(str(folder))}"]


def _by_tftp() -> list[str]:
    """What the firmware is told, which says by its architecture type how it wants to fetch iPXE."""
    return [
        f"dhcp-match=set:arm64,option:client-arch,{ARM64_UEFI}",
        f"dhcp-boot=tag:arm64,tag:!ipxe,{BOOTFILE}",
    ]


def _by_http(nbp: HostPort) -> list[str]:
    return [
        f"dhcp-match=set:arm64http,option:client-arch,{_ARM64_UEFI_HTTP}",
        # The firmware takes no offer whose class is not this one (UEFI 2.10, section 24.7.3.1).
        "dhcp-option-force=tag:arm64http,tag:!ipxe,60,HTTPClient",
        f"dhcp-boot=tag:arm64http,tag:!ipxe,http://{nbp}/{BOOTFILE}",
    ]
