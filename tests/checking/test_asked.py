"""A node asked for `hil check`: once, until it is ready, at each change; a stand-in for Talos answers on loopback."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from support import kubernetes_objects as made
from support import strangers
from support.fake_kubernetes import FakeCluster, kubeconfig, serving
from support.fake_talos import FakeTalos
from support.talos_pki import Cluster, self_signed

from hil.checking import asked as checking_asked
from hil.checking.around import Around
from hil.checking.asked import Asked
from hil.checking.target import Target
from hil.clock import Deadline, now_ns
from hil.errors import UsageError
from hil.readiness.condition import Truth
from hil.readiness.kubernetes import kinds
from hil.readiness.readiness import Readiness
from hil.readiness.talos.access import Access
from hil.readiness.talos.probe import TalosProbe
from hil.readiness.talos.talosconfig import load

Asks = Callable[..., Asked]
SECONDS = 1_000_000_000


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def talos(tmp_path: Path, cluster: Cluster) -> Iterator[FakeTalos]:
    with FakeTalos(tmp_path, cluster, cluster.server()) as talos:
        yield talos


@pytest.fixture
def asks(tmp_path: Path, cluster: Cluster) -> Iterator[Asks]:
    """Asks a port of this host, and ends that."""
    context = load(cluster.talosconfig(tmp_path / "tc", cluster.client("os:admin"))).context()
    made: list[Asked] = []

    def ask(port: int, *, simulated: str = "", **expected: object) -> Asked:
        made.append(Asked(Target("n1", Access("127.0.0.1", port, context), expected, simulated)))
        return made[-1]

    yield ask
    for each in made:
        each.close()


@contextmanager
def closed_port() -> Iterator[int]:
    with socket.socket() as held:  # bound and not listening: refused, and nobody else can have it
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextmanager
def silent_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_one_round_says_what_there_is(asks: Asks, talos: FakeTalos) -> None:
    asked = asks(talos.port, hostname="node1", services=["hello"])
    found = asked.once()
    assert found
    assert len(found.conditions) == 6
    assert (asked.exit_code(found), asked.trouble, found.simulated) == (0, ("", ""), "")


def test_a_node_that_is_not_ready(asks: Asks, talos: FakeTalos) -> None:
    talos.be("booting", ready=False, unmet={"services": "kubelet not healthy"})
    asked = asks(talos.port)
    found = asked.once()
    assert [condition.name for condition in found.lacking] == ["talos.stage", "talos.ready", "talos.unmet"]
    assert (asked.exit_code(found), asked.trouble) == (1, ("", ""))


def test_a_simulated_node_is_said_to_be(asks: Asks, talos: FakeTalos) -> None:
    talos.said.commit = "simnode"
    assert asks(talos.port).once().headline.startswith("n1 (simulated Talos node): ready")
    assert asks(talos.port, simulated="simulated board").once().simulated == "simulated board"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time enough for anything, and a failure when it is used."""
    monkeypatch.setattr(checking_asked, "_ONCE", 60.0)
    wait = Asked._wait
    waits: list[Deadline] = []

    def waited(asked: Asked, deadline: Deadline) -> None:
        waits.append(deadline)
        assert len(waits) < 20, "it waits on and on"
        wait(asked, deadline)

    monkeypatch.setattr(Asked, "_wait", waited)


@pytest.mark.usefixtures("impatient")
def test_a_refused_connection_is_no_reason_to_wait(asks: Asks) -> None:
    with closed_port() as port:
        asked = asks(port)
        found = asked.once()
    assert (found["talos.api"].truth, found["talos.api"].observed) == (Truth.FALSE, "connection refused")
    assert {condition.truth for condition in found.conditions[1:]} == {Truth.UNKNOWN}
    assert asked.exit_code(found) == 3
    assert asked.trouble[0].startswith(f"127.0.0.1:{port} refuses the connection")
    assert asked.trouble[1]


def test_what_may_pass_is_waited_for_a_little(asks: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking_asked, "_ONCE", 0.3)
    with silent_port() as port:
        asked = asks(port)
        found = asked.once()
        # While it listens: a connection that is reset afterwards is a trouble of its own.
        assert (asked.exit_code(found), asked.trouble) == (3, ("", ""))
    assert {condition.truth for condition in found} == {Truth.UNKNOWN}
    assert found["talos.api"].observed == "no answer yet"


