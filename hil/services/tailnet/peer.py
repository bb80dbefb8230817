"""The bench's own tailscaled, a peer of the nodes: what can say whether a node is reached, by a ping that came back.

It runs in the bench's private network without a network device of its own, and joins in the background. What it can be
asked is in `hil.services.tailnet.localapi`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper
from hil.keeper.starting import Past, await_ready, past
from hil.services.tailnet.private_net import PrivateNet

HOSTNAME: Final = "hil-peer"
"""The name of a bench's peer in its tailnet."""

STREAM: Final = "tailnet:peer"
"""The keeper's name for the process and for the stream of its log."""

JOIN: Final = "tailnet:join"
"""The keeper's name for the command that joins it; its end with 0 is the joining."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One tailscaled.

    Args:
        keeper: owns the process.
        net: where it runs.
        program: tailscaled with its command line in it (build tag ts_include_cli).
        folder: a private folder of its own.
        ca_file: the certificate authority that it trusts, for the control server and for the relay.
        record: base path of its log's recording, which gets "-peer" and "-join"; None for none.
        hostname: its name in the tailnet.
    """

    keeper: Keeper
    net: PrivateNet
    program: Path
    folder: Path
    ca_file: Path
    record: Path | None = None
    hostname: str = HOSTNAME

    @property
    def socket(self) -> Path:
        """Its LocalAPI."""
        return self.folder / "tailscaled.sock"

    def start(self) -> None:
        """Start it; it is in no tailnet yet.

        Raises:
            InfrastructureError: the program cannot be started, or its folder not be made.
        """
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        words = ["--tun=userspace-networking", "--port=0", "--statedir=" + str(self.folder / "state")]
        argv = self.net.inside([str(self.program), *words, "--socket=" + str(self.socket)])
        self.keeper.spawn(STREAM, argv, cwd=self.folder, env=self._environment(), record=self._base("peer"), kill=True)

    def join(self, login_server: str, key: str, deadline: Deadline) -> None:
        """Have it join in the background.

        Args:
            login_server: the control server's URL.
            key: a one-time key; it is handed over in a file, for an argument could be read by anyone.
            deadline: for tailscaled's own start; it takes 0.5 s.

        Raises:
            InfrastructureError: tailscaled ended, or does not listen at the deadline.
        """
        await_ready(
            self.keeper,
            STREAM,
            lambda _: self.socket.exists() or None,
            what="tailscaled, the bench's peer in the tailnet,",
            hint="its last words are above; `hil doctor` shows which tailscaled this is",
            since=Past(),
            deadline=deadline,
        )
        file = self.folder / "auth-key"
        try:
            file.touch(mode=0o600)
            file.write_text(key, "ascii")
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        # TS_BE_CLI makes the one program its command line (cmd/tailscaled/tailscaled.go).
        words = ["up", f"--login-server={login_server}", f"--auth-key=file:{file}", f"--hostname={self.hostname}"]
        argv = [str(self.program), f"--socket={self.socket}", *words, "--accept-dns=false", "--accept-routes=false"]
        environment = {**self._environment(), "TS_BE_CLI": "1"}
        self.keeper.spawn(JOIN, argv, cwd=self.folder, env=environment, record=self._base("join"), kill=True)

    def await_running(self, deadline: Deadline) -> None:
        """Wait until it is in the tailnet.

        Raises:
            InfrastructureError: it could not join, with why; or has not at the deadline.
        """
        await_ready(
            self.keeper,
            JOIN,
            lambda _: True if self.keeper.exit_status(JOIN) == 0 else None,
            what="the bench's peer in the tailnet: `tailscale up`",
            hint="read tailnet-peer.log and tailnet-headscale.log in the bench's folder",
            since=Past(0, past(self.keeper, JOIN).incarnations - 1),
            deadline=deadline,
        )

    def _base(self, name: str) -> Path | None:
        return None if self.record is None else self.record.with_name(f"{self.record.name}-{name}")

    def _environment(self) -> dict[str, str]:
        # SSL_CERT_FILE is read by Go's crypto/x509; the other keeps logs off Tailscale's servers (logpolicy.go).
        return {
            "PATH": os.defpath,
            "HOME": str(self.folder),
            "SSL_CERT_FILE": str(self.ca_file),
            "TS_NO_LOGS_NO_SUPPORT": "true",
            # It would have its log's key in /var/lib/tailscale, where a tailscaled of the host's own has it.
            "TS_LOGS_DIR": str(self.folder),
        }


def _unwritable(folder: Path, error: OSError) -> InfrastructureError:
    return InfrastructureError(
        f"the peer's files cannot be written to {folder}: {error.strerror}", hint="see that the disk has room"
    )
