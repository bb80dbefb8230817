"""A rig that ships, as a new user boots it: Talos by Matchbox alone, Tailscale, Spin, and no key shown."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.boards import are_guests, shipped_rig
from support.rigs import Ran, run_hil

from hil.images.extensions import SHIPPED
from hil.tools.gonode import talos_version

pytestmark = pytest.mark.boot

LONG = 600.0
TALOS = {
    "talos.api": "answers as os:admin",
    "talos.stage": "running",
    "talos.ready": "ready",
    "talos.unmet": "nothing",
    "talos.version": talos_version(),
    "talos.hostname": "node1",
    "talos.extension.spin": SHIPPED["spin"].version(),
    "talos.extension.tailscale": SHIPPED["tailscale"].version(),
    "talos.service.ext-spin": "running",
    "talos.service.ext-tailscale": "running",
}
CONDITIONS = {
    **dict.fromkeys(TALOS, ""),
    "tailscale.service": "running",
    "tailscale.healthz": "200 ok",
    "tailscale.control": "online as node1",
    "tailscale.key": "never expires",
    "tailscale.address": r"100\.64\.0\.\d+, fd7a:115c:a1e0::[0-9a-f]+",
    # No UDP leaves the machine, so no path is direct.
    "tailscale.ping": r"by relay bench to hil-peer in \d+ ms",
    "tailscale.health": "no complaint",
    "tailscale.cidrs": "pods .*, services .*",
    "spin.extension": SHIPPED["spin"].version(),
    "spin.handler": "spin",
    "spin.http": r"200; .*",
} | {name: re.escape(value) for name, value in TALOS.items()}


def test_a_new_user_boots_a_talos_node_and_asks_it_again(tmp_path: Path, runtime: Path) -> None:
    # A new user names no rig.
    rig = [] if are_guests() else [shipped_rig()]
    done = run_hil("boot", *rig, "--keep", cwd=tmp_path, within=LONG)
    said = [done]
    try:
        assert done.code == 0, done.err
        bench, door = kept(done)
        private = runtime / "hil" / bench
        canaries = [*keys_of(private / "talos" / "node1-simnode-gateway"), *keys_of_tailnet(private)]
        assert len(canaries) > 22

        record = tmp_path / found(r"^record: (.+)$", done.out)
        readiness = shown(done, record)
        for arguments in ([], [f"{bench}/node1", "--json"], [door, "--talosconfig", str(talosconfig(private))]):
            said.append(run_hil("check", *arguments, cwd=tmp_path))
            assert said[-1].code == 0, said[-1].out + said[-1].err
        again = said[-2].document
        assert (again["ready"], again["simulated"]) == (True, "simulated Talos node")
        for whole in (readiness, again):
            judged = observed(whole)
            assert judged.keys() == CONDITIONS.keys()
            for name, pattern in CONDITIONS.items():
                assert re.fullmatch(pattern, judged[name]), (name, judged[name])
        said.append(run_hil("check", f"{bench}/node1", "--version", "v1.13.8", cwd=tmp_path))
        assert said[-1].code == 1
    finally:
        ended = [
            run_hil("bench", "end", name, cwd=tmp_path) for name in run_hil("bench", "ls", cwd=tmp_path).out.split()
        ]
    assert [end.code for end in ended] == [0]
    assert not list(runtime.rglob("talosconfig*")), "the keys end with the bench"
    gone = run_hil("check", f"{bench}/node1", cwd=tmp_path)
    assert gone.code == 2
    assert f"there is no node {bench}/node1" in gone.err

    texts = {f"what command {number} printed": (ran.out + ran.err).encode() for number, ran in enumerate(said)}
    records = {str(file): file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert str(record / "console.log") in records
    leaks = [(name, where) for name, key in canaries for where, data in {**texts, **records}.items() if key in data]
    assert leaks == []


def kept(done: Ran) -> tuple[str, str]:
    """The bench's name, and where its node's API is, as `hil boot --keep` says them."""
    bench = found(r"^kept: bench (\S+) goes on$", done.out)
    assert f"  whether node1 is still ready:  hil check {bench}/node1\n" in done.out
    return bench, found(r"^  port 50000 of node1:  (\S+)$", done.out)


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    assert match is not None, text
    return match[1]


def talosconfig(private: Path) -> Path:
    return private / "talos" / "node1-simnode-gateway" / "talosconfig"


def shown(done: Ran, record: Path) -> dict[str, object]:
    """What the boot printed is right, and the readiness of its record."""
    assert re.match(r"node1: image simnode-gateway, machine (qemu|board), .*simulated Talos node\n", done.out)
    stages = [line.split()[0] for line in done.out.splitlines() if re.match(r"[a-z.-]+ +\d+\.\d{3}s ", line)]
    assert stages.index("profile") < stages.index("userspace") < stages.index("config") < stages.index("talos.api")
    assert stages[-1] == "ready"
    count = len(CONDITIONS)
    headline = f"node1 (simulated Talos node): ready: all {count} conditions hold\n"
    table = done.out[done.out.index(headline) :].splitlines()
    assert {row.split()[0]: row.split()[1] for row in table[2 : 2 + count]} == dict.fromkeys(CONDITIONS, "true")
    readiness = json.loads((record / "boot.json").read_text())["readiness"]
    assert readiness["ready"] is True
    assert all(0 < each["seconds"] < LONG for each in readiness["conditions"])
    loaded: dict[str, object] = readiness
    return loaded


def observed(readiness: dict[str, object]) -> dict[str, str]:
    conditions = readiness["conditions"]
    assert isinstance(conditions, list)
    assert {each["truth"] for each in conditions} == {"true"}
    return {each["name"]: each["observed"] for each in conditions}


def keys_of(folder: Path) -> list[tuple[str, bytes]]:
    """Every secret that the bench made for the node, in each form in which it could be seen, with where it stands."""
    return [
        (f"{file.name}, {line.strip().partition(':')[0]}", form)
        for file in sorted(folder.iterdir())
        for line in file.read_text().splitlines()
        for form in forms(line)
    ]


def keys_of_tailnet(private: Path) -> Iterator[tuple[str, bytes]]:
    """The API key of the bench's headscale, and the key with which the node has joined."""
    yield "API key", json.loads((private / "tailnet.json").read_text())["api_key"].encode()
    config = (private / "talos" / "node1-simnode-gateway" / "controlplane.yaml").read_text()
    yield "TS_AUTHKEY", found(r"TS_AUTHKEY=(\S+)$", config).encode()


def forms(line: str) -> Iterator[bytes]:
    """A secret on a line of YAML: as it stands, and for a key in PEM its body and the bytes of that."""
    secret = re.match(r"\s*(?:- )?(?:key|token|bootstraptoken|[a-zA-Z]*[sS]ecret):\s*(\S{16,})\s*$", line)
    if secret is None:
        return
    yield secret[1].encode()
    try:
        pem = base64.b64decode(secret[1], validate=True)
    except ValueError:
        return
    if b"PRIVATE KEY" in pem:
        body = [each for each in pem.splitlines() if each and not each.startswith(b"-----")]
        yield body[-1] if len(body[-1]) > 40 else body[0]
        raw = base64.b64decode(b"".join(body))[-32:]
        yield raw
        yield raw.hex().encode()