def test_a_lost_connection_is_tried_again(asks: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[socket.socket] = []
    decided = Asked._is_decided

    def closes(connection: socket.socket) -> None:
        tries.append(connection)

    # However long the second takes to come; one that was thought to decide it would end the wait before.
    monkeypatch.setattr(checking_asked, "_ONCE", 60.0)
    monkeypatch.setattr(Asked, "_is_decided", lambda asked: decided(asked) or len(tries) > 1)
    with strangers.stranger(closes) as port:
        found = asks(port).once()
    assert found["talos.api"].truth is Truth.UNKNOWN
    assert len(tries) > 1


@pytest.mark.usefixtures("impatient")
def test_who_is_not_talos_is_not_waited_for(asks: Asks) -> None:
    with strangers.stranger(strangers.says(b"SSH-2.0-OpenSSH_9.2\r\n")) as port:
        asked = asks(port)
        found = asked.once()
        assert (found["talos.api"].truth, asked.exit_code(found)) == (Truth.UNKNOWN, 3)
        assert "does not speak TLS" in asked.trouble[0]


@pytest.mark.usefixtures("impatient")
def test_what_no_waiting_mends_ends_the_wait(tmp_path: Path) -> None:
    with FakeTalos(tmp_path, None, self_signed()) as talos:
        target = Target("n1", Access("127.0.0.1", talos.port, fingerprint="A" * 43 + "="), {"stage": "maintenance"})
        with closing(Asked(target)) as asked:
            found = asked.until_ready(60.0, 0.0)
            assert found["talos.api"].truth is Truth.FALSE
            assert asked.exit_code(found) == 3
            assert "another machine answers there" in found.stopped
            assert found.stopped == asked.trouble[0]


def test_waits_until_it_is_ready_and_stays_so(asks: Asks, talos: FakeTalos, monkeypatch: pytest.MonkeyPatch) -> None:
    talos.be("booting", ready=False)
    asked = asks(talos.port)
    looks = 0
    look = TalosProbe.look

    def counted(probe: TalosProbe) -> object:
        nonlocal looks
        looks += 1
        if looks == 5:
            talos.be()
        return look(probe)

    monkeypatch.setattr(TalosProbe, "look", counted)
    found = asked.until_ready(60.0, 0.2)
    assert found
    assert found.waited == "waited at most 60 s, stable for 0.2 s"


def test_waiting_sleeps(asks: Asks, talos: FakeTalos, monkeypatch: pytest.MonkeyPatch) -> None:
    talos.be("booting", ready=False)
    asked = asks(talos.port)
    asked.once()
    looks = 0
    look = TalosProbe.look

    def counted(probe: TalosProbe) -> object:
        nonlocal looks
        looks += 1
        return look(probe)

    monkeypatch.setattr(TalosProbe, "look", counted)
    began = now_ns()
    found = asked.until_ready(0.5, 0.0)
    # Twice in 0.1 s at most, and a busy host makes it less; one that never sleeps looks thousands of times.
    assert looks < 30 * (1 + (now_ns() - began) / SECONDS)
    assert (found.stopped, asked.exit_code(found)) == ("", 1)


def test_what_cannot_be_both_is_said(asks: Asks, talos: FakeTalos) -> None:
    with pytest.raises(UsageError, match="cannot both be"):
        asks(talos.port).until_ready(1.0, 1.0)


def test_each_change_is_told(asks: Asks, talos: FakeTalos) -> None:
    asked = asks(talos.port, services=["hello"])
    told: list[tuple[Readiness, list[str]]] = []
    for found, news in asked.changing():
        told.append((found, [mark.stage for mark in news]))
        if len(told) == 1:
            talos.be(services={"apid": ("Running", True)})
        elif not found:
            break
    first, last = told[0], told[-1]
    assert first[0]
    assert set(first[1]) == {"talos.api", "talos.stage", "talos.ready", "talos.unmet", "talos.service.ext-hello"}
    assert "talos.service.ext-hello" in last[1]
    assert "talos.stage" not in last[1]


def test_a_node_of_which_nothing_is_known_is_told_of_all_the_same(asks: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking_asked, "_ONCE", 0.2)
    with silent_port() as port:
        found, news = next(asks(port).changing())
    assert (bool(found), news) == (False, [])


def test_an_expectation_that_cannot_be(talos: FakeTalos) -> None:
    target = Target("n1", Access("127.0.0.1", talos.port), {"stages": "running"})
    with closing(Asked(target)) as asked, pytest.raises(UsageError, match="nothing called 'stages' can be expected"):
        asked.once()


@pytest.fixture
def cluster_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FakeCluster, Path]]:
    """A cluster with one node, tp-1, that is ready; and what opens it."""
    monkeypatch.setattr("hil.readiness.kubernetes.probe._EVERY", 0.05)
    with serving() as there:
        there.put(kinds.NODE, made.node("tp-1"))
        there.knows(kinds.LEASE, kinds.POD)
        file = tmp_path / "kubeconfig"
        file.write_bytes(kubeconfig(f"http://127.0.0.1:{there.port}"))
        yield there, file


