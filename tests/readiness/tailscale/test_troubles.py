"""What goes wrong with Tailscale in the real world, each with its own message.

The words of the logs, of /healthz and of the peer are those of tailscale v1.102.3 and headscale v0.29.2.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

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

from hil.readiness.condition import Truth
from hil.readiness.rounds import Missing
from hil.readiness.tailscale.healthz import Healthz
from hil.readiness.tailscale.pinging import Pinged
from hil.readiness.tailscale.sources import Seen

START = b"boot: 2026/11/25 20:00:01 Starting tailscaled\n"
OUT = "health(warnable=login-state): error: You are logged out. The last login error was: "
GET = 'fetch control key: Get "https://10.0.2.100:8443/key?v=142": '
RELAY = "Tailscale could not connect to the 'Dead relay' relay server. Your Internet connection might be down."
NO_IP = Healthz(False, "503 node currently has no tailscale IPs")
NOBODY = Healthz(False, "connection refused: nothing listens there")
STOPPED = "https://10.0.2.100:8443 does not answer: [Errno 111] Connection refused"

NONE = "no 'node1' among its nodes (1 in all); "
NOT_JOINED = {"control": "false", "key": "unknown", "address": "unknown", "ping": "unknown"}


@dataclass(frozen=True)
class Trouble:
    """One thing that goes wrong.

    Args:
        seen: what is found then.
        lacking: which conditions do not hold, and whether they are false or unknown.
        words: what is said of it, by condition.
        final: whether no waiting mends it.
    """

    seen: Seen
    lacking: dict[str, str]
    words: dict[str, str]
    final: bool = False


def not_joined(error: str, healthz: Healthz = NO_IP) -> Seen:
    """A node that was refused, or cannot reach the control server."""
    lines = [f"2026/11/25 20:00:05 Received error: {error}", f"2026/11/25 20:00:05 {OUT}{error}"]
    return seen(
        service=service(Truth.FALSE, "waiting: restarts"),
        nodes=round_of((PEER,)),
        peer=round_of(Pinged(dataclasses.replace(peer_status(), peers=()), "", None)),
        healthz=round_of(healthz),
        log=said(START + "\n".join(lines).encode()),
    )


def complaining(text: str) -> bytes:
    return JOINED + f"health(warnable=no-derp-connection): error: {text}\n".encode()


REFUSED = {"service": "false", "healthz": "false", "health": "false", **NOT_JOINED}

TROUBLES = {
    "key invalid": Trouble(
        not_joined("invalid pre auth key"),
        REFUSED,
        {"control": NONE + "the control server does not know its key (invalid pre auth key)"},
        final=True,
    ),
    "key expired": Trouble(
        not_joined("authkey expired"),
        REFUSED,
        {
            "control": NONE + "its key has expired (authkey expired)",
            "health": "login-state: You are logged out. The last login error was: authkey expired",
        },
        final=True,
    ),
    "key used": Trouble(
        not_joined("authkey already used"),
        REFUSED,
        {"control": NONE + "its one-time key was used before, by another machine"},
        final=True,
    ),
    "control server unreachable from the start": Trouble(
        not_joined(GET + "dial tcp 10.0.2.100:8443: connect: connection refused", NOBODY),
        REFUSED,
        {
            "control": f"{NONE}its log: {GET}dial tcp",
            "healthz": "connection refused: nothing listens there",
        },
    ),
    "CA not trusted": Trouble(
        not_joined(GET + "tls: failed to verify certificate: x509: certificate signed by unknown authority"),
        REFUSED,
        {"control": NONE + "it does not trust the CA of the control server's certificate"},
        final=True,
    ),
    "control server gone for all, after the join": Trouble(
        seen(nodes=round_of(Missing(STOPPED)), peer=pinged(online=False)),
        {"control": "unknown", "key": "unknown", "address": "unknown"},
        {"control": STOPPED, "ping": "by relay bench to bench-peer in 22 ms", "healthz": "200 ok"},
    ),
    "control server lost by the node alone, after the join": Trouble(
        seen(nodes=nodes(online=False)),
        {"control": "false"},
        {"control": "offline, last seen 2 s ago", "healthz": "200 ok"},
    ),
    "relay dead, after the join": Trouble(
        seen(peer=pinged(SILENT, RELAY), log=said(complaining(RELAY))),
        {"ping": "false", "health": "false"},
        {
            "ping": f"no pong within 1.6 s from 100.64.0.2 to bench-peer; it complains itself: {RELAY}",
            "health": f"no-derp-connection: {RELAY}",
            "control": "online as node1",
            "healthz": "200 ok",
        },
    ),
    "relay dead for the node alone, and a direct path": Trouble(
        seen(log=said(complaining(RELAY))),
        {"health": "false"},
        {"health": f"no-derp-connection: {RELAY}"},
    ),
    "relay dead from the start, before anybody complains": Trouble(
        seen(peer=pinged(SILENT)),
        {"ping": "false"},
        {"ping": "no pong within 1.6 s from 100.64.0.2 to bench-peer", "control": "online as node1"},
    ),
    "the container ends while the node is known": Trouble(
        seen(
            service=service(Truth.FALSE, "finished: exit code 1"),
            healthz=round_of(NOBODY),
            nodes=nodes(online=False),
            peer=pinged(SILENT),
        ),
        {"service": "false", "healthz": "false", "control": "false", "ping": "false"},
        {"service": "finished: exit code 1"},
    ),
    "503 of a node that has an address": Trouble(
        seen(healthz=round_of(NO_IP)), {"healthz": "false"}, {"healthz": "503 node currently has no tailscale IPs"}
    ),
    "a full tailnet of dead nodes of its name": Trouble(
        seen(
            nodes=nodes(
                *(
                    dataclasses.replace(NODE, ident=number, addresses=(f"100.64.1.{number}",), online=False)
                    for number in range(3, 9)
                ),
                given_name="node1-7",
            )
        ),
        {},
        {"control": "online as node1-7; 6 older of that name offline"},
    ),
}


@pytest.mark.parametrize("what", TROUBLES)
def test_each_trouble_has_its_rows_and_its_words(what: str) -> None:
    trouble = TROUBLES[what]
    found = judged(trouble.seen)
    assert truths(found) == trouble.lacking
    for name, words in trouble.words.items():
        assert found[name].observed.startswith(words)
    log = trouble.seen.log
    assert log is not None
    assert not isinstance(log, Missing)
    assert not isinstance(log.found, Missing)
    assert (log.found.refusal is not None) is trouble.final


def test_no_two_troubles_look_alike() -> None:
    looks = {
        what: tuple((name, condition.truth, condition.observed) for name, condition in judged(trouble.seen).items())
        for what, trouble in TROUBLES.items()
    }
    assert len(set(looks.values())) == len(TROUBLES)


def test_the_moment_of_the_words() -> None:
    assert NODE.last_seen is not None
    assert (NOW - NODE.last_seen).total_seconds() == 2
