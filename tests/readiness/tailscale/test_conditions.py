"""What must hold of Tailscale on a node: each condition, what makes it false alone, and what makes it unknown."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from support.tailnet_seen import (
    JOINED,
    NODE,
    NOW,
    PEER,
    SILENT,
    judged,
    nodes,
    peer_status,
    pinged,
    round_of,
    said,
    seen,
    service,
    truths,
)

from hil.clock import now_ns
from hil.config.expect.tailscale import TailscaleExpect
from hil.readiness.condition import Truth
from hil.readiness.rounds import Missing
from hil.readiness.tailscale.healthz import Healthz
from hil.readiness.tailscale.pinging import Pinged
from hil.services.tailnet.status import NoPong, Pong

DIRECT = Pong(0.004, "192.0.2.7:41641", "", "")


def test_all_is_well() -> None:
    found = judged(seen(), TailscaleExpect(tags=("tag:bench",)))
    assert truths(found) == {}
    assert list(found) == ["service", "healthz", "control", "key", "address", "tags", "ping", "health", "cidrs"]
    assert {name: condition.source for name, condition in found.items()} == {
        "service": "api",
        "healthz": "healthz",
        "control": "control",
        "key": "control",
        "address": "control",
        "tags": "control",
        "ping": "peer",
        "health": "log",
        "cidrs": "configuration",
    }
    assert found["control"].observed == "online as node1"
    assert found["address"].observed == "100.64.0.2, fd7a:115c:a1e0::2"
    assert found["ping"].observed == "by relay bench to bench-peer in 22 ms"
    assert found["cidrs"].observed == "pods 10.244.0.0/16, services 10.96.0.0/12"


@pytest.mark.parametrize(
    ("known", "further", "observed"),
    [
        ({"pods": ("10.244.0.0/16",)}, {"join": ("100.65.0.0/16",)}, "join 100.65.0.0/16 overlaps 100.64.0.0/10"),
        (None, {"join": ("10.100.0.0/16",)}, "join 10.100.0.0/16"),
        ({"pods": ("100.64.0.0/16",)}, {"pods": ("10.1.0.0/16",)}, "pods 10.1.0.0/16"),
        (Missing("not known"), {"join": ("100.65.0.0/16",)}, "not known"),
    ],
)
def test_networks_that_the_rig_adds(known: object, further: dict[str, tuple[str, ...]], observed: str) -> None:
    assert judged(seen(networks=known), TailscaleExpect(networks=further))["cidrs"].observed == observed


def test_what_is_not_expected_is_not_asked() -> None:
    found = judged(seen(networks=None), TailscaleExpect(healthz=None))
    assert list(found) == ["service", "control", "key", "address", "ping", "health"]


@pytest.mark.parametrize(
    ("name", "change", "observed"),
    [
        ("service", {"service": service(Truth.FALSE, "absent: Talos lists no such service")}, "absent: Talos lists"),
        ("healthz", {"healthz": round_of(Healthz(False, "503 node currently has no tailscale IPs"))}, "503 node"),
        ("control", {"nodes": nodes(online=False)}, "offline, last seen 2 s ago"),
        ("control", {"nodes": nodes(online=False, last_seen=None)}, "offline"),
        ("key", {"nodes": nodes(key_expiry=NOW - timedelta(hours=3))}, "expired 3 h ago"),
        ("key", {"nodes": nodes(key_expiry=NOW)}, "expired 0 s ago"),
        ("address", {"nodes": nodes(addresses=()), "peer": pinged(None)}, "none"),
        ("ping", {"peer": pinged(SILENT)}, "no pong within 1.6 s from 100.64.0.2 to bench-peer"),
        ("health", {"log": said(JOINED + b"health(warnable=no-derp-connection): error: no relay\n")}, "no-derp-conn"),
        ("cidrs", {"networks": {"pods": ("100.64.0.0/16",)}}, "pods 100.64.0.0/16, CozyStack's default joinCIDR, ov"),
    ],
)
def test_each_is_false_alone(name: str, change: dict[str, object], observed: str) -> None:
    found = judged(seen(**change))
    lacking = truths(found)
    if name == "address":
        assert lacking.pop("ping") == "unknown"
    assert lacking == {name: "false"}
    assert found[name].observed.startswith(observed)
    assert found[name].at_ns is not None


@pytest.mark.parametrize(
    ("missing", "unknown"),
    [
        ("service", {"service"}),
        ("healthz", {"healthz"}),
        ("peer", {"ping"}),
        ("log", {"health"}),
        ("networks", {"cidrs"}),
    ],
)
def test_what_cannot_be_asked_is_unknown_with_the_reason(missing: str, unknown: set[str]) -> None:
    found = judged(seen(**{missing: Missing("the host allows no network namespace")}))
    assert truths(found) == dict.fromkeys(unknown, "unknown")
    for name in unknown:
        assert found[name].observed == "the host allows no network namespace"
        assert found[name].at_ns is None


def test_without_a_control_server_to_ask_its_map_of_the_peer_tells() -> None:
    found = judged(seen(nodes=Missing("no API key")), TailscaleExpect(tags=("tag:bench",)))
    assert truths(found) == {}
    assert {found[name].source for name in ("control", "key", "address", "tags")} == {"peer's map"}


def test_a_map_without_the_node_does_not_say_that_it_is_in_no_tailnet() -> None:
    alone = dataclasses.replace(peer_status(), peers=())
    refused = said(b"Received error: authkey expired\n")
    found = judged(seen(nodes=Missing("no API key"), peer=round_of(Pinged(alone, "", None)), log=refused))
    assert (found["control"].truth, found["control"].source) == (Truth.UNKNOWN, "peer's map")
    assert found["control"].observed == (
        "not in the peer's map: not joined, hidden by the policy, or of another tailnet; its key has expired"
        " (authkey expired)"
    )


@pytest.mark.parametrize(
    "peer",
    [
        Missing("no peer on this host"),
        pinged(online=False),
        round_of(Pinged(peer_status(state="NeedsLogin"), "", None)),
    ],
)
def test_a_map_that_nobody_keeps_up_tells_nothing(peer: object) -> None:
    found = judged(seen(nodes=round_of(Missing("headscale does not answer")), peer=peer))
    lacking = truths(found)
    lacking.pop("ping", None)
    assert lacking == {"control": "unknown", "key": "unknown", "address": "unknown"}
    assert found["control"].observed == "headscale does not answer"


def test_a_control_server_that_answers_counts_more_than_the_peer() -> None:
    found = judged(seen(nodes=nodes(online=False)))
    assert found["control"].source == "control"
    assert found["control"].truth is Truth.FALSE


def test_what_depends_on_a_node_that_is_not_there_is_unknown() -> None:
    absent = round_of((PEER,))
    found = judged(
        seen(nodes=absent, peer=round_of(Pinged(peer_status(), "", None))), TailscaleExpect(tags=("tag:a",))
    )
    assert truths(found) == {
        "control": "false",
        "key": "unknown",
        "address": "unknown",
        "tags": "unknown",
        "ping": "unknown",
    }
    assert found["control"].observed == "no 'node1' among its nodes (1 in all)"
    assert found["key"].observed == "it is not in the tailnet"
    assert found["ping"].observed == "no address to ping: it is not in the tailnet"


def test_others_of_its_name_are_named() -> None:
    old = dataclasses.replace(NODE, ident=1, online=False, addresses=("100.64.0.9",))
    twin = dataclasses.replace(NODE, ident=3, addresses=("100.64.0.8",), last_seen=NOW - timedelta(hours=1))
    found = judged(seen(nodes=nodes(old, twin, given_name="node1-2")))
    assert found["control"].holds
    assert found["control"].observed == (
        "online as node1-2; 1 more of that name online, this one was seen last, 1 older of that name offline"
    )


@pytest.mark.parametrize(
    ("left", "wanted", "holds", "observed"),
    [
        (timedelta(days=180), 0.0, True, "expires in 180 d"),
        (timedelta(hours=5), 3600.0, True, "expires in 5 h"),
        (timedelta(minutes=50), 3600.0, False, "expires in 50 min"),
        (timedelta(seconds=90), 0.0, True, "expires in 90 s"),
    ],
)
def test_a_key_must_be_valid_for_long_enough(left: timedelta, wanted: float, holds: bool, observed: str) -> None:
    key = judged(seen(nodes=nodes(key_expiry=NOW + left)), TailscaleExpect(key_valid_for=wanted))["key"]
    assert (key.holds, key.observed) == (holds, observed)


def test_a_key_that_never_expires_is_valid_for_long_enough() -> None:
    key = judged(seen(), TailscaleExpect(key_valid_for=7200.0))["key"]
    assert (key.holds, key.expected, key.observed) == (True, "valid for 2 h", "never expires")


@pytest.mark.parametrize(("tags", "holds"), [(("tag:bench", "tag:b"), True), (("tag:b",), False), ((), False)])
def test_tags_are_among_others(tags: tuple[str, ...], holds: bool) -> None:
    found = judged(seen(nodes=nodes(tags=tags)), TailscaleExpect(tags=("tag:bench",)))["tags"]
    assert (found.truth, found.observed) == (Truth.TRUE if holds else Truth.FALSE, ", ".join(tags) or "none")


@pytest.mark.parametrize(
    ("pong", "path", "holds"),
    [
        (DIRECT, "any", True),
        (DIRECT, "direct", True),
        (DIRECT, "relay", False),
        (Pong(0.02, "", "bench", ""), "direct", False),
        (Pong(0.02, "", "bench", ""), "relay", True),
        (Pong(0.02, "", "", "192.0.2.9:7:vni:1"), "relay", True),
    ],
)
def test_the_way_of_the_ping(pong: Pong, path: str, holds: bool) -> None:
    ping = judged(seen(peer=pinged(pong)), TailscaleExpect.model_validate({"path": path}))["ping"]
    assert ping.holds is holds
    assert pong.way in ping.observed


@pytest.mark.parametrize(
    ("peer", "observed"),
    [
        (
            round_of(Pinged(peer_status("You are logged out.", state="NeedsLogin"), "", None)),
            "the peer itself is in no tailnet (NeedsLogin): You are logged out.",
        ),
        (
            pinged(NoPong("no matching peer", sent=False)),
            "bench-peer could not ping 100.64.0.2: no matching peer",
        ),
        (
            round_of(Pinged(peer_status(), "100.64.0.7", DIRECT)),
            "not pinged yet: 100.64.0.7 is another node's",
        ),
    ],
)
def test_a_ping_that_says_nothing_of_the_node(peer: object, observed: str) -> None:
    ping = judged(seen(peer=peer))["ping"]
    assert (ping.truth, ping.observed) == (Truth.UNKNOWN, observed)


def test_an_old_answer_is_none() -> None:
    found = judged(seen(healthz=round_of(Healthz(True, "200 ok"), age=20)))["healthz"]
    assert (found.truth, found.observed) == (Truth.UNKNOWN, "no answer for 20 s")


def test_what_was_asked_before_the_question_does_not_count() -> None:
    found = judged(seen(), since_ns=now_ns())
    assert {found[name].truth for name in ("healthz", "control", "ping", "health")} == {Truth.UNKNOWN}


def test_before_the_first_round_nothing_is_known() -> None:
    found = judged(seen(healthz=None, nodes=None, peer=None, log=None))
    assert {found[name].observed for name in ("healthz", "control", "key", "ping", "health")} == {"no answer yet"}


def test_the_peer_s_map_does_not_come_before_the_control_server_s_first_word() -> None:
    assert judged(seen(nodes=None))["control"].observed == "no answer yet"


def test_an_empty_log_is_no_good_sign() -> None:
    health = judged(seen(log=said(b"")))["health"]
    assert (health.truth, health.observed) == (Truth.UNKNOWN, "its log is empty")


RELAY = JOINED + b"health(warnable=no-derp-connection): error: no relay\n"
GAPS = RELAY + b'[RATELIMIT] format("health(warnable=%s): ok") (3 dropped)\n'
HARMLESS = JOINED + b"health(warnable=update-available): error: An update is available.\n"


@pytest.mark.parametrize(
    ("count", "log", "truth", "source", "observed"),
    [
        (0, JOINED, Truth.TRUE, "metrics", "no complaint"),
        (0, RELAY, Truth.TRUE, "metrics", "no complaint"),
        (1, RELAY, Truth.FALSE, "log", "no-derp-connection: no relay"),
        (1, HARMLESS, Truth.TRUE, "log", "no complaint"),
        (1, GAPS, Truth.FALSE, "metrics", "1 complaints; its log does not tell which"),
        (2, b"", Truth.UNKNOWN, "log", "its log is empty"),
        (0, GAPS, Truth.TRUE, "metrics", "no complaint"),
        (None, GAPS, Truth.UNKNOWN, "log", "tailscaled left lines on its health out of its log"),
        (None, RELAY, Truth.FALSE, "log", "no-derp-connection: no relay"),
    ],
)
def test_complaints_by_their_count_and_by_the_log(
    count: int | None, log: bytes, truth: Truth, source: str, observed: str
) -> None:
    health = judged(seen(healthz=round_of(Healthz(True, "200 ok", count)), log=said(log)))["health"]
    assert (health.truth, health.source, health.observed) == (truth, source, observed)
