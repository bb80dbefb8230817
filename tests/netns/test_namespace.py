"""A namespace for real: what is in it, what is joined to what, what a host that refuses it says."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.private_nets import needs_private_net, needs_taps

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper
from hil.keeper.starting import await_ready, past
from hil.netns import namespace
from hil.netns.namespace import Inside, Namespace, Outside, Plan, Refused, allowed, hold

WITHIN = 20.0
LO = Plan(("10.0.2.100/32", "10.0.2.6/32"))
BRIDGE = Plan(("10.0.2.100/24", "10.0.2.6/32"), "br0", ("tap0", "tap1"), root=True)
LOOK = """
import json, os, socket
names = sorted(name for _, name in socket.if_nameindex())
print(json.dumps([names, os.geteuid()]), flush=True)
"""
ECHO = """
import socket
with socket.create_server(("10.0.2.6", 7007)) as listener:
    print("listens", flush=True)
    while True:
        connection, _ = listener.accept()
        connection.sendall(b"inside heard " + connection.recv(100))
        connection.close()
"""
DIAL = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as connection:
    try:
        connection.sendall(b"word")
        connection.shutdown(socket.SHUT_WR)
        print(b"".join(iter(lambda: connection.recv(100), b"")).decode(), flush=True)
    except OSError:
        print("", flush=True)
"""


def soon() -> Deadline:
    return Deadline.after(WITHIN)


def held(keeper: Keeper, plan: Plan) -> Namespace:
    made = hold(keeper, "net", keeper.directory / "net.sock", plan, deadline=soon())
    assert isinstance(made, Namespace)
    return made


def says(keeper: Keeper, net: Namespace, script: str, *words: str) -> str:
    """The first line that a script says in there; it may go on."""
    name = f"script{len(keeper.streams())}"
    since = past(keeper, name)
    keeper.spawn(name, net.inside([sys.executable, "-I", "-S", "-c", script, *words]))
    line = await_ready(
        keeper,
        name,
        lambda said: said if said.endswith(b"\n") else None,
        what="the script",
        hint="",
        since=since,
        deadline=soon(),
    )
    return line.decode().strip()


@contextmanager
def service(listener: socket.socket) -> Iterator[None]:
    """Outside: one connection is answered."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(WITHIN)
            connection.sendall(b"outside heard " + connection.recv(100))

    listener.settimeout(WITHIN)
    thread = threading.Thread(target=serve)
    with listener:
        thread.start()
        yield
        thread.join(WITHIN)
        assert not thread.is_alive()


@needs_private_net
def test_connections_are_joined_both_ways(keeper: Keeper, tmp_path: Path) -> None:
    net = held(keeper, LO)
    assert says(keeper, net, ECHO) == "listens"
    door = net.join(Outside("127.0.0.1", 0), Inside(HostPort("10.0.2.6", 7007)), deadline=soon())
    with socket.create_connection(door, WITHIN) as connection:
        connection.sendall(b"word")
        assert b"".join(iter(lambda: connection.recv(100), b"")) == b"inside heard word"

    tcp = socket.create_server(("127.0.0.1", 0))
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(tmp_path / "service"))
    unix.listen()
    port = int(tcp.getsockname()[1])
    net.join(Inside(HostPort("10.0.2.100", 8080)), Outside("localhost", port), deadline=soon())
    net.join(Inside(HostPort("10.0.2.100", 8443)), tmp_path / "service", deadline=soon())
    for listener, at in ((tcp, "8080"), (unix, "8443")):
        with service(listener):
            assert says(keeper, net, DIAL, "10.0.2.100", at) == "outside heard word"


@needs_private_net
def test_what_cannot_be_joined_is_said(keeper: Keeper) -> None:
    net = held(keeper, LO)
    twice = Inside(HostPort("10.0.2.100", 8080))
    net.join(twice, Outside("127.0.0.1", 1), deadline=soon())
    with pytest.raises(InfrastructureError, match=r"cannot listen at 10\.0\.2\.100:8080: Address already in use"):
        net.join(twice, Outside("127.0.0.1", 1), deadline=soon())
    with pytest.raises(
        InfrastructureError, match=r"cannot listen at 192\.0\.2\.1:80: Cannot assign requested address"
    ):
        net.join(Inside(HostPort("192.0.2.1", 80)), Outside("127.0.0.1", 1), deadline=soon())
    # A service that is not there is the end of the connection that asked for it, and of no other.
    assert says(keeper, net, DIAL, "10.0.2.100", "8080") == ""


@needs_taps
def test_a_bridge_has_its_taps_and_nothing_of_the_hosts(keeper: Keeper) -> None:
    before = sorted(name for _, name in socket.if_nameindex())
    net = held(keeper, BRIDGE)
    assert json.loads(says(keeper, net, LOOK)) == [["br0", "lo", "tap0", "tap1"], 0]
    assert sorted(name for _, name in socket.if_nameindex()) == before


@needs_private_net
def test_a_host_is_asked_without_a_trace() -> None:
    before = sorted(name for _, name in socket.if_nameindex())
    assert allowed(LO, deadline=soon()) is (os.geteuid() != 0)
    assert sorted(name for _, name in socket.if_nameindex()) == before


def test_a_refusal_names_what_was_refused(keeper: Keeper, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "hil").mkdir()
    (tmp_path / "hil" / "__init__.py").touch()
    shutil.copytree(namespace._HOLDER.parents[1], tmp_path / "hil" / "netns")
    holder = tmp_path / "hil" / "netns" / "holder"
    links = (holder / "links.py").read_text()
    (holder / "links.py").write_text(links.replace('"/dev/net/tun"', '"/dev/net/absent"'))
    monkeypatch.setattr(namespace, "_HOLDER", holder / "__main__.py")
    refused = allowed(BRIDGE, deadline=soon())
    assert refused == hold(keeper, "net", keeper.directory / "net.sock", BRIDGE, deadline=soon())
    assert isinstance(refused, Refused)
    if needs_private_net.args[0]:
        assert refused.reason
    else:
        assert refused.reason == "/dev/net/absent: No such file or directory"


def test_the_way_in_is_by_the_user_namespace_where_there_is_one(tmp_path: Path) -> None:
    assert Namespace(7, True, tmp_path).inside(["prog"]) == [
        "nsenter", "--target=7", "--user", "--preserve-credentials", "--net", "--", "prog",
    ]  # fmt: skip
    assert "--user" not in Namespace(7, False, tmp_path).inside(["prog"])


def test_a_holder_that_has_ended_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="does not answer"):
        Namespace(7, False, tmp_path / "none").join(tmp_path / "x", tmp_path / "y", deadline=soon())
