"""The Tailscale probe against the real programs: headscale with its relay, a peer, and a node's containerboot.

The node is these programs in the bench's private network; one that boots is in the tests of the image.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.tailnet_machine import Machine
from support.tailnet_seen import service

from hil.clock import NANOSECONDS, Deadline, now_ns
from hil.config.expect.tailscale import TailscaleExpect
from hil.config.model import HostPort
from hil.keeper.client import Keeper
from hil.keeper.runtime import new_runtime_dir
from hil.readiness.condition import Condition
from hil.readiness.readiness import Readiness
from hil.readiness.tailscale.probe import TailscaleProbe
from hil.readiness.tailscale.sources import Sources
from hil.services.tailnet.localapi import LocalApi
from hil.services.tailnet.private_net import Unavailable
from hil.services.tailnet.tailnet import BadKey, OwnServers, Tailnet, open_tailnet
from hil.tools import gobuild
from hil.tools.cache import Cache

pytestmark = pytest.mark.boot

WITHIN = 90.0
BUILDS = 1800.0
# Both sides of a ping are on one host, so they would find a direct path (wgengine/magicsock/debugknobs.go).
BY_RELAY = {"TS_DEBUG_NEVER_DIRECT_UDP": "true"}


@pytest.fixture(scope="module")
def programs() -> tuple[Path, Path, Path]:
    """headscale, tailscaled and containerboot for this host."""
    services = (gobuild.HEADSCALE, gobuild.TAILSCALED, gobuild.CONTAINERBOOT)
    cache, deadline = Cache(), Deadline.after(BUILDS)
    headscale, tailscaled, containerboot = (
        gobuild.build(each, cache, progress=lambda step: None, deadline=deadline) for each in services
    )
    return headscale, tailscaled, containerboot


@pytest.fixture
def tailnet(runtime: Path, programs: tuple[Path, Path, Path]) -> Iterator[tuple[Keeper, Tailnet]]:
    """A tailnet with a peer in it."""
    with Keeper.start(new_runtime_dir(), deadline=Deadline.after(10)) as keeper:
        found = open_tailnet(
            keeper,
            keeper.directory,
            HostPort("10.0.2.100", 8443),
            headscale=programs[0],
            tailscaled=programs[1],
            deadline=Deadline.after(WITHIN),
        )
        if isinstance(found, Unavailable):
            pytest.skip(found.reason)
        found.await_peer(Deadline.after(WITHIN))
        yield keeper, found


@pytest.fixture
def node(runtime: Path, tailnet: tuple[Keeper, Tailnet], programs: tuple[Path, Path, Path]) -> Iterator[Machine]:
    """A node that is off, and trusts the bench."""
    keeper, found = tailnet
    with closing(Machine(keeper, own(found).headscale.net, *programs[1:], runtime / "node", found.ca_pem)) as machine:
        yield machine


@pytest.fixture
def probe(tailnet: tuple[Keeper, Tailnet], node: Machine) -> Iterator[TailscaleProbe]:
    """What asks the node, the control server and the peer."""
    found = tailnet[1]
    assert found.control is not None
    assert found.peer is not None
    sources = Sources(
        service=lambda since_ns: service(),
        log=node.log,
        addresses=lambda: (),
        healthz=node.healthz,
        control=found.control,
        peer=LocalApi(found.peer),
        networks={"pods": ("10.244.0.0/16",), "join": ("100.64.0.0/16",)},
    )
    with closing(TailscaleProbe("node1", TailscaleExpect(), sources)) as made:
        yield made


def own(tailnet: Tailnet) -> OwnServers:
    assert tailnet.own is not None
    return tailnet.own


def named(probe: TailscaleProbe, **changes: object) -> dict[str, Condition]:
    """The conditions by name; that of the networks apart, which is false here."""
    expect = TailscaleExpect.model_validate(changes)
    found = {condition.name.removeprefix("tailscale."): condition for condition in probe.look_for(expect)}
    assert "CozyStack's default joinCIDR" in found.pop("cidrs").observed
    return found


def lacking(probe: TailscaleProbe, **changes: object) -> dict[str, str]:
    return {name: it.truth.value for name, it in named(probe, **changes).items() if not it.holds}


def wait(probe: TailscaleProbe, look: Callable[[], bool]) -> None:
    deadline, pause = Deadline.after(WITHIN), threading.Event()
    while not look():
        assert not deadline.expired, Readiness("node1", probe.look())
        pause.wait(0.05)


def test_a_node_comes_online_and_its_parts_are_all_seen(
    tailnet: tuple[Keeper, Tailnet], node: Machine, probe: TailscaleProbe
) -> None:
    node.on(tailnet[1].login_server, tailnet[1].auth_key("node1"), **BY_RELAY)
    wait(probe, lambda: lacking(probe, path="relay") == {})
    found = named(probe)
    assert found["ping"].observed.startswith("by relay bench to hil-peer in ")
    assert found["address"].observed.startswith("100.64.0.")
    assert (found["key"].observed, found["healthz"].observed) == ("never expires", "200 ok")
    assert found["health"].source == "metrics"
    assert found["control"].observed == "online as node1"
    assert lacking(probe, path="direct") == {"ping": "false"}
    assert lacking(probe, tags=("tag:none",)) == {"tags": "false"}
    assert (probe.hopeless, probe.broken) == ("", "")


def test_the_peer_s_map_tells_the_same_as_the_control_server(
    tailnet: tuple[Keeper, Tailnet], node: Machine, probe: TailscaleProbe
) -> None:
    node.on(tailnet[1].login_server, tailnet[1].auth_key("node1"))
    wait(probe, lambda: lacking(probe) == {})
    assert tailnet[1].peer is not None
    assert tailnet[1].control is not None
    (mapped,) = LocalApi(tailnet[1].peer).status(Deadline.after(WITHIN)).peers
    listed = {each.hostname: each for each in tailnet[1].control.nodes(Deadline.after(WITHIN))}["node1"]
    assert (mapped.hostname, mapped.addresses, mapped.online) == ("node1", listed.addresses, True)
    assert (mapped.key_expiry, mapped.tags) == (listed.key_expiry, listed.tags)


@pytest.mark.parametrize(
    ("bad", "said"),
    [("invalid", "invalid pre auth key"), ("expired", "authkey expired"), ("used", "authkey already used")],
)
def test_a_key_that_is_refused_is_hopeless(
    tailnet: tuple[Keeper, Tailnet], node: Machine, probe: TailscaleProbe, bad: BadKey, said: str
) -> None:
    key = own(tailnet[1]).bad_key(bad)
    node.on(tailnet[1].login_server, key)
    wait(probe, lambda: bool(probe.hopeless))
    assert f"({said})" in probe.hopeless
    assert named(probe)["control"].observed.startswith("no 'node1' among its nodes (1 in all); ")
    wait(probe, lambda: not named(probe)["healthz"].observed.startswith("503"))
    assert lacking(probe) == {
        "healthz": "false",
        "control": "false",
        "key": "unknown",
        "address": "unknown",
        "ping": "unknown",
        "health": "false",
    }
    assert key not in repr(probe.look()) + probe.hopeless


def test_a_control_server_that_is_not_trusted_is_hopeless(
    runtime: Path, tailnet: tuple[Keeper, Tailnet], node: Machine, probe: TailscaleProbe
) -> None:
    (runtime / "node" / "ca.crt").write_text("")
    node.on(tailnet[1].login_server, tailnet[1].auth_key("node1"))
    wait(probe, lambda: bool(probe.hopeless))
    assert "does not trust the CA of the control server's certificate" in probe.hopeless
    assert named(probe)["health"].truth.value == "false"


def test_a_control_server_that_goes_after_the_join(
    tailnet: tuple[Keeper, Tailnet], node: Machine, probe: TailscaleProbe
) -> None:
    node.on(tailnet[1].login_server, tailnet[1].auth_key("node1"))
    wait(probe, lambda: lacking(probe, path="direct") == {})
    headscale = own(tailnet[1]).headscale
    headscale.stop(Deadline.after(WITHIN))
    wait(probe, lambda: {"control", "key", "address"} <= set(lacking(probe)))
    found = named(probe)
    assert {found[name].truth.value for name in ("control", "key", "address")} == {"unknown"}
    assert "does not answer: the connection was ended, as where nothing listens" in found["control"].observed
    assert found["healthz"].observed == "200 ok"
    assert found["ping"].observed.startswith("direct ")
    headscale.start(Deadline.after(WITHIN))
    wait(probe, lambda: lacking(probe) == {})


def test_a_relay_that_goes_after_the_join(
    tailnet: tuple[Keeper, Tailnet], node: Machine, probe: TailscaleProbe
) -> None:
    node.on(tailnet[1].login_server, tailnet[1].auth_key("node1"), **BY_RELAY)
    wait(probe, lambda: lacking(probe) == {})
    headscale = own(tailnet[1]).headscale
    headscale.stop(Deadline.after(WITHIN))
    headscale.start(Deadline.after(WITHIN), relay=False)
    wait(probe, lambda: lacking(probe) == {"ping": "false", "health": "false"})
    found = named(probe)
    assert found["ping"].observed.startswith("no pong within 1.6 s from 100.64.0.")
    assert found["health"].observed.startswith("no-derp-")
    assert (found["control"].observed, found["healthz"].observed) == ("online as node1", "200 ok")


def test_a_container_that_is_stopped(tailnet: tuple[Keeper, Tailnet], node: Machine, probe: TailscaleProbe) -> None:
    node.on(tailnet[1].login_server, tailnet[1].auth_key("node1"))
    wait(probe, lambda: lacking(probe) == {})
    node.off(Deadline.after(WITHIN))
    wait(probe, lambda: {"healthz", "control", "ping"} <= set(lacking(probe)))
    found = named(probe)
    assert found["healthz"].observed == "the connection ended without an answer: nothing listens there"
    assert found["control"].observed.startswith("offline, last seen ")
    assert found["address"].holds


def test_the_moments_are_of_this_boot(tailnet: tuple[Keeper, Tailnet], node: Machine, probe: TailscaleProbe) -> None:
    node.on(tailnet[1].login_server, tailnet[1].auth_key("node1"))
    wait(probe, lambda: lacking(probe) == {})
    before = {condition.at_ns for condition in probe.look()}
    begun = now_ns()
    probe.begin_again()
    # Whatever holds already was asked since.
    left = [name for name, it in named(probe).items() if it.holds and it.at_ns is not None and it.at_ns < begun]
    assert left == ["service"]
    wait(probe, lambda: lacking(probe) == {})
    after = [named(probe)[name].at_ns for name in ("healthz", "control", "ping", "health")]
    assert all(at is not None and at not in before for at in after)
    assert max(at for at in after if at is not None) - min(at for at in after if at is not None) < 60 * NANOSECONDS
