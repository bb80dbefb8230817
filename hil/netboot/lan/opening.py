"""The steps by which a segment with dnsmasq is opened: its namespace, its TFTP folder, its services."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.config.devices import is_twin
from hil.config.model import HostPort
from hil.errors import InfrastructureError
from hil.keeper.starting import await_ready, past
from hil.netboot.ipxe import write_tftp
from hil.netboot.lan.config import LanConfig
from hil.netboot.lan.dnsmasq import STARTED
from hil.netboot.lan.hosts import Host
from hil.netboot.lan.refusal import what_to_do
from hil.netboot.place import SegmentPlace
from hil.netboot.rpi.tree import lay
from hil.netns.namespace import Namespace, Plan, Refused, hold
from hil.netns.privileges import DNSMASQ as ITS_CAPABILITIES
from hil.netns.privileges import confined
from hil.tools.dnsmasq import Dnsmasq

HOLDER: Final = "segment"
DNSMASQ: Final = "dnsmasq"
NBP: Final = "nbp"
"""The keeper's names for the process that holds the namespace, for dnsmasq, and for the HTTP server of iPXE."""

BRIDGE: Final = "br0"
"""The bridge in the namespace, where there is one."""

STARTS_WITHIN: Final = 20.0
"""s in which all of it is there."""

_SERVING: Final = b"Serving HTTP on "


def hold_net(place: SegmentPlace, plan: Plan, *, deadline: Deadline) -> Namespace | Refused:
    """The segment's namespace, or why this host refuses it; errors as in `hil.netns.namespace.hold`."""
    return hold(place.keeper, HOLDER, place.directory / "segment.sock", plan, deadline=deadline)


def bridge_plan(config: LanConfig, hosts: Sequence[Host], nics: Sequence[str] = ()) -> Plan:
    """A bridge with the bench's addresses and a tap for each machine.

    Args:
        config: the rig's section.
        hosts: the machines.
        nics: ports of the host that are lent to it.
    """
    return Plan(addresses_of(config), BRIDGE, tuple(host.tap for host in hosts), tuple(nics), root=True)


def addresses_of(config: LanConfig) -> tuple[str, ...]:
    """The addresses that the bench has on the wire, each with its prefix: the subnet goes with the first."""
    bench, *others = config.taken
    return (f"{bench}/{config.network.prefixlen}", *(f"{address}/32" for address in others))


def refuse_bridge(net: Refused, nic: str | None = None) -> InfrastructureError:
    """That this host allows none, and what to do.

    Args:
        net: the kernel's reason.
        nic: what the rig's boards hang on; None for guests alone.
    """
    what = "the bench twin's wire" if nic is not None and is_twin(nic) else "the rig's segment"
    return InfrastructureError(
        f"this host allows no bridge, which {what} is: {net.reason}", hint=what_to_do(net, for_guests=nic is None)
    )


def fill_tftp(place: SegmentPlace, script: str) -> Path:
    """Make the folder that TFTP serves: iPXE with its script, and what each Raspberry Pi fetches.

    Args:
        place: what the bench gives the segment.
        script: what iPXE does.

    Raises:
        InfrastructureError: the folder cannot be written.
        ConfigError: two boards need different files of one name.
    """
    tftp = place.directory / "tftp"
    write_tftp(tftp, ipxe=place.ipxe, script=script)
    for tree in place.trees.values():
        try:
            lay(tree, tftp)
        except OSError as error:
            raise InfrastructureError(
                f"the TFTP folder {tftp} cannot be filled with what the board {tree.serial} fetches: {error}",
                hint="see that the disk has room, and that the files that the rig names are still there",
            ) from error
    return tftp


def start_dnsmasq(place: SegmentPlace, net: Namespace, program: Dnsmasq, text: str, *, deadline: Deadline) -> None:
    """Start it in the namespace, with no more of root's powers than it needs.

    Args:
        place: what the bench gives the segment.
        net: the namespace.
        program: dnsmasq.
        text: its configuration.
        deadline: for it to listen.

    Raises:
        InfrastructureError: it does not start.
    """
    settings = place.directory / "dnsmasq.conf"
    settings.write_text(text, "utf-8")
    # Not a daemon: it keeps its user, whom a user namespace lets it be root as, and says all on standard error.
    argv = confined([str(program.path), "--no-daemon", f"--conf-file={settings}"], ITS_CAPABILITIES)
    _start(place, DNSMASQ, net.inside(argv), STARTED.search, deadline)


def start_http(place: SegmentPlace, net: Namespace, folder: Path, at: HostPort, *, deadline: Deadline) -> None:
    """Serve a folder by HTTP in the namespace; errors as in `start_dnsmasq`."""
    argv = [sys.executable, "-I", "-S", "-E", "-u", "-m", "http.server", "--directory", str(folder)]
    argv += ["--bind", at.host, str(at.port)]
    _start(place, NBP, net.inside(argv), lambda said: _SERVING in said or None, deadline)


def _start(
    place: SegmentPlace, name: str, argv: Sequence[str], ready: Callable[[bytes], object], deadline: Deadline
) -> None:
    keeper = place.keeper
    since = past(keeper, name)
    keeper.spawn(name, argv, record=place.record / name, kill=True)
    hint = "report this with the lines above"
    await_ready(keeper, name, ready, what=f"the segment's {name}", hint=hint, since=since, deadline=deadline)
