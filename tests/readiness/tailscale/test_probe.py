"""Tailscale on a node asked in the background: HTTP on a unix socket and on a port, a control server, a log."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.fake_tailscaled import PING, STATUS, Answers, member, on_tcp, on_unix, pong, status
from support.tailnet_seen import JOINED, NODE, PEER, service, truths

from hil.clock import Deadline, now_ns
from hil.config.expect.tailscale import TailscaleExpect
from hil.errors import InfrastructureError, NodeError
from hil.readiness.condition import Condition
from hil.readiness.panel import Judge, Panel
from hil.readiness.rounds import Missing
from hil.readiness.tailscale import healthz as healthz_module
from hil.readiness.tailscale.probe import Pace, TailscaleProbe
from hil.readiness.tailscale.sources import Sources
from hil.services.tailnet.control import TailnetNode
from hil.services.tailnet.localapi import LocalApi

SOON = 10.0
QUICK = Pace(every=0.02, control_every=0.02, log_every=0.02, within=2.0)
SELDOM = Pace(every=60.0, control_every=60.0, log_every=60.0, within=SOON)


@dataclass
class Control:
    """A control server that knows what a test says."""

    known: tuple[TailnetNode, ...] = (PEER, NODE)
    trouble: str = ""
    asked: int = 0
    name: str = "test control server"

    def nodes(self, deadline: Deadline) -> tuple[TailnetNode, ...]:
        self.asked += 1
        if self.trouble:
            raise InfrastructureError(self.trouble, hint="start it")
        return self.known


@dataclass
class Log:
    """What Talos has of the service's log."""

    text: bytes = JOINED
    asked: list[int] = field(default_factory=list)
    trouble: str = ""

    def __call__(self, lines: int, deadline: Deadline) -> bytes:
        self.asked.append(lines)
        if self.trouble:
            raise NodeError(self.trouble, hint="see its console")
        return self.text


@dataclass
class Around:
    """All that a probe asks."""

    peer: Answers
    healthz: Answers
    control: Control
    log: Log
    sources: Sources


@pytest.fixture
def around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Around]:
    monkeypatch.setattr(healthz_module, "_FIRST_PATIENCE", SOON)  # there is no node that could be without an address
    peer, healthz = Answers({}), Answers({"/healthz": (200, b"ok")})
    peer.set(STATUS, status(member(Tags=["tag:bench"])))
    peer.set(PING, pong())
    control, log = Control(), Log()
    with ExitStack() as stack:
        path = stack.enter_context(on_unix(tmp_path / "ts.sock", peer))
        place = stack.enter_context(on_tcp(healthz))
        sources = Sources(
            service=lambda since_ns: service(),
            log=log,
            addresses=lambda: ("10.0.2.15/24",),
            healthz=lambda deadline: place,
            control=control,
            peer=LocalApi(path),
            networks={"pods": ("10.244.0.0/16",)},
        )
        yield Around(peer, healthz, control, log, sources)


class Once(set[str]):
    """Paths that are silent for the first who asks, and for nobody after."""

    def __contains__(self, path: object) -> bool:
        found = super().__contains__(path)
        self.difference_update({path})
        return found


def named(probe: TailscaleProbe, since_ns: int = 0) -> dict[str, Condition]:
    found = probe.look_for(probe.expect, since_ns)
    return {condition.name.removeprefix("tailscale."): condition for condition in found}


def wait(look: Callable[[], bool]) -> None:
    """Until it holds; the test's end where it never does."""
    deadline, pause = Deadline.after(SOON), threading.Event()
    while not look():
        assert not deadline.expired
        pause.wait(0.005)


def online(probe: TailscaleProbe) -> bool:
    return truths(named(probe)) == {}


def test_it_is_online_when_all_of_them_say_so(around: Around) -> None:
    with closing(TailscaleProbe("node1", TailscaleExpect(tags=("tag:bench",)), around.sources, QUICK)) as probe:
        judge: Judge[TailscaleExpect] = probe
        wait(lambda: bool(Panel("node1", [judge]).look()))
        assert (probe.hopeless, probe.broken, probe.simulated, probe.news()) == ("", "", "", [])
    assert "POST /localapi/v0/ping?ip=100.64.0.2&type=disco" in around.peer.asked


