"""A board behind a network port of the host, served by the bench alone and beside a router: `hil boot`, to ready."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import port_board
from support.private_nets import needs_taps

pytestmark = [
    pytest.mark.boot,
    needs_taps,
    pytest.mark.usefixtures("runtime"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who alone shares a host's interfaces"),
    pytest.mark.skipif(shutil.which("ip") is None, reason="the program ip is not here"),
]


@pytest.mark.parametrize(
    ("dhcp", "address", "server"), [("serve", "10.0.2.11", "10.0.2.100"), ("proxy", "192.168.1.71", "192.168.1.1")]
)
def test_a_board_behind_a_port_becomes_ready(runtime: Path, dhcp: str, address: str, server: str) -> None:
    folder = runtime / "board"  # short, as unix sockets are in it
    folder.mkdir()
    argv = ["unshare", "--net", sys.executable, port_board.__file__, str(folder), dhcp]
    environment = {**os.environ, "PYTHONPATH": str(Path(port_board.__file__).parents[1])}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    [boot] = json.loads(done.stdout)["boots"]
    assert (boot["verdict"], boot["segment"], boot["machine"]) == ("ready", "interface", "board")
    evidence = [mark["evidence"] for mark in boot["timeline"]["marks"]]
    assert any(f"{address} for firmware from {server}" in words for words in evidence), evidence
    # Whoever gave the address, the bench named the file and served it.
    [log] = folder.glob("hil-artifacts/*/dnsmasq.log")
    assert f"/tftp/ipxe-arm64.efi to {address}" in log.read_text()
    assert ("DHCPACK" in log.read_text()) == (dhcp == "serve")
