"""Talos's API asked by a synchronous caller: what is found, what is told unasked, what outlives a lost connection."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError
from grpclib.utils import Wrapper
from hypothesis import given
from hypothesis import strategies as st
from readiness.talos.conftest import QUICK, Asks
from support.archives import packed
from support.fake_talos import ADDRESSES, BOOT_ID, CONFIG, STATUS, FakeTalos
from support.talos_pki import Cluster, Pair

from hil.clock import Deadline, now_ns
from hil.errors import HilBug, InfrastructureError, NodeError, UsageError
from hil.readiness.talos.access import Access
from hil.readiness.talos.api import MODES, TalosApi
from hil.readiness.talos.board import Board
from hil.readiness.talos.certificate import Certificate
from hil.readiness.talos.changes import Applied, TalosEvent
from hil.readiness.talos.channel import answer_to
from hil.readiness.talos.observation import MachineStatus, Mode, Observation, ServiceState, Unknown, Unmet
from hil.readiness.talos.proto import machine_pb2 as machine
from hil.readiness.talos.proto import specs_pb2 as specs
from hil.readiness.talos.proto import state_pb2 as state
from hil.readiness.talos.reading import is_answer, why_unknown
from hil.readiness.talos.talosconfig import load
from hil.readiness.talos.trouble import Kind

T = TypeVar("T")

READY = MachineStatus("running", True, ())


def soon() -> Deadline:
    return Deadline.after(30)


def until(api: TalosApi, look: Callable[[], T | None]) -> T:
    """What `look` finds, which is called at each piece of news."""
    deadline = soon()
    while (found := look()) is None:
        assert not deadline.expired, api.latest
        if api.wait_for_change(deadline.sooner(0.05)):
            time.sleep(0.005)  # news that `look` leaves there is at once there again
    return found


def changes(api: TalosApi, *wanted: str) -> list[str]:
    """All changes in words, once those that are wanted are among them."""
    seen: list[str] = []

    def look() -> bool | None:
        seen.extend(f"{change.what}: {change.evidence}" for change in api.changes())
        return all(any(want in one for one in seen) for want in wanted) or None

    until(api, look)
    return seen


def test_a_round_finds_all(asks: Asks, talos: FakeTalos) -> None:
    found = asks(talos.port).observe(soon())
    assert found.trouble is None
    assert found == Observation(
        found.at_ns,
        Mode.CONFIGURED,
        f"127.0.0.1:{talos.port}",
        status=READY,
        version="v1.13.9",
        hostname="node1",
        extensions={"hello": "0.1.0"},
        services={
            "apid": ServiceState("Running", True, "apid is Running"),
            "ext-hello": ServiceState("Running", None, "ext-hello is Running"),
        },
        boot_id=BOOT_ID,
        addresses=("10.0.2.15/24",),
        clock_offset=found.clock_offset,
        roles=("os:admin",),
        fingerprint=found.fingerprint,
        verified=True,
        began_ns=found.began_ns,
    )
    assert found.took > 0


def test_each_question_begins_a_round_of_its_own(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port)
    api.observe(soon())
    for name in ("a", "b", "c"):
        talos.said.version = name
        assert api.observe(soon()).version == name


def test_a_simulated_node_says_so(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port)
    assert not api.observe(soon()).simulated
    talos.said.commit = "simnode"
    found = api.observe(soon())
    assert (found.version, found.simulated) == ("v1.13.9", True)


def test_one_connection_is_kept(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port, patience=replace(QUICK, again=30.0))  # else a slow first try is not waited for
    for _ in range(3):
        api.observe(soon())
    api.dmesg(soon())
    assert talos.server is not None
    assert len(talos.server.protocols) == 1


def test_a_watch_wakes_a_round(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port)  # its interval is half a minute: only what Talos tells makes a round
    api.observe(soon())
    changes(api, "talos.extension.hello", "talos.service.apid", "talos.hostname")
    talos.be("running", ready=False, unmet={"services": "kubelet\nnot healthy"})
    assert changes(api, "talos.status") == [
        "talos.status: running, not ready: services (kubelet not healthy) (was: running, ready)"
    ]
    status = MachineStatus("running", False, (Unmet("services", "kubelet\nnot healthy"),))
    until(api, lambda: True if api.latest and api.latest.status == status else None)


def test_flapping_is_seen_though_nobody_asks(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port)
    api.observe(soon())
    changes(api, "talos.service.ext-hello: running")
    for state_now in ("Waiting", "Running", "Waiting", "Running"):
        talos.be(services={"apid": ("Running", True), "ext-hello": (state_now, None)})
    seen: list[str] = []

    def look() -> bool | None:
        seen.extend(change.evidence for change in api.changes() if change.what == "talos.service.ext-hello")
        return len(seen) >= 4 or None

    until(api, look)
    assert seen == ["gone (was: running)", "running (was: gone)"] * 2


def test_a_lost_connection_comes_back(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port)
    first = api.observe(soon())
    changes(api, "talos.status: running, ready")
    talos.drop()
    told = changes(api, "talos.api: answers", "talos.status: running, ready")
    assert told[0] == "talos.api: the connection was lost"
    assert api.observe(soon()).status == first.status


def test_a_farewell_is_the_end_of_asking_there(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port, patience=replace(QUICK, farewell=0.1))
    api.observe(soon())
    changes(api, "talos.status")
    talos.say_farewell()
    assert changes(api, "talos.api: answers")[0] == "talos.api: the connection was lost"
    assert api.observe(soon()).status == READY


def test_what_was_asked_before_the_farewell_is_answered(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port, patience=replace(QUICK, farewell=30.0))  # until the stall ends
    api.observe(soon())
    talos.said.stall.add("Dmesg")
    answer: list[bytes] = []
    asking = threading.Thread(target=lambda: answer.append(api.dmesg(soon())))
    asking.start()
    until(api, lambda: True if "Dmesg" in talos.said.asked else None)
    talos.say_farewell()
    changes(api, "talos.api: the connection was lost")
    talos.said.stall.clear()
    asking.join(60)
    assert answer[0].endswith(b"two \xff\n")
    assert talos.said.asked.count("Dmesg") == 1


def test_a_node_that_went_away_is_unknown_at_once(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port)
    api.observe(soon())
    talos.close()
    gone = until(api, lambda: api.latest if api.latest and not api.latest.reached else None)
    assert gone.trouble is not None
    assert gone.trouble.kind in (Kind.LOST, Kind.REFUSED)
    assert isinstance(gone.status, Unknown)
    assert not api.observe(Deadline.after(0.1)).reached


def test_a_node_that_comes_up_is_found(asks: Asks, tmp_path: Path, cluster: Cluster, talos: FakeTalos) -> None:
    port = talos.port
    talos.close()
    api = asks(port)
    assert not api.observe(Deadline.after(0.1)).reached
    with FakeTalos(tmp_path, cluster, cluster.server(), port=port):
        assert api.observe(soon()).status == READY


def test_a_stall_is_unknown(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port, patience=replace(QUICK, stall=0.2))
    api.observe(soon())
    talos.said.stall.add("all")
    found = api.observe(Deadline.after(0.6))
    assert found.mode is Mode.UNREACHABLE
    assert found.trouble is not None
    assert found.trouble.kind is Kind.STALLED
    assert isinstance(found.status, Unknown)
    talos.said.stall.clear()
    until(api, lambda: api.observe(soon()).status == READY or None)


def test_a_stall_longer_than_the_deadline_is_unknown_too(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port, patience=replace(QUICK, stall=30))
    api.observe(soon())
    talos.said.stall.add("all")
    found = api.observe(Deadline.after(0.1))
    assert not found.reached
    assert found.trouble is not None
    assert f"127.0.0.1:{talos.port} gave no answer within 0.1 s" in found.trouble.message


def test_one_question_that_stalls_leaves_the_others(asks: Asks, talos: FakeTalos) -> None:
    talos.said.stall.add("Version")
    api = asks(talos.port, patience=replace(QUICK, stall=0.2))
    found = until(api, lambda: next((one for one in [api.observe(soon())] if one.status == READY), None))
    assert found.version == Unknown("no answer in time")


def test_what_a_service_says_of_its_health(asks: Asks, talos: FakeTalos) -> None:
    talos.be(services={"kubelet": ("Running", False)})
    assert asks(talos.port).observe(soon()).services == {"kubelet": ServiceState("Running", False, "it hurts")}


@pytest.mark.parametrize(
    ("error", "late"),
    [
        (TimeoutError(), True),
        (GRPCError(Status.DEADLINE_EXCEEDED, "context deadline exceeded"), True),
        (GRPCError(Status.UNAVAILABLE), False),
        (ConnectionResetError(), False),
    ],
)
def test_late_on_whichever_side(error: Exception, late: bool) -> None:
    assert (why_unknown(error) == "no answer in time") == late
    assert is_answer(error) == (isinstance(error, GRPCError) and not late)


@pytest.mark.parametrize(
    ("status", "words", "why"),
    [
        (Status.UNAVAILABLE, "connection refused\nby machined", "UNAVAILABLE: connection refused by machined"),
        (Status.PERMISSION_DENIED, None, "PERMISSION_DENIED"),
    ],
)
def test_a_no_is_unknown_with_talos_s_words(
    asks: Asks, talos: FakeTalos, status: Status, words: str | None, why: str
) -> None:
    talos.said.refuse["ServiceList"] = GRPCError(status, words)
    found = asks(talos.port).observe(soon())
    assert found.services == Unknown(why)
    assert found.status == READY


def test_what_is_not_there_yet(asks: Asks, talos: FakeTalos) -> None:
    talos.said.resources[STATUS].clear()
    found = asks(talos.port).observe(soon())
    assert found.status == Unknown("Talos does not have it yet")
    assert found.stage == found.status
    assert found.version == "v1.13.9"


@pytest.mark.parametrize("garbage", [b"\xff\xff\xff", b"\x0a\x04abc"])
def test_garbage_in_an_answer_is_unknown(asks: Asks, talos: FakeTalos, garbage: bytes) -> None:
    talos.put(STATUS, "machine", garbage)
    talos.put(ADDRESSES, "current", specs.NodeAddresses(addresses=[specs.NodeAddresses.Prefix(ip=b"123")]))
    found = asks(talos.port).observe(soon())
    assert isinstance(found.status, Unknown)
    assert found.status.why.startswith("the answer is not what it should be (")
    assert isinstance(found.addresses, Unknown)
    assert found.version == "v1.13.9"


def test_the_clock_of_the_node(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port)
    assert isinstance(api.observe(soon()).clock_offset, Unknown)
    changes(api, "talos.extension.hello")
    talos.said.clock_ahead = -3600
    talos.be(hostname="other")
    changes(api, "talos.hostname: other")
    offset = api.observe(soon()).clock_offset
    assert not isinstance(offset, Unknown)
    assert offset == pytest.approx(-3600, abs=5)


def test_events(asks: Asks, talos: FakeTalos) -> None:
    talos.happen(machine.SequenceEvent(sequence="boot", action=machine.SequenceEvent.START), "a1")
    talos.happen(machine.PhaseEvent(phase="env"), "a2")
    api = asks(talos.port)
    until(api, lambda: True if len(api.events(soon())) == 2 else None)
    assert not [change for change in api.changes() if change.what.startswith("talos.event")]
    assert [(event.id, event.kind, event.text) for event in api.events(soon())] == [
        ("a1", "SequenceEvent", "boot start"),
        ("a2", "PhaseEvent", "env start"),
    ]
    api.changes()
    health = machine.ServiceHealth(healthy=True)
    talos.happen(machine.TaskEvent(task="quiet"), "a3")
    talos.happen(
        machine.ServiceStateEvent(service="kubelet", action=machine.ServiceStateEvent.RUNNING, health=health), "a4"
    )
    assert changes(api, "talos.event") == ["talos.event.ServiceStateEvent: kubelet running healthy"]
    unmet = machine.MachineStatusEvent.MachineStatus.UnmetCondition(name="time", reason="not in sync")
    status = machine.MachineStatusEvent.MachineStatus(unmet_conditions=[unmet])
    talos.happen(machine.MachineStatusEvent(stage=machine.MachineStatusEvent.BOOTING, status=status), "a5")
    talos.happen(machine.VersionInfo(tag="x"), "a6")
    assert changes(api, "a", "talos.event.VersionInfo") == [
        "talos.event.MachineStatusEvent: booting unmet_conditions: time not in sync",
        "talos.event.VersionInfo: ",
    ]
    talos.drop()
    changes(api, "talos.api: answers")
    assert [event.id for event in api.events(soon())] == ["a1", "a2", "a3", "a4", "a5", "a6"]


def test_single_questions(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port)
    assert api.dmesg(soon()) == b"user: warning: [2026-11-25T00:00:00Z]: [talos] one\ntwo \xff\n"
    assert api.logs("apid", soon()) == b"0\n1\n2\n3\n4\n"
    assert api.logs("apid", soon(), tail=2) == b"3\n4\n"
    assert api.boot_id(soon()) == BOOT_ID
    api.reboot(soon())
    assert talos.said.rebooted == 1
    api.shutdown(soon())
    with pytest.raises(NodeError, match=r'asked to read the logs of x and says no: service "x" not found') as caught:
        api.logs("x", soon())
    assert caught.value.exit_code == 1


def test_a_boot_id_may_be_a_resource(asks: Asks, talos: FakeTalos) -> None:
    other = BOOT_ID.replace("0f", "aa")
    talos.put(("runtime", "BootIDs.runtime.talos.dev"), "boot-id", b"", yaml=f"bootID: {other}\n")
    assert asks(talos.port).observe(soon()).boot_id == other


def test_a_file_of_the_node_is_read(asks: Asks, talos: FakeTalos) -> None:
    talos.said.files["/etc/cri/conf.d/10-spin.part"] = b"[plugins]\n"
    assert asks(talos.port).read("/etc/cri/conf.d/10-spin.part", soon()) == b"[plugins]\n"


def test_a_kubeconfig_comes_out_of_its_archive(asks: Asks, talos: FakeTalos) -> None:
    talos.said.kubeconfig = packed("kubeconfig", b"kind: Config\n")
    assert asks(talos.port).kubeconfig(soon()) == b"kind: Config\n"


def test_what_is_no_kubeconfig_is_said(asks: Asks, talos: FakeTalos) -> None:
    talos.said.kubeconfig = b"kind: Config\n"
    with pytest.raises(NodeError, match=r"asked for a kubeconfig and sent something else \(13 bytes\)"):
        asks(talos.port).kubeconfig(soon())


def test_the_machine_configuration(asks: Asks, talos: FakeTalos) -> None:
    talos.put(CONFIG, "v1alpha1", b"", yaml='|\n    version: v1alpha1\n    key: "a"\n')
    assert asks(talos.port).machine_config(soon()) == b'version: v1alpha1\nkey: "a"\n'
    talos.put(CONFIG, "v1alpha1", b"", yaml="version: v1alpha1\n")
    with pytest.raises(NodeError, match="something other than text"):
        asks(talos.port).machine_config(soon())


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "error decoding document /v1alpha1/ (line 1): unknown keys found:\nmachine:\n    foo: pw\n",
            "error decoding document /v1alpha1/ (line 1): unknown keys found: machine: foo: ...",
        ),
        (
            "unknown:\n  - pw\n  - a: pw\n    b/c: |\n        pw\n    'd': pw",
            "unknown: - ... - a: ... b/c: ... ... 'd': ...",
        ),
        ("1 error occurred:\n\t* either install disk or diskSelector should be defined", None),
        ("x" * 2000, "x" * 1000 + "..."),
    ],
)
def test_talos_s_words_without_the_values_that_it_quotes(said: str, shown: str | None) -> None:
    from hil.readiness.talos.question import without_values

    assert without_values(said) == (shown or " ".join(said.split()))


@pytest.mark.parametrize("mode", MODES)
def test_apply_a_configuration(asks: Asks, talos: FakeTalos, mode: str) -> None:
    applied = asks(talos.port).apply_config(b"version: v1alpha1", soon(), mode=mode, dry_run=mode == "try")
    assert applied == Applied(mode, "Applied", ("careful",))
    (request,) = talos.said.applied
    assert (request.data, request.dry_run) == (b"version: v1alpha1", mode == "try")


def test_a_configuration_that_is_refused(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port)
    with pytest.raises(NodeError, match="says no: configuration validation failed: 1 error occurred") as caught:
        api.apply_config(b"bad: secret", soon())
    assert "secret" not in caught.value.render()
    with pytest.raises(UsageError, match="there is no mode 'soft' of applying"):
        api.apply_config(b"", soon(), mode="soft")


def test_maintenance_mode(asks: Asks, maintained: FakeTalos) -> None:
    found = asks(maintained.port, None).observe(soon())
    assert (found.mode, found.stage, found.roles, found.verified) == (Mode.MAINTENANCE, "maintenance", (), False)
    pinned = asks(maintained.port, None, fingerprint=found.fingerprint).observe(soon())
    assert (pinned.mode, pinned.verified, pinned.trouble) == (Mode.MAINTENANCE, True, None)


def test_a_talosconfig_for_a_node_in_maintenance_mode(asks: Asks, maintained: FakeTalos) -> None:
    api = asks(maintained.port)
    found = api.observe(soon())
    assert (found.mode, found.stage) == (Mode.MAINTENANCE, "maintenance")
    assert found.trouble is not None
    assert found.trouble.kind is Kind.MAINTENANCE
    assert "it answers without a client certificate, and says stage maintenance" in found.trouble.message
    assert "its identity is unverified" in found.trouble.message
    pinned = asks(maintained.port, fingerprint=found.fingerprint).observe(soon())
    assert pinned.trouble is not None
    assert "unverified" not in pinned.trouble.message


@pytest.mark.parametrize("stage", ["booting", "unknown"])
def test_only_maintenance_mode_answers_without_a_certificate(asks: Asks, maintained: FakeTalos, stage: str) -> None:
    maintained.be(stage)
    found = asks(maintained.port).observe(soon())
    assert (found.mode, found.stage) == (Mode.MAINTENANCE, stage)


def test_from_maintenance_to_its_configuration(
    asks: Asks, tmp_path: Path, cluster: Cluster, maintained: FakeTalos
) -> None:
    api = asks(maintained.port)
    assert api.observe(soon()).stage == "maintenance"
    api.apply_config(b"version: v1alpha1", soon())
    assert len(maintained.said.applied) == 1
    port = maintained.port
    maintained.close()
    with FakeTalos(tmp_path, cluster, cluster.server(), port=port):
        found = until(api, lambda: api.latest if api.latest and api.latest.mode is Mode.CONFIGURED else None)
    assert found.trouble is None


def test_the_board_keeps_each_event_once_and_not_for_ever() -> None:
    board = Board()
    assert [board.add(TalosEvent(0, f"{n:05}", "x", "")) for n in (1, 2, 1)] == [True, True, False]
    for n in range(6000):
        board.add(TalosEvent(0, f"{n:05}", "x", ""))
    assert len(board.events()) == 5000
    assert board.events()[-1].id == "05999"


def test_to_forget(asks: Asks, talos: FakeTalos) -> None:
    talos.happen(machine.PhaseEvent(phase="env"), "a2")
    api = asks(talos.port)
    api.observe(soon())
    moment = now_ns()
    api.forget()
    assert api.latest is None or api.latest.began_ns >= moment


def test_what_was_asked_before_counts_no_more_though_its_answer_comes_afterwards(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port)
    api.observe(soon())
    changes(api, "talos.extension.hello", "talos.service.ext-hello", "talos.hostname", "talos.status")
    talos.said.stall.add("Version")
    talos.said.asked.clear()
    api.ask_now()
    until(api, lambda: True if "Version" in talos.said.asked else None)
    moment = now_ns()
    api.forget()
    api.ask_now()
    talos.said.stall.clear()
    assert until(api, lambda: api.latest).began_ns >= moment


def test_a_try_that_fails_counts_no_more_where_it_began_before() -> None:
    made, anew, looked = threading.Event(), threading.Event(), threading.Event()

    def reach() -> Access:
        made.wait(30)
        if not tried:
            tried.append(True)
            api.forget()
        else:
            anew.set()
            looked.wait(30)
        raise InfrastructureError("the door is shut", hint="open it")

    tried: list[bool] = []
    with TalosApi("node1", reach, QUICK) as api:
        made.set()
        assert anew.wait(30)
        assert api.latest is None
        looked.set()
        until(api, lambda: api.latest)


def test_the_door_is_asked_for_each_connection(
    tmp_path: Path, cluster: Cluster, admin: Pair, talos: FakeTalos
) -> None:
    context = load(cluster.talosconfig(tmp_path / "tc", admin)).context()
    doors = [1, 1, talos.port]

    def reach() -> Access:
        return Access("127.0.0.1", doors.pop(0) if len(doors) > 1 else doors[0], context)

    with TalosApi("node1", reach, QUICK) as api:
        assert api.observe(soon()).status == READY


def test_close_leaves_nothing(tmp_path: Path, cluster: Cluster, admin: Pair, talos: FakeTalos) -> None:
    context = load(cluster.talosconfig(tmp_path / "tc", admin)).context()
    threads, files = set(threading.enumerate()), len(list(Path("/proc/self/fd").iterdir()))
    for port in (talos.port, 1):
        api = TalosApi("node1", lambda port=port: Access("127.0.0.1", port, context), QUICK)
        api.observe(Deadline.after(0.2))
        api.close()
        api.close()
        for question in (api.dmesg, api.observe, api.events):
            with pytest.raises(UsageError, match="Talos on node1 is asked no more"):
                question(soon())
    assert not set(threading.enumerate()) - threads
    talos.close()
    assert len(list(Path("/proc/self/fd").iterdir())) <= files


def test_it_ends_though_the_node_goes_away_at_that_moment(asks: Asks, talos: FakeTalos) -> None:
    talos.said.stall.add("Read")
    api = asks(talos.port)
    until(api, lambda: True if "Read" in talos.said.asked else None)

    def both() -> None:
        assert api._session is not None
        assert api._session._there is not None
        api._session._there.channel._there.connection_lost(ConnectionResetError())
        assert api._worker._task is not None
        api._worker._task.cancel()

    api._worker.post(both)
    assert api._worker._thread is not None
    api._worker._thread.join(30)
    assert api._worker.ended


def test_a_question_that_is_under_way_when_it_is_closed_says_so(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port)
    api.observe(soon())
    talos.said.stall.add("Dmesg")
    said: list[str] = []

    def ask() -> None:
        with pytest.raises(UsageError) as caught:
            api.dmesg(soon())
        said.append(caught.value.message)

    asking = threading.Thread(target=ask)
    asking.start()
    until(api, lambda: True if "Dmesg" in talos.said.asked else None)
    api.close()
    asking.join(60)
    assert said == ["Talos on node1 is asked no more: it was closed"]


def test_who_cancels_a_question_is_heard_though_its_connection_ends_at_that_moment() -> None:
    asked = Wrapper()

    async def question() -> None:
        with asked:
            await asyncio.sleep(60)

    async def cancelled() -> None:
        asking = asyncio.ensure_future(answer_to(question()))
        while not asked._tasks:
            await asyncio.sleep(0)
        asked.cancel(StreamTerminatedError("the connection was lost"))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(cancelled())


def test_a_fault_of_hil_s_own_leaves_nothing_known(
    asks: Asks, talos: FakeTalos, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = asks(talos.port)
    api.observe(soon())
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    monkeypatch.setattr("hil.readiness.talos.session.observe", None)
    with pytest.raises(HilBug, match="asking Talos on node1 ended by a fault of hil"):
        api.observe(soon())
    assert api.latest is None


def test_a_fingerprint_is_talos_s(asks: Asks, talos: FakeTalos, tmp_path: Path) -> None:
    found = asks(talos.port).observe(soon())
    shown = Certificate.from_pem((tmp_path / "server.pem").read_bytes())
    assert found.fingerprint == shown.fingerprint
    assert len(found.fingerprint) == 44


@given(st.binary(max_size=64))
def test_no_spec_raises_anything_but_what_is_expected(data: bytes) -> None:
    from hil.readiness.talos import resources
    from hil.readiness.talos.http2 import BROKEN

    resource = state.Resource(spec=state.Spec(proto_spec=data))
    readers: list[Callable[[], object]] = [
        lambda: resources.machine_status(resource),
        lambda: resources.addresses(resource),
        lambda: resources.extensions([resource]),
        *(
            lambda kind=kind: resources.in_words(kind, resource)
            for kind in (resources.MACHINE_STATUS, resources.SERVICES, resources.EXTENSIONS, resources.HOSTNAME)
        ),
    ]
    for read in readers:
        try:
            read()
        except BROKEN:
            continue


def test_a_reading_question_is_asked_again_when_the_connection_ends(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port)
    api.observe(soon())
    talos.said.stall.add("Dmesg")
    answer: list[bytes] = []
    asking = threading.Thread(target=lambda: answer.append(api.dmesg(soon())))
    asking.start()
    until(api, lambda: True if "Dmesg" in talos.said.asked else None)
    talos.drop()
    changes(api, "talos.api: the connection was lost")
    talos.said.stall.clear()  # not sooner: it would be answered before its connection ends
    asking.join(60)
    assert answer[0].endswith(b"two \xff\n")
    assert talos.said.asked.count("Dmesg") == 2


def test_a_question_that_changes_something_is_asked_once(asks: Asks, talos: FakeTalos) -> None:
    api = asks(talos.port)
    api.observe(soon())
    talos.said.stall.add("Reboot")
    said: list[str] = []

    def reboot() -> None:
        with pytest.raises(NodeError) as caught:
            api.reboot(soon())
        said.append(caught.value.message)

    asking = threading.Thread(target=reboot)
    asking.start()
    until(api, lambda: True if "Reboot" in talos.said.asked else None)
    talos.drop()
    asking.join(60)
    assert "answered, and then the connection ended" in said[0]
    assert talos.said.asked.count("Reboot") == 1
