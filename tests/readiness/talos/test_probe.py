"""The probe of Talos on one node: when it begins to ask, what is news, what is hopeless; with an API in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.talos_api import READY, ApiInMemory, apis_in_memory

from hil.clock import Deadline
from hil.config.expect import TalosExpect
from hil.console.stream import Chunk
from hil.console.transcript import Transcript
from hil.images.simnode import SIMULATED
from hil.readiness.condition import Truth
from hil.readiness.talos.access import Access
from hil.readiness.talos.changes import Change
from hil.readiness.talos.observation import Mode, unreachable
from hil.readiness.talos.probe import TalosProbe
from hil.readiness.talos.trouble import Kind, Trouble

EXPECT = TalosExpect(services=("hello",))
KERNEL = b"[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x410fd083]\n"
INFORM = b'[    9.100000] [talos] server certificate issued {"component": "x", "fingerprint": "' + b"A" * 43 + b'="}\n'


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ApiInMemory]]:
    with apis_in_memory(monkeypatch) as made:
        yield made


class Said:
    """A console's transcript, and what is said on it."""

    def __init__(self) -> None:
        self.transcript = Transcript()
        self.stamp = 0

    def says(self, data: bytes, incarnation: int = 1) -> None:
        self.stamp += 1
        self.transcript.append(Chunk(self.stamp, incarnation, self.transcript.end, data))


@pytest.fixture
def said() -> Said:
    return Said()


def reach(fingerprint: str) -> Access:
    return Access("127.0.0.1", 1, fingerprint=fingerprint or None)


def probe(said: Said | None, *, after: int = 0) -> TalosProbe:
    return TalosProbe("n1", EXPECT, reach, None if said is None else said.transcript, after=after)


def test_nobody_is_asked_before_a_kernel_runs(said: Said) -> None:
    probed = probe(said)
    said.says(b"UEFI firmware (version 1)\r\n>>Start PXE over IPv4\r\n" + KERNEL[:40])
    found = probed.look()
    assert ApiInMemory.made == []
    assert {condition.truth for condition in found} == {Truth.UNKNOWN}
    assert found[0].observed == "not asked yet: no kernel runs"
    assert probed.boot_id == ""
    assert probed.news() == []
    assert probed.hopeless == ""
    said.says(KERNEL[40:])
    assert probed.look()[0].observed == "no answer yet"
    assert [made.node for made in ApiInMemory.made] == ["n1"]
    probed.look()
    assert len(ApiInMemory.made) == 1


