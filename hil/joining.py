"""A bench's tailnet, opened when the first node needs it, and what a node joins it with. Asks no node.

The programs, the private network and the keys are in `hil.services.tailnet`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.config.tailnet import TailnetConfig
from hil.errors import UsageError
from hil.images.image import Image
from hil.keeper.client import Keeper
from hil.readiness.rounds import Missing
from hil.report.folder import write_whole
from hil.services.tailnet.control import ControlServer
from hil.services.tailnet.headscale_api import HeadscaleApi
from hil.services.tailnet.http_access import Access
from hil.services.tailnet.private_net import Unavailable
from hil.services.tailnet.tailnet import FORWARD, BadKey, Tailnet, join_tailnet, open_tailnet

PORT: Final = 8443
"""Where machines find the control server and the relay of a bench's own tailnet, on the bench's address."""

SERVICE: Final = "tailscale"
"""The extension service that joins (siderolabs/extensions, network/tailscale)."""

_BAD_KEYS: Final[Mapping[str, BadKey]] = {"key-invalid": "invalid", "key-expired": "expired", "key-used": "used"}
_WRITTEN: Final = "tailnet.json"
_SERVER: Final = re.compile(
    r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*)(?::(?P<port>[0-9]{1,5}))?/?"
)
_STARTS_WITHIN: Final = 60.0
# What Tailscale's container is told whatever it joins (tailscale, cmd/containerboot/settings.go).
_ALWAYS: Final = {
    "TS_ENABLE_HEALTH_CHECK": "true",
    "TS_ENABLE_METRICS": "true",
    "TS_LOCAL_ADDR_PORT": "0.0.0.0:9002",
    "TS_AUTH_ONCE": "true",
}
_NOT_NAMED: Final = Missing(
    "the rig names no control server",
    "machines that are configured by a tree of your own join where that says: add `tailnet:` with its url and keys",
)


@dataclass(frozen=True, slots=True)
class InTailnet:
    """Who in a tailnet can be asked about its nodes.

    Args:
        control: its control server.
        peer: the LocalAPI socket of a tailscaled in it.
    """

    control: ControlServer | Missing
    peer: Path | Missing


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
    def in_tailnet(self) -> InTailnet | Missing:
        """Who can be asked about the nodes; or why this host can have no tailnet, so that none was configured for one.

        It opens none: nodes that are configured by a tree of the user's own may be in one that nobody has named.
        """
        if self._tailnet is None and self._config is None:
            return InTailnet(_NOT_NAMED, _NOT_NAMED)
        tailnet = self.open()
        return tailnet if isinstance(tailnet, Missing) else who_can_be_asked(tailnet)

    @property
    def nowhere(self) -> str:
        """The URL of a control server that is not there: where machines find the bench, at a port that is closed."""
        return f"https://{HostPort(self._address.host, PORT + 1)}"

    def open(self) -> Tailnet | Missing:
        """The tailnet, opened at the first call; or why this host can have none.

        Raises:
            InfrastructureError: a program of it cannot be had, or does not start.
        """
        if self._tailnet is None:
            self._tailnet = self._new()
        return self._tailnet

    def _new(self) -> Tailnet | Missing:
        found = self._of_its_own() if self._config is None else join_tailnet(self._config)
        if isinstance(found, Tailnet):
            write_tailnet(self._directory, found)
        return found

    def _of_its_own(self) -> Tailnet | Missing:
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


def who_can_be_asked(tailnet: Tailnet) -> InTailnet:
    """Who in a bench's tailnet can be asked about its nodes."""
    return in_tailnet(tailnet.login_server, tailnet.control, tailnet.peer)


def write_tailnet(directory: Path, tailnet: Tailnet) -> None:
    """Write down who can be asked, for other processes of the same user: it holds a key.

    Args:
        directory: the bench's private folder.
        tailnet: an open one.

    Raises:
        InfrastructureError: the folder cannot be written.
    """
    asked: dict[str, object] = {"login_server": tailnet.login_server, "peer": str(tailnet.peer or "")}
    if isinstance(tailnet.control, HeadscaleApi):
        access, key = tailnet.control.opening
        asked |= {"url": access.url, "ca_pem": access.ca_pem, "by": str(access.by or ""), "api_key": key}
    write_whole(directory / _WRITTEN, json.dumps(asked) + "\n")


