"""The private network for real: what is in it, what leads to it, that nothing leaves, that it ends with its keeper."""

from __future__ import annotations

import json
import socket
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from support.keepers import killed_keeper
from support.private_nets import needs_private_net, said_by

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.keeper import isolation
from hil.keeper.client import Keeper
from hil.keeper.isolation import Isolation
from hil.netns import namespace
from hil.services.tailnet.private_net import PrivateNet, Unavailable, hold

WITHIN = 20.0
ADDRESS = HostPort("10.0.2.100", 8443)
SERVICE = """
import json, socket
interfaces = [name for _, name in socket.if_nameindex()]
def unreachable(address):
    try:
        socket.create_connection((address, 1), 5)
    except OSError as error:
        return error.strerror
with socket.create_server(("10.0.2.100", 8443)) as listener:
    print(json.dumps([interfaces, unreachable("192.0.2.1"), unreachable("10.0.2.15")]), flush=True)
    while True:
        connection, _ = listener.accept()
        heard = b"".join(iter(lambda: connection.recv(1000), b""))
        connection.sendall(b"heard " + heard)
        connection.close()
"""
REFUSES = """
import sys
print("refused: Operation not permitted")
sys.exit(1)
"""


def held(keeper: Keeper) -> PrivateNet:
    net = hold(keeper, keeper.directory / "tailnet.sock", ADDRESS, deadline=Deadline.after(WITHIN))
    assert isinstance(net, PrivateNet)
    return net


def serve(keeper: Keeper, net: PrivateNet) -> list[object]:
    """Start the service; what it found around it."""
    argv = net.inside([sys.executable, "-I", "-S", "-c", SERVICE])
    found: list[object] = json.loads(said_by(keeper, "service", argv, b"\n", within=WITHIN))
    return found


def exchange(path: Path, data: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(WITHIN)
        connection.connect(str(path))
        # Where nobody listens inside, the other side may have closed it before all is sent, or with that unread.
        with suppress(BrokenPipeError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        heard = bytearray()
        with suppress(ConnectionResetError):
            while piece := connection.recv(1 << 16):
                heard += piece
        return bytes(heard)


@needs_private_net
def test_what_is_in_it_and_what_leads_to_it(keeper: Keeper) -> None:
    net = held(keeper)
    assert exchange(net.forward, b"nobody listens") == b""
    assert serve(keeper, net) == [["lo"], "Network is unreachable", "Network is unreachable"]
    assert exchange(net.forward, b"word") == b"heard word"
    large = bytes(range(256)) * 4096
    assert exchange(net.forward, large) == b"heard " + large
    assert net.forward.stat().st_mode & 0o777 == 0o600


@needs_private_net
def test_a_second_connection_does_not_wait_for_the_first(keeper: Keeper) -> None:
    net = held(keeper)
    with socket.socket(socket.AF_UNIX) as idle:
        idle.connect(str(net.forward))
        serve(keeper, net)
        assert exchange(net.forward, b"word") == b"heard word"


@needs_private_net
@pytest.mark.parametrize("way", isolation.ALL, ids=lambda way: way.name)
def test_nothing_is_left_of_it_when_its_keeper_is_killed(
    keeper: Keeper, way: Isolation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with killed_keeper(keeper.directory.with_name("killed"), way, tmp_path, monkeypatch, left=5) as killed:
        serve(killed, held(killed))


def test_a_host_that_allows_none_is_told_what_to_do(
    keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "refuses.py").write_text(REFUSES)
    monkeypatch.setattr(namespace, "_HOLDER", tmp_path / "refuses.py")
    net = hold(keeper, keeper.directory / "tailnet.sock", ADDRESS, deadline=Deadline.after(WITHIN))
    assert isinstance(net, Unavailable)
    assert net.reason.startswith(
        "this host allows no private network namespace (Operation not permitted): run as root"
    )
    assert "kernel.apparmor_restrict_unprivileged_userns=0" in net.reason
