"""A tailnet of the bench's own, with programs that only look like the real ones; and one of the user's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support import tailnet_programs
from support.private_nets import needs_private_net

from hil.clock import Deadline
from hil.config.environment import SecretText
from hil.config.model import HostPort
from hil.config.tailnet import TailnetConfig
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper
from hil.services.tailnet import headscale as headscale_module
from hil.services.tailnet import peer as peer_module
from hil.services.tailnet import tailnet as tailnet_module
from hil.services.tailnet.private_net import Unavailable
from hil.services.tailnet.tailnet import OwnServers, Tailnet, join_tailnet, open_tailnet

pytestmark = pytest.mark.boot

WITHIN = 20.0
ADDRESS = HostPort("10.0.2.100", 8443)

Open = Callable[[], Tailnet]


@pytest.fixture
def strange_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """What headscale would take for a part of its configuration; the keeper has it too."""
    monkeypatch.setenv("HEADSCALE_LISTEN_ADDR", "0.0.0.0:1")


@pytest.fixture
def opening(strange_variable: None, keeper: Keeper, bench: Path, tmp_path: Path) -> Open:
    headscale, tailscaled = tailnet_programs.write(tmp_path)

    def opened() -> Tailnet:
        found = open_tailnet(
            keeper,
            bench,
            ADDRESS,
            headscale=headscale,
            tailscaled=tailscaled,
            deadline=Deadline.after(WITHIN),
            record=tmp_path / "tailnet",
        )
        assert isinstance(found, Tailnet)
        return found

    return opened


def own(tailnet: Tailnet) -> OwnServers:
    assert tailnet.own is not None
    return tailnet.own


@needs_private_net
def test_what_machines_and_probes_are_told(opening: Open, bench: Path) -> None:
    tailnet = opening()
    assert tailnet.login_server == "https://10.0.2.100:8443"
    assert tailnet.ca_pem.startswith("-----BEGIN CERTIFICATE-----")
    assert tailnet.forward == bench / "tailnet.sock"
    assert tailnet.peer == bench / "tailnet/peer/tailscaled.sock"
    assert tailnet.peer.exists()
    assert tailnet.control is not None
    assert [node.hostname for node in tailnet.control.nodes(Deadline.after(WITHIN))] == ["n1", "n2"]
    tailnet.await_peer(Deadline.after(WITHIN))


@needs_private_net
def test_each_key_is_fresh_and_forgets_the_nodes_former_boots(opening: Open, tmp_path: Path) -> None:
    tailnet = opening()
    assert [tailnet.auth_key(name) for name in ("n2", "n2", "n3")] == ["hskey-auth-2", "hskey-auth-3", "hskey-auth-4"]
    assert tailnet.control is not None
    assert [node.hostname for node in tailnet.control.nodes(Deadline.after(WITHIN))] == ["n1"]
    asked = (tmp_path / "tailnet-headscale.log").read_text().splitlines()
    wanted = json.loads(next(line for line in reversed(asked) if "preauthkey" in line).partition("preauthkey ")[2])
    assert (wanted["reusable"], wanted["ephemeral"], wanted["user"]) == (False, False, "1")


@needs_private_net
def test_no_key_is_where_others_see_it(opening: Open, keeper: Keeper, bench: Path, tmp_path: Path) -> None:
    tailnet = opening()
    tailnet.await_peer(Deadline.after(WITHIN))
    joined = (bench / "tailnet/peer/joined").read_text().splitlines()
    assert joined[-2:] == ["0o600", "hskey-auth-1"]
    assert "up" in joined
    arguments = joined[:-2] + (bench / "tailnet/peer/started").read_text().splitlines()
    records = [path.read_text() for path in tmp_path.glob("*.log")]
    assert len(records) == 3
    for text in (*arguments, *records, repr(tailnet), str(keeper.status())):
        assert "hskey-" not in text
        assert "PRIVATE KEY" not in text
    assert not any("HEADSCALE_" in record for record in records)
    assert (bench / "tailnet").stat().st_mode & 0o777 == 0o700


@needs_private_net
def test_a_key_that_is_no_good(opening: Open, tmp_path: Path) -> None:
    servers = own(opening())
    assert servers.bad_key("used") == "hskey-auth-1"
    assert servers.bad_key("invalid").startswith("hskey-auth-000000000000-")
    assert servers.bad_key("expired") == "hskey-auth-2"


@needs_private_net
def test_headscale_stops_and_starts_again_with_and_without_its_relay(opening: Open, bench: Path) -> None:
    tailnet = opening()
    server = own(tailnet).headscale
    assert tailnet.control is not None
    derp: list[dict[str, object]] = []
    for relay in (False, True):
        server.stop(Deadline.after(WITHIN))
        with pytest.raises(InfrastructureError, match="does not answer"):
            tailnet.control.nodes(Deadline.after(WITHIN))
        server.start(Deadline.after(WITHIN), relay=relay)
        assert len(tailnet.control.nodes(Deadline.after(WITHIN))) == 2
        derp.append(json.loads((bench / "tailnet/headscale/config.yaml").read_text())["derp"])
    dead, alive = derp
    assert (dead["server"]["enabled"], alive["server"]["enabled"]) == (False, True)  # type: ignore[index]
    assert dead["paths"] == [str(bench / "tailnet/headscale/dead-relay.yaml")]
    assert alive["paths"] == []
    assert "derpport: 8444" in (bench / "tailnet/headscale/dead-relay.yaml").read_text()


@needs_private_net
def test_a_headscale_that_does_not_start_says_why(opening: Open, bench: Path) -> None:
    server = own(opening()).headscale
    server.stop(Deadline.after(WITHIN))
    (bench / "tailnet/headscale/broken").touch()
    with pytest.raises(InfrastructureError, match="control server, ended, with status 1") as caught:
        server.start(Deadline.after(WITHIN))
    assert caught.value.evidence[-1] == "FTL it is broken"


@needs_private_net
def test_a_headscale_that_makes_no_api_key(opening: Open, bench: Path) -> None:
    server = own(opening()).headscale
    (bench / "tailnet/headscale/no-key").touch()
    with pytest.raises(InfrastructureError, match="`headscale apikeys create` ended with 1 and said") as caught:
        server.new_api_key(Deadline.after(WITHIN))
    assert caught.value.evidence == ("a line of log", "Error: hskey-api- of nobody")


@needs_private_net
def test_a_peer_joins_when_it_listens(opening: Open, tmp_path: Path) -> None:
    program = tmp_path / "tailscaled"
    program.write_text(program.read_text().replace("listener.bind", "time.sleep(0.8)\nlistener.bind"))
    opening().await_peer(Deadline.after(WITHIN))


@needs_private_net
def test_a_peer_that_may_not_join_says_why(opening: Open, bench: Path) -> None:
    tailnet = opening()
    tailnet.await_peer(Deadline.after(WITHIN))
    (bench / "tailnet/peer/refused").touch()
    own(tailnet).peer.join(tailnet.login_server, "another key", Deadline.after(WITHIN))
    with pytest.raises(InfrastructureError, match=r"`tailscale up` ended, with status 1") as caught:
        tailnet.await_peer(Deadline.after(WITHIN))
    assert caught.value.evidence == ("backend error: invalid pre auth key",)


def test_a_host_without_namespaces_has_no_tailnet(
    keeper: Keeper, bench: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tailnet_module, "hold", lambda *words, deadline: Unavailable("because"))
    found = open_tailnet(
        keeper, bench, ADDRESS, headscale=Path("/h"), tailscaled=Path("/t"), deadline=Deadline.after(WITHIN)
    )
    assert found == Unavailable("because")
    assert headscale_module.STREAM not in keeper.streams()
    assert peer_module.STREAM not in keeper.streams()


def test_a_control_server_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tailnet_module, "_HOST_PEER", tmp_path / "tailscaled.sock")
    key = SecretText("topsecret", "TS_KEY")
    bare = join_tailnet(TailnetConfig(url="https://h.example", auth_key=key))
    assert (bare.login_server, bare.ca_pem, bare.control, bare.peer) == ("https://h.example", "", None, None)
    assert (bare.forward, bare.own) == (None, None)
    assert bare.auth_key("n1") == bare.auth_key("n2") == "topsecret"
    bare.await_peer(Deadline.after(0))
    (tmp_path / "tailscaled.sock").touch()
    asked = join_tailnet(TailnetConfig(url="https://h.example", auth_key=key, api_key=SecretText("api", "API")))
    assert asked.control is not None
    assert asked.control.name == "headscale at https://h.example"
    assert asked.peer == tmp_path / "tailscaled.sock"
    named = join_tailnet(TailnetConfig(url="https://h.example", auth_key=key, peer=tmp_path / "own.sock"))
    assert named.peer == tmp_path / "own.sock"
    assert "topsecret" not in repr(bare) + repr(asked)
