"""headscale as a child of the keeper in the bench's private network: its configuration, its start, its end.

It is the control server and, with its embedded DERP server, the relay. What it can be asked is in
`hil.services.tailnet.headscale_api`. Source: headscale v0.29.2, config-example.yaml, derp-example.yaml.
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper
from hil.keeper.starting import await_ready, past
from hil.services.tailnet.ca import Authority
from hil.services.tailnet.http_access import Access
from hil.services.tailnet.private_net import PrivateNet
from hil.tools.process import run

STREAM: Final = "tailnet:headscale"
"""The keeper's name for the process and for the stream of its log."""

_ONE_TRY: Final = 2.0
_API_KEY: Final = re.compile(r"^hskey-api-\S+$", re.MULTILINE)
_STUN_PORT: Final = 3478
_REGION: Final = {"id": 999, "code": "bench", "name": "The bench's relay"}
# The relay where nobody is: a map of the same region (tailcfg.DERPMap, keys in lower case) with a closed port.
_DEAD_RELAY: Final = """\
regions:
  {id}:
    regionid: {id}
    regioncode: {code}
    regionname: {name}
    nodes:
      - {{name: "{id}", regionid: {id}, hostname: {host}, ipv4: {host}, stunport: -1, derpport: {port}}}
"""


@dataclass(frozen=True, slots=True)
class Headscale:
    """One bench's headscale; its data outlives a stop, so that it can be started again.

    Args:
        keeper: owns the process.
        net: where it runs.
        program: the headscale program.
        folder: a private folder of its own, for its configuration and its data.
        address: where it listens in the network, and where machines find it.
        authority: whose certificate it shows.
        record: base path of its log's recording; None for none.
    """

    keeper: Keeper
    net: PrivateNet
    program: Path
    folder: Path
    address: HostPort
    authority: Authority
    record: Path | None = None

    @property
    def url(self) -> str:
        """Where machines find it."""
        return f"https://{self.address}"

    @property
    def access(self) -> Access:
        """How this host reaches it."""
        return Access(self.url, self.authority.ca_pem, self.net.forward)

    def start(self, deadline: Deadline, *, relay: bool = True) -> None:
        """Start it and wait until it answers.

        Args:
            deadline: for its first answer.
            relay: whether its relay runs; without, nodes are told of a relay that nobody is at.

        Raises:
            InfrastructureError: it ended, or does not answer; with its last words.
        """
        config = self._write(relay)
        since = past(self.keeper, STREAM)
        # Its whole environment: HEADSCALE_... variables of ours would change its configuration.
        environment = {"PATH": os.defpath, "HOME": str(self.folder)}
        argv = self.net.inside([str(self.program), "-c", str(config), "serve"])
        self.keeper.spawn(STREAM, argv, cwd=self.folder, env=environment, record=self.record, kill=True)
        await_ready(
            self.keeper,
            STREAM,
            lambda _: self._answers() or None,
            what="headscale, the tailnet's control server,",
            hint="its last words are above; `hil doctor` shows which headscale this is",
            since=since,
            deadline=deadline,
        )

    def stop(self, deadline: Deadline) -> None:
        """End it at once; for its nodes the control server and the relay are out of reach then.

        Raises:
            InfrastructureError: it has not ended at the deadline.
        """
        self.keeper.signal(STREAM, signal.SIGKILL)
        if self.keeper.wait_exit(STREAM, deadline=deadline) is None:
            raise InfrastructureError(f"headscale has not ended after {deadline}", hint="report this")

    def new_api_key(self, deadline: Deadline) -> str:
        """A key for its REST API, made by its command line over its own unix socket.

        Raises:
            InfrastructureError: it made none; with its own words.
        """
        argv: list[str | Path] = [self.program, "-c", self._config, "apikeys", "create", "--expiration", "14d"]
        environment = {"PATH": os.defpath, "HOME": str(self.folder)}
        done = run(argv, deadline=deadline, cwd=self.folder, env=environment)
        found = _API_KEY.search(done.output)
        if done.code != 0 or found is None:
            raise InfrastructureError(
                f"headscale made no API key: `headscale apikeys create` ended with {done.code} and said:",
                hint="`hil doctor` shows which headscale this is",
                evidence=[] if found else done.last_lines(),
            )
        return found[0]

    @property
    def _config(self) -> Path:
        return self.folder / "config.yaml"

    def _answers(self) -> bool:
        try:
            answer = self.access.ask("GET", "/health", deadline=Deadline.after(_ONE_TRY))
        except InfrastructureError:
            return False
        return answer.status == 200

    def _write(self, relay: bool) -> Path:
        """Its configuration: JSON, which is YAML as well."""
        dead = self.folder / "dead-relay.yaml"
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            dead.write_text(_DEAD_RELAY.format(host=self.address.host, port=self.address.port + 1, **_REGION), "ascii")
            self._config.write_text(json.dumps(self._settings(None if relay else dead), indent=1) + "\n", "utf-8")
        except OSError as error:
            raise InfrastructureError(
                f"headscale's configuration cannot be written to {self.folder}: {error.strerror}",
                hint="see that the disk has room",
            ) from error
        return self._config

    def _settings(self, dead_relay: Path | None) -> Mapping[str, object]:
        host = self.address.host
        return {
            "server_url": self.url,
            "listen_addr": str(self.address),
            "metrics_listen_addr": "127.0.0.1:9090",
            "grpc_listen_addr": "127.0.0.1:50443",
            "noise": {"private_key_path": str(self.folder / "noise.key")},
            "prefixes": {"v4": "100.64.0.0/10", "v6": "fd7a:115c:a1e0::/48", "allocation": "sequential"},
            "derp": {
                "server": {
                    "enabled": dead_relay is None,
                    "region_id": _REGION["id"],
                    "region_code": _REGION["code"],
                    "region_name": _REGION["name"],
                    "verify_clients": False,
                    "stun_listen_addr": f"{host}:{_STUN_PORT}",
                    "private_key_path": str(self.folder / "derp.key"),
                    "automatically_add_embedded_derp_region": True,
                    "ipv4": host,
                },
                "urls": [],
                "paths": [] if dead_relay is None else [str(dead_relay)],
                "auto_update_enabled": False,
            },
            "disable_check_updates": True,
            # Its defaults (0.5 s and 0.8 s for each change) save work in tailnets of thousands; here they would be a
            # third of the time that a node takes to join (hscontrol/types/config.go, Tuning).
            "tuning": {"node_store_batch_timeout": "50ms", "batch_change_delay": "50ms"},
            "database": {"type": "sqlite", "sqlite": {"path": str(self.folder / "db.sqlite")}},
            "tls_cert_path": str(self.authority.certificate),
            "tls_key_path": str(self.authority.key),
            "log": {"level": "info", "format": "text"},
            "policy": {"mode": "file", "path": ""},
            "dns": {"magic_dns": False, "base_domain": "tailnet.internal", "override_local_dns": False},
            "unix_socket": str(self.folder / "headscale.sock"),
            "unix_socket_permission": "0700",
            "logtail": {"enabled": False},
        }
