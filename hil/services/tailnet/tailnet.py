"""A bench's tailnet: what machines join it with, and whom to ask about them.

Either headscale and a peer of the bench's own, in a private network (`open_tailnet`), or a control server of the
user's (`join_tailnet`). What runs is a child of the keeper and ends with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.config.tailnet import TailnetConfig
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper
from hil.services.tailnet.ca import make_authority
from hil.services.tailnet.control import ControlServer
from hil.services.tailnet.headscale import Headscale
from hil.services.tailnet.headscale_api import HeadscaleApi
from hil.services.tailnet.http_access import Access
from hil.services.tailnet.peer import Peer
from hil.services.tailnet.private_net import Unavailable, hold

FORWARD: Final = "tailnet.sock"
"""The name of the unix socket in a bench's folder that leads to its control server and relay."""

_USER: Final = "bench"
_KEY_VALID: Final = timedelta(hours=24)
_KEY_WITHIN: Final = 10.0
_HOST_PEER: Final = Path("/var/run/tailscale/tailscaled.sock")
# As headscale writes one (hscontrol/db/preauth_keys.go): a prefix of 12 characters and a secret of 64, and not one
# that it has made.
_UNKNOWN_KEY: Final = f"hskey-auth-{'0' * 12}-{'0' * 64}"

BadKey = Literal["invalid", "expired", "used"]
"""Why a key is no good: never made, made with a time that is over, or another node has joined with it."""


@dataclass(frozen=True, slots=True)
class OwnServers:
    """The programs behind a tailnet of the bench's own; tests stop and start them.

    Args:
        headscale: the control server and relay.
        peer: the bench's tailscaled.
    """

    headscale: Headscale
    peer: Peer
    _api: HeadscaleApi
    _user: int
    _peers_key: str = field(repr=False)

    @property
    def nowhere(self) -> str:
        """The URL of a control server that is not there: the same address, and a port where nothing listens."""
        address = self.headscale.address
        return f"https://{HostPort(address.host, address.port + 1)}"

    def new_key(self, hostname: str) -> str:
        """A one-time key for a node that is about to boot; nodes of that name from former boots are forgotten.

        A machine that boots without its former state is a new node for headscale, which would give it another name
        beside the dead one's. The key is not one of an ephemeral node: that would vanish when it goes, and with it
        when it was last seen; the bench's whole tailnet is thrown away at its end.
        """
        deadline = Deadline.after(_KEY_WITHIN)
        for node in self._api.nodes(deadline):
            if node.hostname == hostname:
                self._api.delete_node(node.ident, deadline)
        return self._api.one_time_key(self._user, valid_for=_KEY_VALID, deadline=deadline)

    def bad_key(self, why: BadKey) -> str:
        """A key with which no node joins.

        Raises:
            InfrastructureError: headscale cannot be asked for one.
        """
        if why == "expired":
            return self._api.one_time_key(
                self._user, valid_for=timedelta(hours=-1), deadline=Deadline.after(_KEY_WITHIN)
            )
        return self._peers_key if why == "used" else _UNKNOWN_KEY


@dataclass(frozen=True, slots=True)
class Tailnet:
    """A tailnet that nodes can join.

    Args:
        login_server: the control server's URL, as machines have it.
        ca_pem: the certificate authority that machines must trust besides those they know; "" for none.
        control: who says what the control server knows; None where it cannot be asked.
        peer: the LocalAPI socket of a tailscaled in the tailnet, from which a node is pinged; None where there is
            none. The bench's own may still be joining: see `await_peer`.
        forward: the unix socket that leads to the control server and the relay; None where machines reach them by
            themselves.
        own: the programs behind it; None for a control server of the user's.
    """

    login_server: str
    ca_pem: str = field(repr=False)
    control: ControlServer | None
    peer: Path | None
    forward: Path | None
    own: OwnServers | None
    _new_key: Callable[[str], str] = field(repr=False)

    def auth_key(self, hostname: str) -> str:
        """A key for a node that is about to boot: a fresh one each time, or the one that the user has given.

        A machine without a disk that is reset has lost its state, and cannot join again with a key that is used.

        Args:
            hostname: the name that the node will have there.

        Raises:
            InfrastructureError: the bench's headscale cannot be asked for one.
        """
        return self._new_key(hostname)

    def await_peer(self, deadline: Deadline) -> None:
        """Wait until the bench's own peer is in the tailnet; one of the user's is not waited for.

        Raises:
            InfrastructureError: it could not join, or has not at the deadline.
        """
        if self.own is not None:
            self.own.peer.await_running(deadline)


def open_tailnet(
    keeper: Keeper,
    directory: Path,
    address: HostPort,
    *,
    headscale: Path,
    tailscaled: Path,
    deadline: Deadline,
    record: Path | None = None,
) -> Tailnet | Unavailable:
    """Open a tailnet of the bench's own; its peer joins in the background meanwhile.

    Args:
        keeper: owns all of it.
        directory: the bench's private folder; `tailnet` and `tailnet.sock` are made in it.
        address: where machines find the control server and relay, an IP address.
        headscale: the headscale program.
        tailscaled: tailscaled with its command line in it.
        deadline: for headscale's first answer; it takes some seconds.
        record: base path of the logs' recordings, which get "-headscale", "-peer" and "-join"; None for none.

    Returns:
        The tailnet, or why this host allows no private network.

    Raises:
        InfrastructureError: a program does not start; with its last words.
    """
    net = hold(keeper, directory / FORWARD, address, deadline=deadline)
    if isinstance(net, Unavailable):
        return net
    folder = directory / "tailnet"
    try:
        folder.mkdir(mode=0o700)
        authority = make_authority(folder, address.host, bench=directory.name)
    except OSError as error:
        raise InfrastructureError(
            f"the tailnet's files cannot be written to {folder}: {error.strerror}", hint="see that the disk has room"
        ) from error
    log = None if record is None else record.with_name(f"{record.name}-headscale")
    server = Headscale(keeper, net, headscale, folder / "headscale", address, authority, log)
    peer = Peer(keeper, net, tailscaled, folder / "peer", authority.ca_file, record)
    peer.start()
    server.start(deadline)
    api_key = server.new_api_key(deadline)
    keeper.hide([api_key])
    api = HeadscaleApi(server.access, api_key)
    user = api.create_user(_USER, deadline)
    key = api.one_time_key(user, valid_for=_KEY_VALID, deadline=deadline)
    keeper.hide([key])
    peer.join(server.url, key, deadline)
    own = OwnServers(server, peer, api, user, key)
    return Tailnet(server.url, authority.ca_pem, api, peer.socket, net.forward, own, own.new_key)


def join_tailnet(config: TailnetConfig) -> Tailnet:
    """A tailnet of the user's own control server, which is only asked, and only where the rig file says how.

    Args:
        config: the rig's section.
    """
    control = None if config.api_key is None else HeadscaleApi(Access(config.url), config.api_key.reveal())
    peer = config.peer or (_HOST_PEER if _HOST_PEER.exists() else None)
    return Tailnet(config.url, "", control, peer, None, None, lambda hostname: config.auth_key.reveal())
