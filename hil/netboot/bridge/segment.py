"""A bridge that is open: its namespace, its dnsmasq, and each machine's end of it. All of it ends with the keeper."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.console.deaths import Death
from hil.errors import InfrastructureError
from hil.keeper.starting import await_ready, past
from hil.netboot.bridge.config import Config, Host, hosts_of
from hil.netboot.bridge.dnsmasq import STARTED, configuration
from hil.netboot.bridge.refusal import BRIDGE, what_to_do
from hil.netboot.firmware import HTTP_BOOT, laid_to_the_bench
from hil.netboot.ipxe import SCRIPT_DEATHS, autoexec_by_dhcp, write_tftp
from hil.netboot.place import SegmentPlace
from hil.netns.namespace import Inside, Namespace, Outside, Plan, Refused, hold
from hil.tools import dnsmasq

HOLDER: Final = "segment"
DNSMASQ: Final = "dnsmasq"
NBP: Final = "nbp"
"""The keeper's names for the process that holds the namespace, for dnsmasq, and for the HTTP server of iPXE."""

_STARTS_WITHIN: Final = 20.0
_JOINED_WITHIN: Final = 10.0
_SERVING: Final = b"Serving HTTP on "
_OUR_DHCP: Final = "read dnsmasq.log in the bench's folder: what the machine asked for, and what it was given"
# EDK2 takes its boot entries in turn and waits long for each; these say which not to make (edk2, NetworkPkg,
# OvmfPkg/Library/PxeBcPcdProducerLib).
_NO_PXE: Final = tuple(
    word
    for version in ("IPv4", "IPv6")
    for word in ("-fw_cfg", f"name=opt/org.tianocore/{version}PXESupport,string=n")
)


@dataclass(frozen=True, slots=True)
class BridgeCable:
    """One machine's end of the bridge: a tap.

    Args:
        net: the namespace.
        host: the machine.
        firmware: QEMU's words for the firmware.
    """

    net: Namespace
    host: Host
    firmware: Sequence[str]
    _doors: dict[int, tuple[str, int]] = field(default_factory=dict, compare=False)

    def netdev(self, ident: str, ports: Sequence[int]) -> list[str]:
        """QEMU's arguments. Its frames are plain Ethernet: no header of virtio goes before them.

        Args:
            ident: the `id=` for `-device ...,netdev=`.
            ports: not needed: any port of the machine is reached.
        """
        tap = f"tap,id={ident},ifname={self.host.tap},script=no,downscript=no,vhost=off,vnet_hdr=off"
        return ["-netdev", tap, *self.firmware]

    def run(self, argv: Sequence[str]) -> list[str]:
        """The command that runs a program in the namespace, where the tap is."""
        return self.net.inside(argv)

    def reach(self, port: int, monitor: Callable[[str], str], *, deadline: Deadline) -> tuple[str, int]:
        """A port of this host's loopback that is joined to the machine's own, from the first time it is asked for.

        Args:
            port: the machine's own.
            monitor: not needed: QEMU knows nothing of it.
            deadline: for the holder's answer.

        Raises:
            InfrastructureError: the holder does not answer.
        """
        if port not in self._doors:
            machine = Inside(HostPort(self.host.address, port))
            self._doors[port] = self.net.join(Outside("127.0.0.1", 0), machine, deadline=deadline)
        return self._doors[port]


@dataclass(frozen=True, slots=True)
class BridgeSegment:
    """The network of one bench's machines, which see each other.

    Args:
        config: the rig's section.
        net: the namespace.
        hosts: the machines, by their nodes' names.
    """

    config: Config
    net: Namespace
    hosts: Mapping[str, Host]

    @property
    def bench(self) -> HostPort:
        """Where the machines find Matchbox."""
        return self.config.bench

    @property
    def deaths(self) -> tuple[Death, ...]:
        """What ends a wait here: what does anywhere; errors of the firmware's network boot are laid to the bench."""
        return (*SCRIPT_DEATHS, HTTP_BOOT, *laid_to_the_bench(_OUR_DHCP))

    def lease(self, node: str) -> str:
        """The address that a node's machine is given."""
        return self.hosts[node].address

    def serve(self, services: Mapping[HostPort, tuple[str, int] | Path]) -> None:
        """Have the machines find the bench's services, and what `egress` lists.

        Args:
            services: where each really listens, a TCP address or a unix socket, by the address that machines have
                for it.

        Raises:
            InfrastructureError: two of them have the same address.
        """
        deadline = Deadline.after(_JOINED_WITHIN)
        for at, target in services.items():
            self.net.join(Inside(at), target if isinstance(target, Path) else Outside(*target), deadline=deadline)
        for egress in self.config.egress:
            self.net.join(Inside(egress.at), Outside(egress.to.host, egress.to.port), deadline=deadline)

    def cable(self, node: str) -> BridgeCable:
        """The end of it for a node's machine."""
        return BridgeCable(self.net, self.hosts[node], _NO_PXE if self.config.boot == "http" else ())


def create(config: Config, place: SegmentPlace) -> BridgeSegment:
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
    deadline = Deadline.after(_STARTS_WITHIN)
    net = _namespace(config, hosts, place, deadline)
    tftp, settings = place.directory / "tftp", place.directory / "dnsmasq.conf"
    write_tftp(tftp, ipxe=place.ipxe, script=autoexec_by_dhcp())
    settings.write_text(configuration(config, hosts, interface=BRIDGE, tftp=tftp), "utf-8")
    # Not a daemon: it keeps its user, whom a user namespace lets it be root as, and says all on standard error.
    argv = [str(program.path), "--no-daemon", f"--conf-file={settings}"]
    _start(place, DNSMASQ, net.inside(argv), STARTED.search, deadline)
    if config.boot == "http":
        argv = [sys.executable, "-I", "-S", "-E", "-u", "-m", "http.server", "--directory", str(tftp)]
        argv += ["--bind", config.nbp.host, str(config.nbp.port)]
        _start(place, NBP, net.inside(argv), lambda said: _SERVING in said or None, deadline)
    return BridgeSegment(config, net, {host.name: host for host in hosts})


def _namespace(config: Config, hosts: Sequence[Host], place: SegmentPlace, deadline: Deadline) -> Namespace:
    bench, *others = config.taken
    addresses = (f"{bench}/{config.network.prefixlen}", *(f"{address}/32" for address in others))
    plan = Plan(addresses, BRIDGE, tuple(host.tap for host in hosts), config.nics, root=True)
    net = hold(place.keeper, HOLDER, place.directory / "segment.sock", plan, deadline=deadline)
    if isinstance(net, Refused) and config.nics and net.reason.startswith("interface"):
        raise InfrastructureError(
            f"this host does not lend its network port to the bench: {net.reason}",
            hint="name one in the rig file's `nic:` that boards alone hang on, as `ip link` shows it, and run as root",
        )
    if isinstance(net, Refused):
        raise InfrastructureError(
            f"this host allows no bridge, which the rig's segment is: {net.reason}", hint=what_to_do(net)
        )
    return net


def _start(
    place: SegmentPlace, name: str, argv: Sequence[str], ready: Callable[[bytes], object], deadline: Deadline
) -> None:
    keeper = place.keeper
    since = past(keeper, name)
    keeper.spawn(name, argv, record=place.record / name, kill=True)
    hint = "report this with the lines above"
    await_ready(keeper, name, ready, what=f"the bridge's {name}", hint=hint, since=since, deadline=deadline)
