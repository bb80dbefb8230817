"""Opens a bridge: a namespace with a tap for each machine, and ports of the host where the rig lends one."""

from __future__ import annotations

from typing import Final

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.netboot.bridge.config import Config
from hil.netboot.ipxe import autoexec_by_dhcp
from hil.netboot.lan.dnsmasq import configuration
from hil.netboot.lan.hosts import hosts_of
from hil.netboot.lan.opening import (
    BRIDGE,
    STARTS_WITHIN,
    bridge_plan,
    fill_tftp,
    hold_net,
    refuse_bridge,
    start_dnsmasq,
    start_http,
)
from hil.netboot.lan.segment import LanSegment
from hil.netboot.place import SegmentPlace
from hil.netns.namespace import Refused
from hil.tools import dnsmasq

# EDK2 takes its boot entries in turn and waits long for each; these say which not to make (edk2, NetworkPkg,
# OvmfPkg/Library/PxeBcPcdProducerLib).
_NO_PXE: Final = tuple(
    word
    for version in ("IPv4", "IPv6")
    for word in ("-fw_cfg", f"name=opt/org.tianocore/{version}PXESupport,string=n")
)


def create(config: Config, place: SegmentPlace) -> LanSegment:
    """The segment, with its dnsmasq running.

    Args:
        config: the rig's section.
        place: what the bench gives it.

    Raises:
        InfrastructureError: this host refuses what it needs, dnsmasq is missing or does not start, or the folder
            cannot be written.
        UsageError: it has too few addresses for the rig's nodes.
    """
    program, hosts = dnsmasq.find(), hosts_of(config, place.nodes)
    deadline, by_http = Deadline.after(STARTS_WITHIN), config.boot == "http"
    net = hold_net(place, bridge_plan(config, hosts, config.nics), deadline=deadline)
    if isinstance(net, Refused):
        raise _not_lent(net) if config.nics and net.reason.startswith("interface") else refuse_bridge(net, config.nic)
    tftp = fill_tftp(place, autoexec_by_dhcp())
    nbp = config.nbp if by_http else None
    text = configuration(config, hosts, interface=BRIDGE, tftp=tftp, nbp=nbp, trees=place.trees.values())
    start_dnsmasq(place, net, program, text, deadline=deadline)
    if by_http:
        start_http(place, net, tftp, config.nbp, deadline=deadline)
    return LanSegment(config, net, {host.name: host for host in hosts}, BRIDGE, _NO_PXE if by_http else ())


def _not_lent(net: Refused) -> InfrastructureError:
    return InfrastructureError(
        f"this host does not lend its network port to the bench: {net.reason}",
        hint="name one in the rig file's `nic:` that boards alone hang on, as `ip link` shows it, and run as root; one"
        " that others use too can be shared: `kind: interface`",
    )
