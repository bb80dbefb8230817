"""A node that joins the bench's tailnet, in QEMU: what is wrong with its joining, or with the tailnet, is said so."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.boards import are_guests
from support.rigs import HIL, run_hil, write_rig
from support.trouble import trouble

from hil.bench import Bench, open_bench
from hil.clock import Deadline
from hil.config.rig import load_rig
from hil.errors import NodeError
from hil.readiness.readiness import Readiness
from hil.readiness.rounds import Missing
from hil.services.tailnet.tailnet import OwnServers

pytestmark = pytest.mark.boot

LONG = 300.0
SOON = 60.0


def rig(*faults: str) -> dict[str, object]:
    image = {"kind": "simnode", "extensions": ["tailscale"], "fault": list(faults)}
    node = {"kind": "qemu", "image": "ts", "memory": "768MiB", "boot_within": f"{LONG:.0f}s"}
    return {"hil": 1, "images": {"ts": image}, "nodes": {"node1": node}}


@pytest.mark.parametrize(
    ("fault", "short"),
    [
        ("key-invalid", "the control server does not know its key (invalid pre auth key)"),
        ("key-expired", "its key has expired (authkey expired)"),
        ("key-used", "its one-time key was used before"),
    ],
)
@pytest.mark.usefixtures("runtime")
def test_a_key_that_is_no_good_ends_the_boot(tmp_path: Path, fault: str, short: str) -> None:
    done = run_hil("boot", str(write_rig(tmp_path, rig(fault))), cwd=tmp_path, within=LONG)
    found = trouble(done, tmp_path)
    assert found.code == 1
    assert (done.out + done.err).count("node1 (simulated Talos node): not ready: ") == 1, "the table is shown once"
    assert found.message.startswith(
        f"node error: node1: it cannot become ready any more: Tailscale on node1 cannot join: {short}"
    )
    assert any(
        re.match(r"  tailscale\.control +FALSE +online +no 'node1' among its nodes", line) for line in found.evidence
    )
    assert any(re.match(r"  talos\.stage +(true|FALSE) ", line) for line in found.evidence)


@pytest.mark.guest_only(reason="a board's wire is in a namespace itself, so that is refused first")
@pytest.mark.usefixtures("runtime")
def test_a_host_that_allows_no_private_network_is_the_benchs_fault(tmp_path: Path) -> None:
    """Such a host is a user namespace whose own limit of network namespaces is none (user_namespaces(7))."""
    if subprocess.run(["unshare", "-Ur", "true"], check=False).returncode != 0:
        pytest.skip("this host allows no user namespace to try it in")
    limit = 'echo 0 >/proc/sys/user/max_net_namespaces && exec "$@"'
    command = ["unshare", "-Ur", "sh", "-c", limit, "sh", *HIL, "boot", str(write_rig(tmp_path, rig()))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 3, done.stdout + done.stderr
    why = "the bench cannot say whether it is ready: this host allows no private network namespace"
    assert f"bench error: node1: {why}" in done.stderr
    rows = dict(re.findall(r"^  \|   (\S+) +(true|FALSE|unknown) ", done.stderr, re.MULTILINE))
    assert "FALSE" not in rows.values(), rows
    assert {name for name, truth in rows.items() if truth == "unknown"} == {
        f"tailscale.{name}" for name in ("service", "healthz", "control", "key", "address", "ping", "health")
    }


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """A node that is ready."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="hb-", dir="/tmp") as folder:
        patch.setenv("XDG_RUNTIME_DIR", folder)
        place = Path(folder)
        images = {"away": {"kind": "simnode", "extensions": ["tailscale"], "fault": ["control-unreachable"]}}
        whole = rig()
        whole["images"] = {**images, **whole["images"]}  # type: ignore[dict-item]
        with open_bench(load_rig(write_rig(place, whole), cwd=place), artifacts=place / "records") as bench:
            yield bench


@pytest.fixture
def own(bench: Bench) -> OwnServers:
    tailnet = bench.tailnet
    assert not isinstance(tailnet, Missing)
    assert tailnet.own is not None
    return tailnet.own


def truths(found: Readiness) -> dict[str, str]:
    return {condition.name: condition.truth.value for condition in found if not condition.holds}


def test_a_control_server_that_cannot_be_reached_is_waited_for(bench: Bench) -> None:
    node = bench.nodes["node1"]
    # An emulated one has booted after 15 to 20 seconds, and a busy host's needs twice that.
    with pytest.raises(NodeError, match="not ready within") as late:
        node.boot(40.0, image="away")
    rows = late.value.evidence
    assert any("no 'node1' among its nodes" in row for row in rows), rows
    assert not any("cannot become ready" in row for row in rows)
    node.power.off()


def test_a_control_server_that_goes_and_comes_back(bench: Bench, own: OwnServers) -> None:
    node = bench.nodes["node1"]
    assert node.tailscale.online(within=LONG)
    own.headscale.stop(Deadline.after(SOON))
    gone = node.tailscale.online(within=6.0)
    assert not gone
    # /healthz stays 200 for as long as the node has an address.
    assert gone["tailscale.healthz"].holds
    assert gone["tailscale.service"].holds
    assert not gone["tailscale.control"].holds
    own.headscale.start(Deadline.after(SOON))
    assert node.tailscale.online(within=LONG)


def test_a_relay_that_is_dead_is_seen_by_the_ping_alone(bench: Bench, own: OwnServers) -> None:
    node = bench.nodes["node1"]
    assert node.tailscale.online(within=LONG)
    own.headscale.stop(Deadline.after(SOON))
    own.headscale.start(Deadline.after(SOON), relay=False)
    dead = node.tailscale.online(within=25.0)
    assert not dead
    assert not dead["tailscale.ping"].holds
    assert dead["tailscale.healthz"].holds
    own.headscale.stop(Deadline.after(SOON))
    own.headscale.start(Deadline.after(SOON))
    assert node.tailscale.online(within=LONG, path="relay")


def test_a_node_that_begins_again_joins_with_a_key_of_its_own(bench: Bench) -> None:
    node = bench.nodes["node1"]
    assert node.tailscale.online(within=LONG)
    if are_guests():
        node.reset()
    else:
        # A board has no reset; its supply is taken away.
        node.power.cycle()
    node.wait_ready(LONG)
    assert node.tailscale.online(within=LONG)
