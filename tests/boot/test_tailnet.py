"""The bench's tailnet with the real headscale and the real tailscaled: its own peer, and others in the place of nodes.

A node's tailscaled is in a network namespace of its own, where only the control server's address leads anywhere, by
the relay that QEMU runs for a guest: what it can reach and how is what a guest can.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.leftovers import difference, snapshot
from support.private_nets import needs_private_net
from support.process_table import command_lines

import hil.netboot.user
from hil.clock import Deadline
from hil.config.model import HostPort
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir
from hil.keeper.starting import await_ready, past
from hil.services.tailnet.headscale_api import HeadscaleApi
from hil.services.tailnet.localapi import LocalApi
from hil.services.tailnet.peer import HOSTNAME, STREAM, Peer
from hil.services.tailnet.private_net import Unavailable, hold
from hil.services.tailnet.status import BackendState, Pong
from hil.services.tailnet.tailnet import BadKey, OwnServers, Tailnet, open_tailnet
from hil.tools import programs

pytestmark = [pytest.mark.boot, needs_private_net]

WITHIN = 60.0
PING_WITHIN = 1.0
PINGS = 5
# How long the secret at the end of one of headscale's keys is (hscontrol/db/preauth_keys.go); it may have a "-" in it.
SECRET = 64
ADDRESS = HostPort("10.0.2.100", 8443)
RELAY = Path(hil.netboot.user.__file__).with_name("relay.py")
# As slirp does for a guest: one relay for each connection, with the connection as its descriptors 0, 1 and 2.
DOOR = """
import signal, socket, subprocess, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
relay, address, port, target = sys.argv[1:]
with socket.create_server((address, int(port)), backlog=64) as listener:
    print("open", flush=True)
    while True:
        with listener.accept()[0] as connection:
            command = [sys.executable, "-I", "-S", "-E", relay, target]
            subprocess.Popen(command, stdin=connection, stdout=connection, stderr=connection)
"""


@contextmanager
def keepers() -> Iterator[Callable[[], Keeper]]:
    """Starts keepers, in a short folder of our own; they end with the block."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ht-", dir="/tmp"))
        patch.setenv("XDG_RUNTIME_DIR", folder)

        def start() -> Keeper:
            return stack.enter_context(Keeper.start(new_runtime_dir(), deadline=Deadline.after(10)))

        yield start


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[[], Keeper]]:
    with keepers() as start:
        yield start


def opened(keeper: Keeper) -> Tailnet:
    tailnet = open_tailnet(
        keeper,
        keeper.directory,
        ADDRESS,
        headscale=programs.headscale(),
        tailscaled=programs.tailscaled(),
        deadline=Deadline.after(WITHIN),
        record=keeper.directory / "tailnet",
    )
    assert isinstance(tailnet, Tailnet)
    return tailnet


@pytest.fixture(scope="module")
def tailnet(start: Callable[[], Keeper]) -> Tailnet:
    tailnet = opened(start())
    tailnet.await_peer(Deadline.after(WITHIN))
    return tailnet


@pytest.fixture(scope="module")
def own(tailnet: Tailnet) -> OwnServers:
    assert tailnet.own is not None
    return tailnet.own


def node_of(keeper: Keeper, tailnet: Tailnet, hostname: str) -> Peer:
    """A tailscaled like a guest's, which runs and has not joined."""
    net = hold(keeper, keeper.directory / "unused.sock", ADDRESS, deadline=Deadline.after(WITHIN))
    assert not isinstance(net, Unavailable)
    words = [str(RELAY), ADDRESS.host, str(ADDRESS.port), str(tailnet.forward)]
    since = past(keeper, "door")
    keeper.spawn("door", net.inside([sys.executable, "-I", "-S", "-c", DOOR, *words]))
    await_ready(
        keeper,
        "door",
        lambda said: said or None,
        what="the door",
        hint="",
        since=since,
        deadline=Deadline.after(WITHIN),
    )
    ca_file = keeper.directory / "ca.crt"
    ca_file.write_text(tailnet.ca_pem)
    node = Peer(keeper, net, programs.tailscaled(), keeper.directory / "node", ca_file, hostname=hostname)
    node.start()
    return node


@pytest.fixture(scope="module")
def node(start: Callable[[], Keeper], tailnet: Tailnet) -> Peer:
    node = node_of(start(), tailnet, "dut")
    node.join(tailnet.login_server, tailnet.auth_key("dut"), Deadline.after(WITHIN))
    node.await_running(Deadline.after(WITHIN))
    return node


def eventually(seen: Callable[[], bool]) -> bool:
    """Whether it is so within a minute."""
    deadline = Deadline.after(WITHIN)
    while not (found := seen()) and not deadline.expired:
        threading.Event().wait(0.2)
    return found


def online(tailnet: Tailnet) -> dict[str, bool]:
    assert tailnet.control is not None
    return {node.hostname: node.online for node in tailnet.control.nodes(Deadline.after(WITHIN))}


def pong(tailnet: Tailnet, node: Peer) -> Pong | None:
    """What comes back to the bench's peer from a node; a ping that was too early is lost, so there are several."""
    own = LocalApi(node.socket).status(Deadline.after(WITHIN)).own
    assert own is not None
    assert tailnet.peer is not None
    for _ in range(PINGS):
        answer = LocalApi(tailnet.peer).ping(own.addresses[0], Deadline.after(PING_WITHIN))
        if isinstance(answer, Pong):
            return answer
    return None