@contextmanager
def nobody_comes() -> Iterator[int]:
    """A port of this host to which nobody connects until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
        server.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            server.accept()


def cluster_alone(port: int, around: Around, **keys: object) -> Target:
    return Target("n1", Access("127.0.0.1", port), None, sections={"kubernetes": keys}, around=around)


def test_a_cluster_is_asked_without_talos(
    cluster_of: tuple[FakeCluster, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, file = cluster_of
    sleep = time.sleep

    def short(seconds: float) -> None:
        assert seconds <= 0.1, "nothing would wake it up"
        sleep(seconds)

    monkeypatch.setattr(checking_asked.time, "sleep", short)
    with nobody_comes() as port, closing(Asked(cluster_alone(port, Around(file), node="tp-1"))) as asked:
        found = asked.once()
        assert found, found.table()
        assert next(iter(found)).name == "kubernetes.node"
        assert (asked.exit_code(found), asked.trouble) == (0, ("", ""))
        assert asked.until_ready(30.0, 0.0)
        assert next(asked.changing())[0]


def test_what_a_cluster_says_is_not_ready(cluster_of: tuple[FakeCluster, Path]) -> None:
    _, file = cluster_of
    with nobody_comes() as port, closing(Asked(cluster_alone(port, Around(file), node="tp-2"))) as asked:
        found = asked.once()
        assert found["kubernetes.node"].truth is Truth.FALSE
        assert (asked.exit_code(found), asked.trouble) == (1, ("", ""))


def test_a_cluster_that_cannot_be_asked_says_nothing_of_the_node(tmp_path: Path) -> None:
    with closed_port() as gone, nobody_comes() as port:
        file = tmp_path / "kubeconfig"
        file.write_bytes(kubeconfig(f"http://127.0.0.1:{gone}"))
        with closing(Asked(cluster_alone(port, Around(file)))) as asked:
            found = asked.once()
            assert {condition.truth for condition in found} == {Truth.UNKNOWN}
            assert asked.exit_code(found) == 3


def test_where_there_is_nobody_to_ask_it_is_said_what_to_give() -> None:
    everything = {"kubernetes": {}, "cozystack": {}, "tailscale": {"healthz": None}, "spin": {}}
    for name, keys in everything.items():
        with nobody_comes() as port:
            target = Target("n1", Access("127.0.0.1", port), None, sections={name: keys})
            with closing(Asked(target)) as asked:
                found = asked.once()
                assert not found
                assert asked.exit_code(found) == 3
                assert "Talos" in asked.trouble[0]
                assert "`hil check --help`" in asked.trouble[1]


def test_talos_and_what_stands_around_it_are_asked_together(
    talos: FakeTalos, tmp_path: Path, cluster: Cluster, cluster_of: tuple[FakeCluster, Path]
) -> None:
    there, file = cluster_of
    context = load(cluster.talosconfig(tmp_path / "tc", cluster.client("os:admin"))).context()
    access = Access("127.0.0.1", talos.port, context)
    target = Target("n1", access, {}, "", "tp-1", {"kubernetes": {}}, Around(file))
    with closing(Asked(target)) as asked:
        told = asked.changing()
        found, news = next(told)
        assert found, found.table()
        names = [condition.name for condition in found]
        assert (names[0], names[4]) == ("talos.api", "kubernetes.node")
        assert set(names) == {mark.stage for mark in news}
        there.put(kinds.NODE, made.node("tp-1", made.status("Ready", "False", "KubeletNotReady")))
        found, news = next(told)
        assert [mark.stage for mark in news] == ["kubernetes.node"]
        assert asked.exit_code(found) == 1


def test_what_is_closed_before_it_was_asked_makes_no_probe(cluster_of: tuple[FakeCluster, Path]) -> None:
    there, file = cluster_of
    with nobody_comes() as port:
        Asked(cluster_alone(port, Around(file))).close()
    assert there.asked == []


def test_a_node_that_is_ready_as_far_as_it_was_asked_is_not_said_to_be_unready(
    talos: FakeTalos, tmp_path: Path, cluster: Cluster
) -> None:
    context = load(cluster.talosconfig(tmp_path / "tc", cluster.client("os:admin"))).context()
    keys = {"extension": None, "handler": None, "app": "default/hello"}
    target = Target("n1", Access("127.0.0.1", talos.port, context), {}, sections={"spin": keys})
    with closing(Asked(target)) as asked:
        found = asked.once()
        assert [condition.name for condition in found.lacking] == ["spin.app"]
        assert asked.exit_code(found) == 3
        assert asked.trouble[0] == "no cluster is asked about the node"
        talos.be("booting", ready=False)
        found = next(found for found, _ in asked.changing() if len(found.lacking) > 1)
        assert (asked.exit_code(found), asked.trouble) == (1, ("", ""))
