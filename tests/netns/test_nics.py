"""An interface of the host in a bench's namespace: what leads to it, whose it is afterwards, what is refused.

The host is a network namespace of the test's own, so that no interface of this machine is touched.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from support.private_nets import needs_taps

from hil.netns import namespace

PLAN = {"addresses": ["10.0.2.100/24"], "bridge": "br0", "taps": [], "nics": ["veth0"], "root": True, "wire": None}
HOST = f"""
import json, os, socket, subprocess, sys
plan, addressed = sys.argv[1], sys.argv[2] == "addressed"
ip = lambda *words: subprocess.run(["ip", *words], check=True)
ip("link", "set", "lo", "up")
ip("link", "add", "veth0", "type", "veth", "peer", "name", "veth1")
ip("address", "add", "10.0.2.7/24", "dev", "veth1")
ip("link", "set", "veth1", "up")
if addressed:
    ip("address", "add", "192.0.2.1/24", "dev", "veth0")
control = socket.socket(socket.AF_UNIX)
control.bind("\\0control")
control.listen()
descriptor = control.fileno()
held = subprocess.Popen(
    [sys.executable, "-I", "-S", {str(namespace._HOLDER)!r}, plan, str(descriptor)],
    pass_fds=[descriptor], stdout=subprocess.PIPE, text=True,
)
said = held.stdout.readline().split(maxsplit=1)
found = {{"said": " ".join(said).strip(), "names": sorted(name for _, name in socket.if_nameindex())}}
if said[0] == "ready":
    target = socket.create_server(("127.0.0.1", 0))
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect("\\0control")
        request = {{"at": ["in", "10.0.2.100", 80], "to": ["out", "127.0.0.1", target.getsockname()[1]]}}
        asking.sendall(json.dumps(request).encode() + b"\\n")
        asking.recv(1000)
    with socket.create_connection(("10.0.2.100", 80), 10) as through:
        through.sendall(b"by the cable")
        found["heard"] = target.accept()[0].recv(100).decode()
    held.kill()
print(json.dumps(found))
"""

pytestmark = [
    needs_taps,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who alone moves a host's interfaces"),
    pytest.mark.skipif(shutil.which("ip") is None, reason="the program ip is not here"),
]


def on_a_host(plan: dict[str, object], *, addressed: bool = False) -> dict[str, object]:
    argv = ["unshare", "--net", sys.executable, "-c", HOST, json.dumps(plan), "addressed" if addressed else "bare"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_what_is_behind_the_nic_reaches_the_bench_and_the_host_has_it_no_longer() -> None:
    found = on_a_host(PLAN)
    assert str(found["said"]).startswith("ready net ")
    assert found["names"] == ["lo", "veth1"]
    assert found["heard"] == "by the cable"


def test_a_nic_that_the_host_itself_is_on_is_not_taken() -> None:
    found = on_a_host(PLAN, addressed=True)
    assert found["said"] == "refused: interface veth0: the host has an address on it, and would lose it"
    assert found["names"] == ["lo", "veth0", "veth1"]


def test_a_nic_that_is_not_there_is_named() -> None:
    found = on_a_host({**PLAN, "nics": ["enp9s0"]})
    assert str(found["said"]).startswith("refused: interface enp9s0: ")