# The first, for the nodes of the others come and go beside it.
def test_nothing_is_left_when_the_keeper_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_TEST_MARKER", str(tmp_path))
    with keepers() as start:
        before = snapshot(str(tmp_path))
        keeper = start()
        opened(keeper).await_peer(Deadline.after(WITHIN))
        assert len(difference(before, within=Deadline.after(0))) > 8
        os.kill(keeper.pid, signal.SIGKILL)
        keeper.end()
        assert difference(before, within=Deadline.after(WITHIN)) == []


def test_a_node_joins_and_a_ping_comes_back_by_the_relay(tailnet: Tailnet, node: Peer) -> None:
    assert eventually(lambda: online(tailnet) == {HOSTNAME: True, "dut": True})
    status = LocalApi(node.socket).status(Deadline.after(WITHIN))
    assert (status.state, status.version) == (BackendState.RUNNING, "1.102.3")
    answer = pong(tailnet, node)
    assert answer is not None
    assert (answer.relay, answer.direct) == ("bench", False)
    assert 0 < answer.latency < PING_WITHIN


@pytest.mark.parametrize(
    ("why", "words"),
    [("invalid", "invalid pre auth key"), ("expired", "authkey expired"), ("used", "authkey already used")],
)
def test_a_key_that_is_no_good_is_said_in_the_control_servers_words(
    start: Callable[[], Keeper], tailnet: Tailnet, own: OwnServers, why: BadKey, words: str
) -> None:
    refused = node_of(start(), tailnet, f"refused-{why}")
    key = own.bad_key(why)
    refused.join(tailnet.login_server, key, Deadline.after(WITHIN))
    with pytest.raises(InfrastructureError, match="`tailscale up` ended, with status 1") as caught:
        refused.await_running(Deadline.after(WITHIN))
    assert words in "\n".join(caught.value.evidence)
    assert key not in caught.value.render()
    assert f"refused-{why}" not in online(tailnet)


def test_the_node_notices_that_the_control_server_is_gone_and_that_it_is_back(
    tailnet: Tailnet, own: OwnServers, node: Peer
) -> None:
    api = LocalApi(node.socket)

    def connected() -> bool:
        status = api.status(Deadline.after(WITHIN))
        assert status.state is BackendState.RUNNING
        return status.own is not None and status.own.online

    assert eventually(connected)
    own.headscale.stop(Deadline.after(WITHIN))
    assert eventually(lambda: not connected())
    assert pong(tailnet, node) is None
    own.headscale.start(Deadline.after(WITHIN))
    assert eventually(lambda: connected() and online(tailnet)["dut"])
    assert eventually(lambda: pong(tailnet, node) is not None)


def test_a_node_of_the_next_boot_has_the_name_of_the_one_before(start: Callable[[], Keeper], tailnet: Tailnet) -> None:
    assert tailnet.control is not None
    for _ in range(2):
        keeper = start()
        again = node_of(keeper, tailnet, "again")
        again.join(tailnet.login_server, tailnet.auth_key("again"), Deadline.after(WITHIN))
        again.await_running(Deadline.after(WITHIN))
        keeper.signal(STREAM, signal.SIGKILL)
        found = [node for node in tailnet.control.nodes(Deadline.after(WITHIN)) if node.hostname == "again"]
        assert [(node.given_name, node.key_expiry) for node in found] == [("again", None)]
    assert isinstance(tailnet.control, HeadscaleApi)
    tailnet.control.expire_node(found[0].ident, Deadline.after(WITHIN))
    (expired,) = [node for node in tailnet.control.nodes(Deadline.after(WITHIN)) if node.hostname == "again"]
    assert expired.key_expiry is not None
    assert expired.key_expiry <= datetime.now(UTC)
    tailnet.control.delete_node(expired.ident, Deadline.after(WITHIN))
    assert "again" not in online(tailnet)


def test_nothing_of_it_is_outside_the_benchs_folder(own: OwnServers) -> None:
    """tailscaled has a log key of its own, which root's would write where one of the host's has it."""
    (log,) = own.peer.keeper.directory.glob("tailnet-peer.log")
    assert b"/var/lib/tailscale" not in log.read_bytes()
    assert (own.peer.folder / "tailscaled.log.conf").exists()


def test_no_key_is_in_a_record_or_on_a_command_line(tailnet: Tailnet, own: OwnServers, node: Peer) -> None:
    keys = {own.bad_key("used"), tailnet.auth_key("nobody")}
    records = list(own.headscale.keeper.directory.glob("tailnet-*.log"))
    texts = [path.read_text() for path in records]
    texts += [words for _, words in command_lines()]
    assert len(records) == 3
    for text in texts:
        assert not any(key[-SECRET:] in text for key in keys)
        assert "hskey-api-" not in text


def test_a_dead_relay_leaves_the_node_online_and_no_ping_comes_back(
    tailnet: Tailnet, own: OwnServers, node: Peer
) -> None:
    own.headscale.stop(Deadline.after(WITHIN))
    own.headscale.start(Deadline.after(WITHIN), relay=False)
    try:
        assert eventually(lambda: online(tailnet)[HOSTNAME] and online(tailnet)["dut"])
        assert pong(tailnet, node) is None
        api = LocalApi(node.socket)
        assert eventually(lambda: "relay server" in " ".join(api.status(Deadline.after(WITHIN)).health))
        assert api.status(Deadline.after(WITHIN)).state is BackendState.RUNNING
    finally:
        own.headscale.stop(Deadline.after(WITHIN))
        own.headscale.start(Deadline.after(WITHIN))
    assert eventually(lambda: pong(tailnet, node) is not None)