def read_tailnet(directory: Path) -> InTailnet | Missing:
    """What is written down of a bench's tailnet.

    Args:
        directory: the bench's private folder.
    """
    try:
        raw = json.loads((directory / _WRITTEN).read_bytes())
        text = {key: value for key, value in raw.items() if isinstance(value, str)}
    except (OSError, ValueError, AttributeError, RecursionError):
        return Missing("the bench has opened no tailnet")
    control = None
    url, key = text.get("url", ""), text.get("api_key", "")
    if is_server(url) and is_api_key(key):
        by = Path(text["by"]) if text.get("by") else None
        control = HeadscaleApi(Access(url, text.get("ca_pem", ""), by), key)
    peer = Path(text["peer"]) if text.get("peer") else None
    return in_tailnet(text.get("login_server", ""), control, peer)


def is_server(text: str) -> bool:
    """Whether a text can be the address of a control server, as "https://headscale.example:443"."""
    found = _SERVER.fullmatch(text)
    return found is not None and 0 < int(found["port"] or 443) <= 65535


def is_api_key(text: str) -> bool:
    """Whether a text can be a key of a control server's API: what a header of HTTP carries, on one line."""
    return re.fullmatch("[!-~]+", text) is not None


def in_tailnet(server: str, control: ControlServer | None, peer: Path | None) -> InTailnet:
    """Who of these can be asked, and why the others cannot.

    Args:
        server: the control server's URL, for the message that it cannot be asked.
        control: asks it, or None.
        peer: the LocalAPI socket of a tailscaled in the tailnet, or None.
    """
    no_key = Missing(
        f"the control server {server} is not asked: nobody gave a key of its API".replace("  ", " "),
        "add `api_key: !env NAME` to the rig's `tailnet:`, if it is a headscale",
    )
    no_peer = Missing(
        "no tailscaled of this host is in the tailnet, so the node cannot be pinged",
        "join this host to it, or name the socket of one that has joined: `tailnet: {peer: PATH}`",
    )
    return InTailnet(control or no_key, peer or no_peer)


def join_environment(tailnet: Tailnet, hostname: str, image: Image) -> dict[str, str]:
    """What the ExtensionServiceConfig of Tailscale sets, with a key for one boot of one node.

    Args:
        tailnet: what it joins.
        hostname: the name that it will have there.
        image: what it boots; what that says besides comes along, and what it has wrong with joining.

    Raises:
        InfrastructureError: the control server gives no key.
        UsageError: it has something wrong that only a tailnet of the bench's own can have.
    """
    said, fault = image.extension_configs.get(SERVICE, {}), image.tailnet_fault
    key, server = _wrong(tailnet, fault) if fault else (tailnet.auth_key(hostname), tailnet.login_server)
    return {
        **_ALWAYS,
        **said,
        "TS_AUTHKEY": key,
        # Of a flag that is there twice, the last one holds (Go, package flag).
        "TS_EXTRA_ARGS": f"{said.get('TS_EXTRA_ARGS', '')} --login-server={server}".strip(),
        "TS_HOSTNAME": hostname,
    }


def idle_environment(nowhere: str, hostname: str, image: Image) -> dict[str, str]:
    """What it sets where there is no tailnet: the service runs, as it should, and has no key and no server to go to.

    Args:
        nowhere: the URL of a control server that is not there.
        hostname: the name that it would have.
        image: what it boots; what that says besides comes along.
    """
    said = image.extension_configs.get(SERVICE, {})
    return {**_ALWAYS, **said, "TS_EXTRA_ARGS": f"--login-server={nowhere}", "TS_HOSTNAME": hostname}


def _wrong(tailnet: Tailnet, fault: str) -> tuple[str, str]:
    """The key and the control server of a node with a fault of joining."""
    if tailnet.own is None:
        raise UsageError(
            f"the fault {fault!r} needs a tailnet of the bench's own, and the rig names a control server",
            hint="leave `tailnet:` out of the rig file, or the fault out of the image",
        )
    if fault == "control-unreachable":
        return tailnet.own.bad_key("invalid"), tailnet.own.nowhere
    return tailnet.own.bad_key(_BAD_KEYS[fault]), tailnet.login_server
