"""node.talos: waiting for what is expected, a reboot that is proved, configurations; Talos's API is in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest
from support.bench import Bench
from support.talos_api import READY, ApiInMemory, apis_in_memory

from hil.asking import Asking, Own
from hil.boot import Verdict
from hil.clock import Deadline, now_ns
from hil.config.expect import Expect, TalosExpect
from hil.config.kubernetes import KubeconfigChoice
from hil.config.talos import TalosAccess
from hil.errors import InfrastructureError, NodeError, UsageError
from hil.images.simnode import SIMULATED
from hil.node import Node
from hil.readiness.condition import Truth
from hil.readiness.rounds import Missing
from hil.readiness.talos.changes import Change
from hil.readiness.talos.observation import MachineStatus, Mode, Observation
from hil.timeline.timeline import Mark

NO_TAILNET = Missing("no tailnet")
KERNEL = b"[    0.000000] Booting Linux on physical CPU 0x0000000000\n"
BOOTING = MachineStatus("booting", False, ())
URL = "http://10.0.2.100:8080/generic?mac=52-54-00-00-00-01"
ASKED = f'user: warning: [2026-11-25T10:00:00Z]: [talos] fetching machine config from: "{URL}"\n'.encode()
TOLD = "kern: notice: [2026-11-25T10:00:00Z]: Kernel command line: talos.config=%s pti=on\n"
CONFIG = b"machine: {token: canary-served, type: worker}\n---\nkind: HostnameConfig\nhostname: n1\n"

Attend = Callable[[Callable[[], object]], None]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A bench whose node is expected to be a Talos node."""
    bench = Bench(tmp_path)
    bench.hardware.doors[50000] = ("127.0.0.1", 40001)
    expect = Expect(talos=TalosExpect(version="v1.13.9"))
    bench.asking = Asking(
        "n1", bench.hardware.machine(), tmp_path, Own(expect, TalosAccess(), KubeconfigChoice()), lambda: NO_TAILNET
    )
    bench.will_say(KERNEL)
    with apis_in_memory(monkeypatch):
        yield bench
    bench.close()


@pytest.fixture
def node(bench: Bench) -> Node:
    return bench.node()


@pytest.fixture
def api(node: Node) -> ApiInMemory:
    """Its API, which has found nothing yet; the machine is on."""
    node.begin()
    _ = node.asking.sides.talos.api
    return ApiInMemory.made[-1]


@pytest.fixture
def meanwhile(node: Node, monkeypatch: pytest.MonkeyPatch) -> Attend:
    """Has something happen when the node is attended to next, which is while somebody waits."""
    attend = node.attend
    coming: list[Callable[[], object]] = []

    def attended(deadline: Deadline) -> None:
        if coming:
            coming.pop(0)()
        attend(deadline)

    monkeypatch.setattr(node, "attend", attended)
    return coming.append


def finds(api: ApiInMemory, **changed: object) -> Callable[[], None]:
    return lambda: setattr(api, "latest", now(**changed))


def now(**changed: object) -> Observation:
    """What a round finds that is over now."""
    return replace(READY, at_ns=now_ns(), **changed)  # type: ignore[arg-type]


def test_ready_waits_and_the_boot_is_settled_meanwhile(node: Node, api: ApiInMemory, meanwhile: Attend) -> None:
    api.latest = now(status=BOOTING)
    meanwhile(lambda: None)
    meanwhile(finds(api))
    found = node.talos.ready(within=20)
    assert found
    assert found.headline == "n1: ready: all 5 conditions hold, waited at most 20 s"
    [boot] = node.boots
    assert (boot.verdict, boot.readiness) == (Verdict.READY, found)
    assert boot.timeline.seconds("ready") is not None
    assert json.loads((boot.folder / "boot.json").read_text())["readiness"]["ready"] is True


def test_one_that_is_ready_at_the_first_look_has_its_verdict_too(node: Node, api: ApiInMemory) -> None:
    api.latest = now()
    assert node.talos.ready(within=20)
    assert node.boots[-1].verdict is Verdict.READY


def switches_itself_off(bench: Bench) -> None:
    bench.hardware.happens("SHUTDOWN", '{"guest": true, "reason": "guest-shutdown"}')
    bench.hardware.off(deadline=Deadline.after(1))


