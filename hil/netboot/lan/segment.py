"""An Ethernet of a bench that is open, and each machine's end of it. All of it ends with the keeper."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.console.deaths import Death
from hil.errors import UsageError
from hil.netboot.firmware import HTTP_BOOT, laid_to_the_bench
from hil.netboot.ipxe import SCRIPT_DEATHS
from hil.netboot.lan.hosts import Host
from hil.netboot.lan.whereabouts import elsewhere
from hil.netboot.network import NetworkConfig
from hil.netns.namespace import Inside, Namespace, Outside
from hil.timeline.trouble import Trouble

_JOINED_WITHIN: Final = 10.0
_OUR_DHCP: Final = "read dnsmasq.log in the bench's folder: what the machine asked for, and what it was given"


@dataclass(frozen=True, slots=True)
class LanCable:
    """One machine's end of the wire: a tap, or what is plugged into a port of the host.

    Args:
        net: the namespace.
        host: the machine.
        watch: the interface in it that the machine's packets pass.
        firmware: QEMU's words for the firmware.
    """

    net: Namespace
    host: Host
    watch: str
    firmware: Sequence[str] = ()
    _doors: dict[int, tuple[str, int]] = field(default_factory=dict, compare=False)

    @property
    def tap(self) -> str:
        """The tap that is the machine's own end; "" for what is plugged into a port of the host."""
        return self.host.tap

    def netdev(self, ident: str, ports: Sequence[int]) -> list[str]:
        """QEMU's arguments. Its frames are plain Ethernet: no header of virtio goes before them.

        Args:
            ident: the `id=` for `-device ...,netdev=`.
            ports: not needed: any port of the machine is reached.

        Raises:
            UsageError: the wire is a real port's, on which no guest can be.
        """
        if not self.host.tap:
            raise UsageError(
                f"node {self.host.name} is a virtual machine, and the rig's segment is a network port of this host",
                hint="give it a rig of its own, or take `segment: {kind: bridge, nic: ...}`, which has both on a wire",
            )
        tap = f"tap,id={ident},ifname={self.host.tap},script=no,downscript=no,vhost=off,vnet_hdr=off"
        return ["-netdev", tap, *self.firmware]

    def run(self, argv: Sequence[str]) -> list[str]:
        """The command that runs a program in the namespace, where this end of the wire is."""
        return self.net.inside(argv)

    def reach(self, port: int, monitor: Callable[[str], str], *, deadline: Deadline) -> tuple[str, int]:
        """A port of this host's loopback that is joined to the machine's own, from the first time it is asked for.

        Args:
            port: the machine's own.
            monitor: not needed: QEMU knows nothing of it.
            deadline: for the holder's answer.

        Raises:
            InfrastructureError: the holder does not answer.
            UsageError: the machine's address is not known.
        """
        if port not in self._doors:
            machine = Inside(HostPort(address_of(self.host), port))
            self._doors[port] = self.net.join(Outside("127.0.0.1", 0), machine, deadline=deadline)
        return self._doors[port]


@dataclass(frozen=True, slots=True)
class LanSegment:
    """The network of one bench's machines, which see each other.

    Args:
        config: the rig's section.
        net: the namespace.
        hosts: the machines, by their nodes' names.
        interface: the one in the namespace on which all of the wire that comes here is seen.
        firmware: QEMU's words for a guest's firmware.
        facts: what is to be known of it besides, in words.
    """

    config: NetworkConfig
    net: Namespace
    hosts: Mapping[str, Host]
    interface: str
    firmware: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def bench(self) -> HostPort:
        """Where the machines find Matchbox."""
        return self.config.bench

    @property
    def deaths(self) -> tuple[Death, ...]:
        """What ends a wait here: what does anywhere; errors of the firmware's network boot are laid to the bench."""
        return (*SCRIPT_DEATHS, HTTP_BOOT, *laid_to_the_bench(_OUR_DHCP))

    def lease(self, node: str) -> str:
        """The address that a node's machine is given.

        Raises:
            UsageError: a server gives it that is not the bench's, and the rig does not say which.
        """
        return address_of(self.hosts[node])

    def elsewhere(self, node: str, *, deadline: Deadline) -> Trouble | None:
        """Why a node's machine cannot answer where it is asked, as far as this wire shows it.

        Args:
            node: its name.
            deadline: for the holder's answer.

        Raises:
            InfrastructureError: the holder does not answer.
        """
        return elsewhere(self.hosts[node], self.net.neighbours(deadline=deadline))

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

    def cable(self, node: str) -> LanCable:
        """The end of it for a node's machine."""
        return LanCable(self.net, self.hosts[node], self.interface, self.firmware)


def address_of(host: Host) -> str:
    """A machine's address.

    Raises:
        UsageError: it is not known.
    """
    if not host.address:
        raise UsageError(
            f"which address node {host.name} has is not known: the wire's own DHCP server gives it",
            hint=f"have that server give {host.mac} always the same one, and write it in the rig's segment:"
            f" `addresses: {{{host.name}: ...}}`",
        )
    return host.address
