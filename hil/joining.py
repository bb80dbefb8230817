"""A bench's tailnet, opened when the first node needs it, and what a node joins it with. Asks no node.

The programs, the private network and the keys are in `hil.services.tailnet`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.config.tailnet import TailnetConfig
from hil.images.image import Image
from hil.keeper.client import Keeper
from hil.readiness.rounds import Missing
from hil.services.tailnet.private_net import Unavailable
from hil.services.tailnet.tailnet import FORWARD, Tailnet, join_tailnet, open_tailnet

PORT: Final = 8443
"""Where machines find the control server and the relay of a bench's own tailnet, on the bench's address."""

SERVICE: Final = "tailscale"
"""The extension service that joins (siderolabs/extensions, network/tailscale)."""

_STARTS_WITHIN: Final = 60.0
# What Tailscale's container is told whatever it joins (tailscale, cmd/containerboot/settings.go).
_ALWAYS: Final = {
    "TS_ENABLE_HEALTH_CHECK": "true",
    "TS_LOCAL_ADDR_PORT": "0.0.0.0:9002",
    "TS_AUTH_ONCE": "true",
}
_NOT_NAMED: Final = Missing(
    "the rig names no control server",
    "machines that are configured by a tree of your own join where that says: add `tailnet:` with its url and keys",
)


def joins(image: Image | None) -> bool:
    """Whether a machine that boots the image joins a tailnet."""
    if image is None:
        return False
    return image.tailnet or (image.expect is not None and image.expect.tailscale is not None)


@dataclass(frozen=True, slots=True)
class Programs:
    """What runs a tailnet of a bench's own.

    Args:
        headscale: the control server with its relay.
        tailscaled: the peer, with its command line in it.
    """

    headscale: Path
    tailscaled: Path


class Joining:
    """The tailnet of one bench.

    Args:
        keeper: owns what runs.
        directory: the bench's private folder.
        config: the rig's section; None for a tailnet of the bench's own.
        bench: the bench's address, as machines have it.
        programs: found, and built where they have to be, when the tailnet is opened.
        record: base path of the recordings of its logs.
    """

    def __init__(
        self,
        keeper: Keeper,
        directory: Path,
        config: TailnetConfig | None,
        bench: HostPort,
        programs: Callable[[], Programs],
        record: Path,
    ) -> None:
        self._keeper = keeper
        self._directory = directory
        self._config = config
        self._address = HostPort(bench.host, PORT)
        self._programs = programs
        self._record = record
        self._tailnet: Tailnet | Missing | None = None

    @property
    def services(self) -> Mapping[HostPort, Path]:
        """Where machines find what of it is the bench's own, by the address that they have for it."""
        return {self._address: self._directory / FORWARD}

    @property
    def opened(self) -> Tailnet | Missing:
        """The tailnet, where there is one that nodes have joined or will; asks for none to be opened."""
        if self._tailnet is None and self._config is None:
            return _NOT_NAMED
        return self.open()

    def open(self) -> Tailnet | Missing:
        """The tailnet, opened at the first call; or why this host can have none.

        Raises:
            InfrastructureError: a program of it cannot be had, or does not start.
        """
        if self._tailnet is None:
            self._tailnet = self._new()
        return self._tailnet

    def _new(self) -> Tailnet | Missing:
        if self._config is not None:
            return join_tailnet(self._config)
        programs = self._programs()
        made = open_tailnet(
            self._keeper,
            self._directory,
            self._address,
            headscale=programs.headscale,
            tailscaled=programs.tailscaled,
            deadline=Deadline.after(_STARTS_WITHIN),
            record=self._record,
        )
        return Missing(made.reason) if isinstance(made, Unavailable) else made


def join_environment(tailnet: Tailnet, hostname: str, image: Image) -> dict[str, str]:
    """What the ExtensionServiceConfig of Tailscale sets, with a key for one boot of one node.

    Args:
        tailnet: what it joins.
        hostname: the name that it will have there.
        image: what it boots; what that says besides comes along.

    Raises:
        InfrastructureError: the control server gives no key.
    """
    return {
        **_ALWAYS,
        **image.extension_configs.get(SERVICE, {}),
        "TS_AUTHKEY": tailnet.auth_key(hostname),
        "TS_EXTRA_ARGS": f"--login-server={tailnet.login_server}",
        "TS_HOSTNAME": hostname,
    }
