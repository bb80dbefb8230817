"""What dnsmasq is told beside another DHCP server: who boots what, and no address. Runs nothing.

It is a PXE proxy (PXE 2.1, sections 2.2.3 and 2.2.4): a client has its address from that server, and its boot file
from here. Source of the options: dnsmasq(8), version 2.85 and later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from hil.netboot.ipxe import BOOTFILE
from hil.netboot.lan.config import LanConfig
from hil.netboot.lan.dnsmasq import ARM64_UEFI, tftp_lines
from hil.netboot.lan.hosts import Host
from hil.netboot.rpi.dhcp import proxy_lines as rpi_lines
from hil.netboot.rpi.tree import Tree


def configuration(
    config: LanConfig, hosts: Sequence[Host], *, interface: str, tftp: Path, trees: Iterable[Tree] = ()
) -> str:
    """The configuration file.

    Nobody but the rig's machines is answered. DNS is off: the wire has its own. iPXE is told nothing by DHCP: its
    script knows where Matchbox is.

    Args:
        config: the rig's section.
        hosts: the machines.
        interface: the one to answer on.
        tftp: the folder with iPXE and what Raspberry Pis fetch.
        trees: the latter.
    """
    lines = [
        "# Written by hil for one bench, and gone with it.",
        "port=0",
        f"interface={interface}",
        "except-interface=lo",
        "bind-interfaces",
        "no-hosts",
        "no-resolv",
        f"dhcp-range={config.network.network_address},proxy,{config.network.netmask}",
        "leasefile-ro",
        "no-ping",
        "log-dhcp",
        # An entry for a hardware address makes its client `known`, with an address or without (dnsmasq(8), dhcp-host).
        *(f"dhcp-host={host.mac},{host.name}" for host in hosts),
        "dhcp-ignore=tag:!known",
        *tftp_lines(tftp),
        *rpi_lines(trees, tftp=config.bench.host),
        # With one entry for an architecture, a UEFI client is sent its file at once when it asks at port 4011
        # (dnsmasq, rfc2131.c, pxe_uefi_workaround).
        f'pxe-service={ARM64_UEFI},"iPXE",{BOOTFILE}',
    ]
    return "\n".join(lines) + "\n"
