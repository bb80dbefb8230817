"""Which node is meant, and how it is opened: by the name in a bench, by an address, by a talosconfig."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.talos_pki import Cluster

from hil.checking import target
from hil.checking.around import Around
from hil.checking.target import Opening, find_target
from hil.config.expect import CozystackExpect, Expect, ServesExpect, SpinExpect, TailscaleExpect, TalosExpect
from hil.errors import ConfigError, UsageError
from hil.keeper.runtime import LiveBench
from hil.reached import Reached, write_reached

Benches = Callable[..., None]
KEY = "A" * 43 + "="


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def talosconfig(tmp_path: Path, cluster: Cluster) -> Path:
    return cluster.talosconfig(tmp_path / "talosconfig", cluster.client("os:admin"), endpoint="10.1.2.3")


@pytest.fixture(autouse=True)
def no_talosconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TALOSCONFIG", "TALOS_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def benches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Benches:
    """Opens benches, each with its nodes."""
    live: list[LiveBench] = []
    monkeypatch.setattr(target, "live_benches", lambda: live)

    def opened(name: str, *nodes: Reached) -> None:
        folder = tmp_path / "run" / name
        folder.mkdir(parents=True)
        live.append(LiveBench(name, folder))
        for node in nodes:
            write_reached(folder, node)

    return opened


def node(name: str, **more: object) -> Reached:
    return Reached(name, "127.0.0.1", 4711, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["node1", "virt-x/node1", None])
def test_a_node_of_a_bench_is_found_with_all_that_is_known_of_it(
    benches: Benches, talosconfig: Path, name: str | None
) -> None:
    expect = {"version": "v1.13.9", "services": ["hello"]}
    benches("virt-x", node("node1", talosconfig=str(talosconfig), simulated="simulated", expect=expect))
    found = find_target(name, Opening(), {"hostname": "node1"})
    assert (found.subject, found.simulated) == ("virt-x/node1", "simulated")
    assert (found.access.place, found.access.forwarded) == ("127.0.0.1:4711", True)
    assert found.access.talosconfig is not None
    assert found.access.talosconfig.file == str(talosconfig)
    assert (found.expect.version, found.expect.hostname, found.expect.services) == ("v1.13.9", "node1", ("hello",))


def test_what_is_said_goes_before_what_the_rig_says(benches: Benches, talosconfig: Path) -> None:
    benches("virt-x", node("node1", expect={"version": "v1.13.9"}))
    assert find_target("node1", Opening(), {"version": "v1.14.0"}).expect.version == "v1.14.0"
    opened = find_target("node1", Opening(talosconfig, "test", fingerprint=KEY), {}).access
    assert opened.talosconfig is not None
    assert (opened.talosconfig.name, opened.fingerprint, opened.port) == ("test", KEY, 4711)


def test_a_node_of_a_bench_as_in_maintenance_mode(benches: Benches, talosconfig: Path) -> None:
    benches("virt-x", node("node1", talosconfig=str(talosconfig), context="test", fingerprint=KEY))
    access = find_target("node1", Opening(insecure=True), {}).access
    assert (access.talosconfig, access.fingerprint) == (None, KEY)
    with pytest.raises(ConfigError, match="no context 'other'"):
        find_target("node1", Opening(context="other"), {})


def test_the_only_node_is_not_meant_when_something_else_is_said(benches: Benches, talosconfig: Path) -> None:
    benches("virt-x", node("node1"))
    assert find_target(None, Opening(talosconfig), {}).subject == "10.1.2.3:50000"


@pytest.mark.parametrize("name", [None, "node1"])
def test_of_two_nodes_one_must_be_named(benches: Benches, name: str | None) -> None:
    benches("a-1", node("node1"))
    benches("b-2", node("node1"))
    with pytest.raises(UsageError, match="more than one node fits; there are: a-1/node1, b-2/node1"):
        find_target(name, Opening(), {})
    assert find_target("b-2/node1", Opening(), {}).subject == "b-2/node1"


def test_a_node_that_is_not_there(benches: Benches) -> None:
    with pytest.raises(UsageError, match="there is no node virt/x") as caught:
        find_target("virt/x", Opening(), {})
    assert "no bench is open whose nodes were asked yet" in caught.value.hint
    benches("virt-1", node("node1"))
    with pytest.raises(UsageError, match="there is no node virt/x") as caught:
        find_target("virt/x", Opening(), {})
    assert caught.value.hint.startswith("open are: virt-1/node1")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("10.0.0.5", "10.0.0.5:50000"),
        ("10.0.0.5:51000", "10.0.0.5:51000"),
        ("cm4-a.lab", "cm4-a.lab:50000"),
        ("fd00::5", "[fd00::5]:50000"),
        ("::ffff:10.0.0.5", "[::ffff:10.0.0.5]:50000"),
        ("[fd00::5]", "[fd00::5]:50000"),
        ("[fd00::5]:51000", "[fd00::5]:51000"),
    ],
)
def test_an_address(benches: Benches, talosconfig: Path, name: str, place: str) -> None:
    found = find_target(name, Opening(talosconfig), {})
    assert (found.subject, found.access.place, found.access.forwarded) == (place, place, False)
    assert found.access.talosconfig is not None
    assert found.expect.stage == "running"


@pytest.mark.parametrize(
    "name", ["", "a b", "10.0.0.5:0", "10.0.0.5:65536", "h:50000:1x", "[fd00::5", "http://h", "h:"]
)
def test_what_is_no_address(benches: Benches, name: str) -> None:
    with pytest.raises(UsageError, match=r"there is no node|is neither a node of an open bench nor an address"):
        find_target(name, Opening(insecure=True), {})


def test_a_talosconfig_is_found_as_talosctl_finds_it(
    benches: Benches, talosconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="there is no talosconfig") as caught:
        find_target("10.0.0.5", Opening(), {})
    assert "--insecure" in caught.value.hint
    monkeypatch.setenv("TALOSCONFIG", str(talosconfig))
    assert find_target(None, Opening(), {}).access.place == "10.1.2.3:50000"


def test_nothing_says_which_node_is_meant(benches: Benches, tmp_path: Path, talosconfig: Path) -> None:
    nowhere = tmp_path / "nowhere"
    nowhere.write_text(talosconfig.read_text().replace("endpoints: [10.1.2.3]", "endpoints: []"))
    for opening in (Opening(insecure=True), Opening(nowhere)):
        with pytest.raises(UsageError, match="it was not said which node is meant"):
            find_target(None, opening, {})


def test_an_expectation_that_cannot_be_is_said_before_anyone_is_asked(benches: Benches) -> None:
    with pytest.raises(UsageError, match=r"'1\.13' is no version of Talos"):
        find_target("10.0.0.5", Opening(insecure=True), {"version": "1.13"})


@given(st.text(max_size=40))
def test_no_name_raises_anything_else(name: str) -> None:
    try:
        host, port = target._place(name)
    except UsageError:
        return
    assert host
    assert 1 <= port <= 65535


def test_what_a_bench_knows_of_a_nodes_surroundings(benches: Benches, tmp_path: Path) -> None:
    known = {
        "doors": {"9002": ("127.0.0.1", 40001), "x": ("h", 1)},
        "kubeconfig": "/t/kubeconfig",
        "kube_context": "lab",
        "networks": {"pods": ("10.244.0.0/16",)},
    }
    benches("virt-x", node("node1", **known))
    found = find_target("node1", Opening(), {}).around
    assert found.bench == tmp_path / "run" / "virt-x"
    assert found.doors == {9002: ("127.0.0.1", 40001)}
    assert (found.kubeconfig, found.kube_context) == (Path("/t/kubeconfig"), "lab")
    assert found.networks == {"pods": ("10.244.0.0/16",)}


@pytest.mark.parametrize(
    ("said", "kubeconfig", "context"),
    [
        (Around(kube_context="other"), "/t/kubeconfig", "other"),
        (Around(kubeconfig=Path("mine")), "mine", None),
        (Around(kubeconfig=Path("mine"), kube_context="other"), "mine", "other"),
    ],
)
def test_a_kubeconfig_that_is_said_goes_before_the_benchs_and_its_context_with_it(
    benches: Benches, said: Around, kubeconfig: str, context: str | None
) -> None:
    benches("virt-x", node("node1", kubeconfig="/t/kubeconfig", kube_context="lab"))
    found = find_target("node1", Opening(), {}, {}, said).around
    assert (found.kubeconfig, found.kube_context) == (Path(kubeconfig), context)


def test_keys_that_are_said_go_before_the_rigs_and_the_rigs_other_keys_stay(benches: Benches) -> None:
    sections = {"spin": {"handler": None, "serves": {"path": "/rigs"}}, "cozystack": {"releases": 3}}
    benches("virt-x", node("node1", sections=sections))
    rigs = find_target("node1", Opening(), {}).whole
    assert (rigs.spin, rigs.tailscale) == (SpinExpect(handler=None, serves=ServesExpect(path="/rigs")), None)
    said = find_target("node1", Opening(), {}, {"spin": {"serves": {"path": "/x"}}, "tailscale": {}}).whole
    assert said == Expect(
        talos=TalosExpect(),
        tailscale=TailscaleExpect(),
        spin=SpinExpect(handler=None, serves=ServesExpect(path="/x")),
        cozystack=CozystackExpect(releases=3),
    )


@pytest.mark.parametrize(
    ("expected", "sections", "opening", "asks"),
    [
        ({}, {"kubernetes": {}}, Opening(), False),
        ({}, {"kubernetes": {}}, Opening(insecure=True), True),
        ({"stage": "maintenance"}, {"kubernetes": {}}, Opening(insecure=True), True),
    ],
)
def test_without_a_talosconfig_talos_is_asked_only_where_it_is_meant(
    benches: Benches, expected: dict[str, object], sections: dict[str, dict[str, object]], opening: Opening, asks: bool
) -> None:
    found = find_target("10.0.0.5", opening, expected, sections)
    assert (found.expected is not None) == asks
    assert (found.whole.talos is not None) == asks
    assert (found.subject, found.access.host) == ("10.0.0.5:50000", "10.0.0.5")


def test_with_a_talosconfig_talos_is_asked_whatever_is_expected_besides(
    benches: Benches, talosconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for opening in (Opening(talosconfig), Opening(context="test")):
        monkeypatch.setenv("TALOSCONFIG", str(talosconfig))
        assert find_target("10.0.0.5", opening, {}, {"kubernetes": {}}).whole.talos == TalosExpect()


def test_keys_of_talos_need_a_talosconfig_whatever_is_expected_besides(benches: Benches) -> None:
    with pytest.raises(UsageError, match="there is no talosconfig"):
        find_target("10.0.0.5", Opening(), {"version": "v1.13.9"}, {"kubernetes": {}})


def test_where_no_node_is_named_and_no_talosconfig_could(benches: Benches) -> None:
    with pytest.raises(UsageError, match="it was not said which node is meant"):
        find_target(None, Opening(), {}, {"kubernetes": {"node": "n1"}})


@pytest.mark.parametrize(
    ("sections", "words"),
    [({"spn": {}}, "nothing called 'spn'"), ({"spin": {"app": "x"}}, "cannot be: app")],
)
def test_a_section_that_cannot_be_is_said_before_anyone_is_asked(
    benches: Benches, sections: dict[str, dict[str, object]], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        find_target("10.0.0.5", Opening(), {}, sections)


def test_a_kubeconfig_that_opens_nothing_is_said_before_anyone_is_asked(benches: Benches, tmp_path: Path) -> None:
    gone = Around(kubeconfig=tmp_path / "gone")
    with pytest.raises(ConfigError, match="gone: the kubeconfig cannot be read"):
        find_target("10.0.0.5", Opening(), {}, {"kubernetes": {}}, gone)
    assert find_target("10.0.0.5", Opening(insecure=True), {}, {}, gone).sections == {}, "Talos alone needs none"