def test_a_machine_that_says_nothing_is_asked_after_a_while(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    probed = probe(said)
    probed.look()
    assert ApiInMemory.made == []
    monkeypatch.setattr(probed, "_silence", Deadline.after(0))
    probed.look()
    assert len(ApiInMemory.made) == 1


def test_without_a_console_it_is_asked_at_once() -> None:
    probed = probe(None)
    assert probed.console is None
    assert probed.look()[0].observed == "no answer yet"
    assert len(ApiInMemory.made) == 1


def test_what_was_found_long_ago_is_unknown_now() -> None:
    probed = probe(None)
    probed.look()
    api = ApiInMemory.made[-1]
    api.latest, api.age = READY, 9.0
    assert probed.look()[0].truth is Truth.TRUE
    api.age = 11.0
    found = probed.look()
    assert {condition.truth for condition in found} == {Truth.UNKNOWN}
    assert found[0].observed == "no answer for 11 s"
    assert probed.boot_id == ""


def test_lines_of_a_boot_that_is_over_do_not_count(said: Said) -> None:
    said.says(KERNEL)
    probed = probe(said, after=1)
    probed.look()
    assert ApiInMemory.made == []
    said.says(KERNEL, incarnation=2)
    probed.look()
    assert len(ApiInMemory.made) == 1


def test_a_single_question_may_be_asked_at_any_time(said: Said) -> None:
    probed = probe(said)
    assert probed.api is probed.api
    assert len(ApiInMemory.made) == 1


def test_the_fingerprint_is_the_one_that_the_console_says(said: Said) -> None:
    probed = probe(said)
    said.says(KERNEL)
    probed.look()
    assert ApiInMemory.made[0].reach().fingerprint is None
    said.says(INFORM)
    probed.look()
    assert ApiInMemory.made[0].reach().fingerprint == "A" * 43 + "="


@pytest.mark.parametrize(("shown", "proved"), [("A" * 43 + "=", True), ("B" * 43 + "=", False), ("", False)])
def test_an_answer_that_came_before_the_fingerprint_is_compared_with_it(said: Said, shown: str, proved: bool) -> None:
    probed = probe(said)
    said.says(KERNEL)
    probed.look()
    bare = replace(READY, mode=Mode.MAINTENANCE, fingerprint=shown, verified=False)
    ApiInMemory.made[0].latest = bare
    unproved = "answers in maintenance mode; its identity is unverified"
    assert probed.look_for(TalosExpect(stage="maintenance"))[0].observed == unproved
    said.says(INFORM)
    found = probed.look_for(TalosExpect(stage="maintenance"))[0].observed
    assert found == ("answers in maintenance mode" if proved else unproved)


def test_what_was_found_is_judged(said: Said) -> None:
    probed = probe(said)
    said.says(KERNEL)
    probed.look()
    ApiInMemory.made[0].latest = replace(READY, boot_id="b1", services={})
    assert {condition.name: condition.holds for condition in probed.look()} == {
        "talos.api": True,
        "talos.stage": True,
        "talos.ready": True,
        "talos.unmet": True,
        "talos.service.ext-hello": False,
    }
    assert all(condition.holds for condition in probed.look_for(TalosExpect()))
    assert probed.boot_id == "b1"
    assert probed.simulated == ""
    ApiInMemory.made[0].latest = replace(READY, simulated=True)
    assert probed.simulated == SIMULATED


def test_the_console_speaks_where_the_api_does_not(said: Said) -> None:
    probed = probe(said)
    said.says(KERNEL + b"[    3.100000] [talos] phase config (9/9): 1 tasks(s)\n")
    stage = probed.look()[1]
    assert (stage.name, stage.truth, stage.source, stage.at_ns) == ("talos.stage", Truth.UNKNOWN, "console", 1)
    assert "phase config (9/9)" in stage.observed


def test_since_when_a_service_runs_is_told_by_the_console(said: Said) -> None:
    probed = probe(said)
    said.says(KERNEL + b"[    3.100000] [talos] service[ext-hello](Running): Started task ext-hello\n")
    assert probed.running_since("ext-hello") is None, "nobody has looked at the console since"
    probed.look()
    assert probed.running_since("ext-hello") == 1
    assert probed.running_since("ext-other") is None


def test_news_are_what_must_hold_and_was_seen_to_change(said: Said) -> None:
    probed = probe(said)
    assert probed.news() == []
    _ = probed.api
    ApiInMemory.made[0].seen = [
        Change(1, "talos.status", "running, ready", first=True),
        Change(2, "talos.status", "was running, ready; is running, not ready"),
        Change(3, "talos.service.ext-hello", "is gone"),
        Change(4, "talos.service.ext-other", "is gone"),
        Change(5, "talos.service.kubelet", "is gone"),
        Change(6, "talos.hostname", "was a; is b"),
    ]
    assert [(mark.stage, mark.at_ns, mark.source, mark.evidence) for mark in probed.news()] == [
        ("talos.status", 2, "api", "was running, ready; is running, not ready"),
        ("talos.service.ext-hello", 3, "api", "is gone"),
    ]
    assert probed.news() == []


def test_what_the_console_says_is_hopeless_is(said: Said) -> None:
    probed = probe(said)
    said.says(KERNEL)
    assert probed.hopeless == ""
    said.says(b"[    9.100000] Kernel panic - not syncing: no init")
    assert probed.hopeless == ""
    said.says(b"\n")
    assert probed.hopeless == "the kernel panicked: no init"


@pytest.mark.parametrize(
    ("kind", "hopeless"),
    [
        *((kind, True) for kind in (Kind.OTHER_CLUSTER, Kind.CLIENT_EXPIRED, Kind.OTHER_KEY, Kind.CLIENT_UNUSABLE)),
        *((kind, False) for kind in (Kind.REFUSED, Kind.SILENT, Kind.NODE_CLOCK, Kind.NO_DOOR)),
    ],
)
def test_what_was_given_to_hil_and_is_wrong_is_hopeless(said: Said, kind: Kind, hopeless: bool) -> None:
    probed = probe(said)
    _ = probed.api
    ApiInMemory.made[0].latest = unreachable(1, "n", Trouble(kind, "what happened", "do", "short"))
    assert probed.hopeless == ("what happened" if hopeless else "")


def test_a_machine_that_starts_anew_is_looked_at_anew(said: Said) -> None:
    probed = probe(said)
    said.says(KERNEL + INFORM + b"[    9.100000] Kernel panic - not syncing: no init\n")
    assert probed.hopeless
    _ = probed.api
    ApiInMemory.made[0].latest = READY
    said.says(b"[    9.200000] Kernel panic - not syncing: half a line of the old boot")
    probed.begin_again()
    assert ApiInMemory.made[0].asked == ["forget"]
    assert probed.hopeless == ""
    assert {condition.truth for condition in probed.look()} == {Truth.UNKNOWN}
    assert ApiInMemory.made[0].reach().fingerprint is None
    said.says(b", and its end\n[    0.100000] Linux version 6.18.1 (x)\n")
    assert probed.look()[1].observed == "kernel 6.18.1 starts"


def test_one_that_was_never_asked_begins_again_and_closes(said: Said) -> None:
    probed = probe(said)
    probed.begin_again()
    probed.close()
    assert ApiInMemory.made == []


def test_closing_ends_the_asking_also_of_an_api_that_was_given() -> None:
    for given in (None, ApiInMemory("n1", lambda: reach(""))):
        probed = TalosProbe("n1", EXPECT, reach, api=given)  # type: ignore[arg-type]
        probed.look()
        probed.close()
        assert ApiInMemory.made[-1].asked == ["close"]
    assert len(ApiInMemory.made) == 2