def test_what_changes_is_found_without_being_asked_for(around: Around) -> None:
    with closing(TailscaleProbe("node1", TailscaleExpect(), around.sources, QUICK)) as probe:
        wait(lambda: online(probe))
        around.control.known = (PEER, dataclasses.replace(NODE, online=False))
        around.healthz.bodies["/healthz"] = 503, b"node currently has no tailscale IPs\n"
        around.log.text = JOINED + b"health(warnable=no-derp-home): error: no relay\n"
        around.peer.set(PING, pong(Err="no matching peer"))
        wanted = {"healthz": "false", "control": "false", "ping": "unknown", "health": "false"}
        wait(lambda: truths(named(probe)) == wanted)


def test_a_panel_marks_what_changes(around: Around) -> None:
    with closing(TailscaleProbe("node1", TailscaleExpect(), around.sources, QUICK)) as probe:
        wait(lambda: online(probe))
        panel = Panel("node1", [probe])
        first = {mark.stage: mark.evidence for mark in panel.news()}
        assert first["tailscale.ping"] == "true: by relay bench to bench-peer in 12 ms"
        around.peer.set(PING, pong(Err="no matching peer"))
        wait(lambda: not online(probe))
        (mark,) = panel.news()
        assert (mark.stage, mark.source) == ("tailscale.ping", "peer")
        assert mark.evidence == "unknown: bench-peer could not ping 100.64.0.2: no matching peer"


def test_what_hangs_keeps_nobody_else_from_being_asked(around: Around) -> None:
    around.healthz.silent.add("/healthz")
    around.peer.silent.add(PING)
    with closing(
        TailscaleProbe("node1", TailscaleExpect(), around.sources, dataclasses.replace(QUICK, within=0.5))
    ) as it:
        wait(lambda: named(it)["ping"].observed.startswith("no pong within"))
        wait(lambda: named(it)["healthz"].observed == "/healthz gave no answer within 0.5 s")
        assert truths(named(it)) == {"healthz": "unknown", "ping": "false"}


def test_a_lost_ping_is_tried_again(around: Around) -> None:
    around.peer.silent = Once({PING})
    with closing(TailscaleProbe("node1", TailscaleExpect(), around.sources, Pace(every=60.0, within=4.0))) as probe:
        wait(lambda: named(probe)["ping"].holds)
    assert sum("ping" in asked for asked in around.peer.asked) == 2


def test_the_address_that_is_pinged_is_the_control_server_s(around: Around) -> None:
    around.control.known = (PEER, dataclasses.replace(NODE, addresses=("100.64.0.77",)))
    with closing(TailscaleProbe("node1", TailscaleExpect(), around.sources, QUICK)) as probe:
        wait(lambda: online(probe))
    assert any("ip=100.64.0.77&" in asked for asked in around.peer.asked)


@pytest.mark.parametrize("there", [True, False])
def test_without_a_control_server_the_peer_s_map_tells(around: Around, there: bool) -> None:
    around.peer.set(STATUS, status(member(hostname="node1" if there else "other")))
    sources = dataclasses.replace(around.sources, control=Missing("no API key"))
    with closing(TailscaleProbe("node1", TailscaleExpect(), sources, QUICK)) as probe:
        wait(lambda: named(probe)["control"].source == "peer's map")
        assert named(probe)["control"].holds is there
        assert probe.broken == ""


def test_another_name_to_register_by(around: Around) -> None:
    around.control.known = (PEER, dataclasses.replace(NODE, hostname="gateway", given_name="gateway"))
    with closing(TailscaleProbe("node1", TailscaleExpect(hostname="gateway"), around.sources, QUICK)) as probe:
        wait(lambda: online(probe))


def test_troubles_of_those_who_are_asked_are_the_reason(around: Around) -> None:
    around.control.trouble = "headscale does not answer: connection refused"
    around.peer.set(STATUS, status(Self=member("bench-peer", "100.64.0.1", online=False)))
    around.log.trouble = "node1: no answer"
    with closing(TailscaleProbe("node1", TailscaleExpect(), around.sources, QUICK)) as probe:
        wait(lambda: named(probe)["health"].observed == "node1: no answer")
        wait(lambda: named(probe)["key"].observed == around.control.trouble)
        wait(lambda: named(probe)["ping"].observed == "no address to ping: it is not in the tailnet")


