"""A machine on the user segment reaches what its rig lists, and nothing else: counted where it would arrive."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hil.bench import open_bench
from hil.config.rig import load_rig
from hil.images import probe

pytestmark = [pytest.mark.boot, pytest.mark.usefixtures("runtime")]

RIG = """\
hil: 1
segment:
  kind: user
  subnet: 10.0.1.0/24
  bench: 10.0.1.2:8080
  egress: [{{at: 10.0.1.3:7000, to: 127.0.0.1:{port}}}]
images: {{probe: {{kind: probe}}}}
nodes: {{node1: {{kind: qemu, image: probe}}}}
"""
# The bench has slirp's usual gateway and name server, so slirp takes the first free address.
GATEWAY = "10.0.1.1"
DIALS = 5


@contextmanager
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        server.setblocking(False)
        yield server


def arrived(server: socket.socket, within: float = 0.0) -> int:
    """How many connections have come; with `within`, seconds, waits for the first."""
    count = 0
    with selectors.DefaultSelector() as selector:
        selector.register(server, selectors.EVENT_READ)
        while selector.select(0.0 if count else within):
            server.accept()[0].close()
            count += 1
    return count


def test_only_listed_addresses_are_reached(tmp_path: Path) -> None:
    with listener() as listed, listener() as unlisted:
        rig_file = tmp_path / "rig.yaml"
        rig_file.write_text(RIG.format(port=listed.getsockname()[1]))
        port = unlisted.getsockname()[1]
        with open_bench(load_rig(rig_file, cwd=tmp_path), artifacts=tmp_path / "artifacts") as bench:
            console = bench.nodes["node1"].console

            console.expect(probe.PROMPT, within=60)
            console.run(f"ip route add default via {GATEWAY}", prompt=probe.PROMPT, within=60)
            # On a network that is not cut off, the gateway is this host's loopback (qemu(1), -netdev user).
            dial = f"for n in $(seq {DIALS}); do echo x | nc -w 2 {GATEWAY} {port}; echo ended $?; done"
            said = console.run(dial, prompt=probe.PROMPT, within=60)
            assert said.count(b"ended 1") == DIALS
            assert arrived(unlisted) == 0
            assert arrived(listed) == 0
            console.send_line("echo x | nc 10.0.1.3 7000")
            assert arrived(listed, within=60) == 1