def test_a_death_of_the_moment_in_which_it_is_ready_is_one(
    bench: Bench, node: Node, api: ApiInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def died() -> list[Mark]:
        raise NodeError("n1: it has died", hint="bury it")

    api.latest = now()
    monkeypatch.setattr(bench.followers[-1], "take", died)
    found = node.talos.ready(within=20)
    assert (bool(found), found.lacking, found.stopped) == (False, (), "n1: it has died")
    assert node.boots[-1].verdict is Verdict.FAILED


def test_a_machine_that_is_off_is_switched_on(bench: Bench, node: Node) -> None:
    assert not node.talos.ready(within=0.0)
    assert bench.hardware.asked == ["on"]
    assert not node.talos.ready(within=0.0)
    assert bench.hardware.asked == ["on"]


def test_what_is_expected_may_be_changed(node: Node, api: ApiInMemory) -> None:
    api.latest = now()
    assert node.talos.ready(within=20, hostname="n1", version="v1.13.9")
    found = node.talos.ready(within=0.05, version="v1.14.0", hostname="n2")
    assert [condition.name for condition in found.lacking] == ["talos.version", "talos.hostname"]
    assert found["talos.hostname"].observed == "n1: a configuration of another node?"
    assert node.talos.ready(within=20)


@pytest.mark.parametrize(
    ("expected", "words"),
    [({"verison": "v1.13.9"}, "nothing called 'verison' can be expected"), ({"version": "1.13"}, "is no version")],
)
def test_what_cannot_be_expected(node: Node, api: ApiInMemory, expected: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        node.talos.ready(within=20, **expected)


def test_it_must_stay_so(node: Node, api: ApiInMemory, meanwhile: Attend) -> None:
    api.latest = now()
    meanwhile(finds(api, status=MachineStatus("rebooting", False, ())))
    meanwhile(finds(api))
    looked: list[object] = []
    probe = node.asking.sides.talos
    look = probe.look_for
    probe.look_for = lambda *wanted: (looked.append(api.latest and api.latest.stage), look(*wanted))[1]  # type: ignore[method-assign,func-returns-value]
    found = node.talos.ready(within=20, stable_for=0.1)
    assert found
    assert found.waited.endswith("stable for 0.1 s")
    assert [stage for stage, _ in groupby(looked)] == ["running", "rebooting", "running"]


def test_what_was_asked_before_does_not_count(node: Node, api: ApiInMemory, meanwhile: Attend) -> None:
    api.latest, api.deaf = now(), True
    assert not node.talos.ready(within=0.05)
    meanwhile(lambda: setattr(api, "deaf", False))
    assert node.talos.ready(within=20)
    assert api.rounds == 2, "it asks at once"


def test_a_simulated_node_is_said_to_be(node: Node, api: ApiInMemory) -> None:
    api.latest = now(simulated=True)
    assert node.talos.ready(within=20).simulated == SIMULATED


def test_what_no_waiting_mends_ends_it(bench: Bench, node: Node, api: ApiInMemory, meanwhile: Attend) -> None:
    api.latest = now()
    assert node.talos.ready(within=20)
    api.latest = now(status=BOOTING)
    bench.wire.says(b"[    5.000000] panic=0 kernel flag found\n")
    meanwhile(lambda: bench.wire.says(b"[    5.100000] [talos] panic=0 kernel flag found, sleeping forever\n"))
    found = node.talos.ready(within=20)
    assert not found
    assert found.stopped == "Talos failed, and sleeps forever as panic=0 says"


def test_a_death_ends_it(bench: Bench, node: Node, api: ApiInMemory, meanwhile: Attend) -> None:
    api.latest = now(status=BOOTING)
    meanwhile(lambda: switches_itself_off(bench))
    found = node.talos.ready(within=20)
    assert not found
    assert "the machine switched itself off" in found.stopped
    assert node.boots[-1].verdict is Verdict.FAILED
    assert node.boots[-1].readiness == found


def test_the_benchs_fault_is_not_the_nodes(
    bench: Bench, node: Node, api: ApiInMemory, meanwhile: Attend, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.latest = now(status=BOOTING)
    full = "no space left on device"
    meanwhile(lambda: monkeypatch.setattr(bench.keeper, "recording_error", lambda stream: full))
    with pytest.raises(InfrastructureError, match=full):
        node.talos.ready(within=20)
    assert node.boots[-1].verdict is Verdict.BROKEN


def test_a_short_change_is_on_the_timeline(node: Node, api: ApiInMemory, meanwhile: Attend) -> None:
    api.latest = now()
    assert node.talos.ready(within=20)
    moment = node.boots[-1].timeline.origin_ns + 1
    api.seen.append(Change(moment, "talos.status", "was running, ready; is rebooting, not ready"))
    node.take_in()
    [mark] = [mark for mark in node.boots[-1].timeline if mark.stage == "talos.status"]
    assert (mark.at_ns, mark.source) == (moment, "api")


def test_a_reboot_is_proved_by_another_boot_id(node: Node, api: ApiInMemory, meanwhile: Attend) -> None:
    api.latest = now()
    assert node.talos.ready(within=20)
    for change in (lambda: None, finds(api), finds(api, boot_id=""), finds(api, boot_id="boot-2")):
        meanwhile(change)
    assert node.talos.reboot(within=20) == "boot-2"
    assert api.asked == ["forget", "reboot"]
    [boot] = node.boots
    assert [mark.stage for mark in boot.timeline if mark.stage == "reset"] == ["reset"]
    assert node.talos.ready(within=20)


def test_a_reboot_that_does_not_come(node: Node, api: ApiInMemory) -> None:
    api.latest = now()
    assert node.talos.ready(within=20)
    for then, answer in ((lambda: None, "no answer"), (finds(api), "boot-1")):
        api.latest, api.on_reboot = now(), then
        with pytest.raises(NodeError, match=rf"did not answer as another boot \(boot ID boot-1; now {answer}\)"):
            node.talos.reboot(within=0.05)


def test_a_panic_on_the_way_up_ends_the_wait_for_a_reboot(
    bench: Bench, node: Node, api: ApiInMemory, meanwhile: Attend
) -> None:
    api.latest = now()
    assert node.talos.ready(within=20)
    meanwhile(lambda: switches_itself_off(bench))
    with pytest.raises(NodeError, match="the machine switched itself off"):
        node.talos.reboot(within=20)


def test_a_configuration_is_given_as_file_text_or_bytes(node: Node, api: ApiInMemory, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes(b"a: \xc3\xa4\n")
    for config in (file, "a: ä\n", b"a: \xc3\xa4\n"):
        assert node.talos.apply_config(config, mode="no-reboot", dry_run=True).mode == "no-reboot"
    assert node.talos.apply_config(file).mode == "auto"
    assert api.asked == [(b"a: \xc3\xa4\n", "no-reboot", True)] * 3 + [(b"a: \xc3\xa4\n", "auto", False)]
    with pytest.raises(UsageError, match="No such file"):
        node.talos.apply_config(tmp_path / "gone.yaml")


def test_what_talos_has_said(node: Node, api: ApiInMemory) -> None:
    api.answers = {"dmesg": b"kern: \xff\n", "logs": b"one\n"}
    assert node.talos.dmesg() == b"kern: \xff\n"
    assert node.talos.logs("ext-hello", tail=1) == b"one\n"
    assert api.asked == [("ext-hello", 1)]
    assert [event.kind for event in node.talos.events()] == ["SequenceEvent"]


def compared(bench: Bench, api: ApiInMemory, served: bytes, applied: bytes, *, log: bytes = ASKED) -> None:
    api.latest = now()
    api.answers = {"dmesg": log, "machine_config": applied}
    bench.answers[URL] = served


@pytest.mark.parametrize("log", [ASKED, (TOLD % URL).encode(), (TOLD % "http://elsewhere/").encode() + ASKED])
def test_what_is_served_is_what_is_applied(bench: Bench, node: Node, api: ApiInMemory, log: bytes) -> None:
    compared(bench, api, CONFIG, CONFIG.replace(b"hostname: n1", b"hostname: 'n1' # so"), log=log)
    found = node.talos.config_diff()
    assert not found
    assert found.same
    assert repr(found) == "n1 has applied what is served at http://10.0.2.100:8080/generic"


def test_what_is_served_is_not_what_is_applied(bench: Bench, node: Node, api: ApiInMemory) -> None:
    compared(bench, api, CONFIG, CONFIG.replace(b"n1", b"n2").replace(b"canary-served", b"canary-applied"))
    found = node.talos.config_diff()
    assert found
    assert "-HostnameConfig/hostname: n1" in found.lines
    assert "+HostnameConfig/hostname: n2" in found.lines
    assert "+machine.token: (secret, another than served)" in found.lines
    assert "canary" not in repr(found)


def test_a_node_in_maintenance_mode_has_applied_none(bench: Bench, node: Node, api: ApiInMemory) -> None:
    compared(bench, api, CONFIG, CONFIG)
    api.latest = now(mode=Mode.MAINTENANCE)
    with pytest.raises(NodeError, match="n1 is in maintenance mode: Talos has applied no machine configuration"):
        node.talos.config_diff()


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (b"", "its kernel's log has no URL of a machine configuration"),
        (
            (TOLD % "http://10.0.2.100:8080/c?u=${uuid}").encode(),
            "has variables that Talos alone fills in: http://10.0",
        ),
    ],
)
def test_it_is_not_known_what_is_served(bench: Bench, node: Node, api: ApiInMemory, log: bytes, words: str) -> None:
    compared(bench, api, CONFIG, CONFIG, log=log)
    with pytest.raises(UsageError, match=words):
        node.talos.config_diff()


@pytest.mark.parametrize(
    ("served", "applied", "words"),
    [
        (b"canary", CONFIG, "what Matchbox serves at http://10.0.2.100:8080/generic is no machine configuration: "),
        (CONFIG, b"canary: [", "what Talos says it has applied is no machine configuration: it is not YAML: line"),
    ],
)
def test_what_is_no_configuration_is_not_quoted(
    bench: Bench, node: Node, api: ApiInMemory, served: bytes, applied: bytes, words: str
) -> None:
    compared(bench, api, served, applied)
    with pytest.raises(NodeError, match=words) as caught:
        node.talos.config_diff()
    inside = [entry.frame.f_locals for entry in caught.traceback[1:]]
    assert "canary" not in str(caught.value) + str([{**names, "api": None} for names in inside])


def test_nothing_is_asked_of_a_machine_that_is_off_but_by_switching_it_on(bench: Bench, node: Node) -> None:
    assert Truth.UNKNOWN in {condition.truth for condition in node.talos.ready(within=0.0)}
    node.power.off()
    with pytest.raises(UsageError, match="n1 is off"):
        _ = node.asking.sides.talos