def test_the_whole_log_at_first_and_then_its_end(around: Around) -> None:
    with closing(TailscaleProbe("node1", TailscaleExpect(), around.sources, QUICK)) as probe:
        wait(lambda: len(around.log.asked) > 2)
        assert around.log.asked[:3] == [2000, 300, 300]
        around.log.text = b"health(warnable=no-derp-home): error: no relay\n"
        wait(lambda: named(probe)["health"].observed == "no-derp-home: no relay")


REFUSED = b"boot: Starting tailscaled\nReceived error: authkey already used\n"


def test_a_key_that_was_used_is_hopeless(around: Around) -> None:
    around.control.known = (PEER,)
    around.log.text = REFUSED
    with closing(TailscaleProbe("node1", TailscaleExpect(), around.sources, QUICK)) as probe:
        wait(lambda: bool(probe.hopeless))
        assert probe.hopeless.startswith("Tailscale on node1 cannot join: its one-time key was used before")
        assert "(authkey already used)" in probe.hopeless
        assert "TS_AUTHKEY" in probe.hopeless


def test_what_was_refused_is_no_matter_once_it_is_online(around: Around) -> None:
    around.log.text = REFUSED
    with closing(TailscaleProbe("node1", TailscaleExpect(), around.sources, QUICK)) as probe:
        wait(lambda: online(probe))
        assert probe.hopeless == ""


def test_a_new_beginning_forgets_it_all(around: Around) -> None:
    around.control.known = (PEER,)
    around.log.text = REFUSED + b"health(warnable=no-derp-home): error: no relay\n"
    with closing(TailscaleProbe("node1", TailscaleExpect(), around.sources, QUICK)) as probe:
        wait(lambda: bool(probe.hopeless))
        around.log.text = JOINED[JOINED.index(b"\n") + 1 :]
        around.control.trouble = "not asked"
        probe.begin_again()
        wait(lambda: named(probe)["health"].holds)
        assert probe.hopeless == ""
        assert around.log.asked.count(2000) == 2


def test_a_new_beginning_makes_it_all_unknown(around: Around) -> None:
    with closing(TailscaleProbe("node1", TailscaleExpect(), around.sources, SELDOM)) as probe:
        wait(lambda: online(probe))
        around.peer.silent |= {STATUS}
        around.healthz.silent |= {"/healthz"}
        probe.begin_again()
        assert {named(probe)[name].observed for name in ("healthz", "ping")} == {"no answer yet"}
        for answers in (around.peer, around.healthz):
            answers.over.set()


def test_a_peer_that_is_in_no_tailnet_is_asked_for_no_ping(around: Around) -> None:
    around.peer.set(STATUS, status(state="NeedsLogin", Health=["You are logged out."]))
    with closing(TailscaleProbe("node1", TailscaleExpect(), around.sources, QUICK)) as probe:
        wait(lambda: "NeedsLogin" in named(probe)["ping"].observed)
        rounds = len(around.peer.asked)
        wait(lambda: len(around.peer.asked) > rounds + 2)
    assert not any("ping" in asked for asked in around.peer.asked)


def test_what_was_asked_before_a_question_does_not_count(around: Around) -> None:
    with closing(TailscaleProbe("node1", TailscaleExpect(), around.sources, SELDOM)) as probe:
        wait(lambda: online(probe))
        moment = now_ns()
        assert truths(named(probe, moment)) == dict.fromkeys(
            ("healthz", "control", "key", "address", "ping", "health"), "unknown"
        )
        probe.ask_now()
        wait(lambda: truths(named(probe, moment)) == {})


def test_what_the_bench_cannot_ask_is_its_own_trouble(around: Around) -> None:
    no_net = Missing("this host allows no private network namespace")
    sources = dataclasses.replace(around.sources, peer=no_net, control=no_net, healthz=Missing("no door"))
    with closing(TailscaleProbe("node1", TailscaleExpect(healthz=None), sources, QUICK)) as probe:
        assert probe.broken == no_net.reason
        assert named(probe)["ping"].observed == no_net.reason
    with closing(TailscaleProbe("node1", TailscaleExpect(), sources, QUICK)) as probe:
        assert probe.broken == f"no door; {no_net.reason}"


def test_nothing_runs_after_its_end(around: Around) -> None:
    probe = TailscaleProbe("the-one", TailscaleExpect(hostname="node1"), around.sources, QUICK)
    wait(lambda: online(probe))
    probe.close()
    assert not [thread for thread in threading.enumerate() if "the-one" in thread.name]
    asked = around.control.asked
    probe.ask_now()
    assert around.control.asked == asked
