"""The layer of the extension `tailscale`: the programs that Talos's own extension has, built from their pinned module.

The command line tool is a link to the daemon, which has it built in (Tailscale's tag ts_include_cli); Talos has two
programs. Runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hil.clock import Deadline
from hil.images import cpio
from hil.images.contents import ROOTFS, Contents
from hil.tools import gobuild, gonode
from hil.tools.cache import Cache
from hil.tools.progress import Progress

HEALTH_PORT: Final = 9002
"""Where containerboot answers /healthz (tailscale, cmd/containerboot/main.go, TS_LOCAL_ADDR_PORT)."""

MODULES: Final = ("tun", "nf_tables", "nft_chain_nat", "nft_masq", "nft_ct")
"""What it has of the kernel on Talos: an interface of its own, and nftables, which it falls back to without iptables
(tailscale, util/linuxfw/nftables_runner.go). With TS_USERSPACE=true it needs neither."""

# siderolabs/extensions, network/tailscale/pkg.yaml.
_PROGRAMS: Final = f"{ROOTFS}/tailscale/usr/local/bin"


def contents(cache: Cache, *, progress: Progress, deadline: Deadline) -> Contents:
    """The programs, built if they are not in the cache.

    Raises:
        InfrastructureError: one cannot be built.
    """
    programs = {
        service.name: gobuild.build(service.for_machine(gonode.GUEST), cache, progress=progress, deadline=deadline)
        for service in (gobuild.TAILSCALED, gobuild.CONTAINERBOOT)
    }

    def entries() -> Iterator[cpio.Entry]:
        for name, program in programs.items():
            yield cpio.file(f"{_PROGRAMS}/{name}", program.read_bytes(), 0o755)
        yield cpio.link(f"{_PROGRAMS}/tailscale", gobuild.TAILSCALED.name)

    return Contents(entries, seen=tuple(programs.values()))
