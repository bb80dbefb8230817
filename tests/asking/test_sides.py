"""The probes of one node: which are made, when, out of what, and what each says that has nobody to ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from support import kubernetes_objects as made
from support.fake_kubernetes import kubeconfig, serving
from support.talos_api import READY, ApiInMemory, apis_in_memory

from hil.asking.sides import Sides
from hil.asking.surroundings import Surroundings
from hil.clock import Deadline, hold, now_ns
from hil.config.expect import (
    CozystackExpect,
    Expect,
    KubernetesExpect,
    ServesExpect,
    SpinExpect,
    TailscaleExpect,
    TalosExpect,
)
from hil.console.stream import Chunk
from hil.console.transcript import Transcript
from hil.errors import InfrastructureError
from hil.joining import InTailnet
from hil.readiness.condition import Condition, Truth
from hil.readiness.kubernetes import kinds
from hil.readiness.rounds import Missing
from hil.readiness.spin.probe import SpinProbe
from hil.readiness.tailscale.probe import TailscaleProbe
from hil.readiness.talos.access import Access
from hil.readiness.talos.probe import TalosProbe
from hil.services.tailnet.control import TailnetNode

WITHIN = 20.0
KERNEL = b"[    0.000000] Booting Linux on physical CPU 0x0000000000\n"
NO_TALOS = Missing("Talos is not asked")
NOBODY = InTailnet(Missing("no control server"), Missing("no peer"))

KUBERNETES = KubernetesExpect(pods="none")
ALL = Expect(
    talos=TalosExpect(),
    tailscale=TailscaleExpect(),
    spin=SpinExpect(),
    kubernetes=KUBERNETES,
    cozystack=CozystackExpect(),
)


@dataclass
class Around:
    """A node, and what stands around it in a test."""

    transcript: Transcript = field(default_factory=Transcript)
    doors: list[int] = field(default_factory=list)
    tailnets: int = 0
    in_the_tailnet: InTailnet = NOBODY
    made: list[Sides] = field(default_factory=list)

    def door(self, port: int, deadline: Deadline) -> tuple[str, int]:
        self.doors.append(port)
        raise InfrastructureError(f"no door leads to {port}", hint="add it")

    def in_tailnet(self) -> InTailnet:
        self.tailnets += 1
        return self.in_the_tailnet

    def sides(self, expect: Expect, *, file: Path | None = None, no_talos: Missing | None = None) -> Sides:
        surroundings = Surroundings("n1", expect, self.door, self.in_tailnet, kubeconfig=file, no_talos=no_talos)
        talos = expect.talos or TalosExpect()
        sides = Sides(
            surroundings, lambda: TalosProbe("n1", talos, lambda fingerprint: Access("h", 1), self.transcript)
        )
        self.made.append(sides)
        return sides

    def kernel_runs(self) -> None:
        self.transcript.append(Chunk(1, now_ns(), 0, KERNEL))


class NobodyThere:
    """A control server of an empty tailnet."""

    name = "headscale at https://10.0.2.100:8443"

    def nodes(self, deadline: Deadline) -> tuple[TailnetNode, ...]:
        return ()


def until_asked(probe: TailscaleProbe | SpinProbe) -> None:
    deadline = Deadline.after(WITHIN)
    while not probe.asked:
        assert not deadline.expired
        hold(0.01)


@pytest.fixture
def around(monkeypatch: pytest.MonkeyPatch) -> Iterator[Around]:
    around = Around()
    with apis_in_memory(monkeypatch):
        yield around
        for sides in around.made:
            sides.close()


def until(look: Callable[[], tuple[Condition, ...]], name: str, truth: Truth = Truth.TRUE) -> Condition:
    """The condition of this name, once it has come so far."""
    deadline = Deadline.after(WITHIN)
    while True:
        [found] = [condition for condition in look() if condition.name == name]
        if found.truth is truth or deadline.expired:
            assert found.truth is truth, found
            return found
        hold(0.01)


def observed(look: Callable[[], tuple[Condition, ...]]) -> dict[str, str]:
    return {condition.name: condition.observed for condition in look()}


def test_only_what_is_expected_is_made_and_in_the_order_of_reading(around: Around) -> None:
    assert around.sides(Expect()).expected() == []
    assert ApiInMemory.made == []
    sides = around.sides(ALL)
    names = ["talos", "tailscale", "spin", "kubernetes", "cozystack"]
    assert sides.expected() == [getattr(sides, name) for name in names]
    assert sides.others() == sides.expected()[1:]
    assert around.tailnets == 1, "its tailnet is asked for once, and only where Tailscale is expected"


@pytest.mark.parametrize("name", ["tailscale", "spin", "kubernetes", "cozystack"])
def test_each_is_expected_alone(around: Around, name: str) -> None:
    sides = around.sides(ALL.model_copy(update=dict.fromkeys({*ALL.model_fields_set} - {name})))
    assert sides.expected() == [getattr(sides, name)]
    assert sides.expected()[0].expect == getattr(ALL, name)  # type: ignore[attr-defined]
    assert around.tailnets == (1 if name == "tailscale" else 0)


def test_nobody_is_asked_before_a_kernel_runs(around: Around, tmp_path: Path) -> None:
    sides = around.sides(ALL.model_copy(update={"spin": SpinExpect(serves=ServesExpect(path="/hello"))}))
    for probe in sides.expected():
        probe.look()
    assert until(sides.kubernetes.look, "kubernetes.node", Truth.UNKNOWN)
    http = lambda: observed(sides.spin.look)["spin.http"]  # noqa: E731
    deadline = Deadline.after(WITHIN)
    while "no kernel runs" not in http() and not deadline.expired:
        hold(0.01)
    assert "no kernel runs" in http()
    assert (around.doors, ApiInMemory.made) == ([], [])
    around.kernel_runs()
    sides.talos.look()
    while not {3000, 9002} <= set(around.doors) and not deadline.expired:
        sides.spin.ask_now()
        sides.tailscale.ask_now()
        hold(0.01)
    assert {3000, 9002} <= set(around.doors)
    assert len(ApiInMemory.made) == 1


def test_a_node_of_which_nothing_is_expected_of_talos_is_asked_at_once(around: Around) -> None:
    sides = around.sides(Expect(spin=SpinExpect(extension=None, handler=None, serves=ServesExpect(path="/"))))
    deadline = Deadline.after(WITHIN)
    sides.spin.look()
    while 3000 not in around.doors and not deadline.expired:
        hold(0.01)
    assert set(around.doors) == {3000}


def test_the_tailscale_probe_has_talos_the_log_and_the_addresses(around: Around) -> None:
    around.kernel_runs()
    sides = around.sides(Expect(talos=TalosExpect(), tailscale=TailscaleExpect()))
    _ = sides.talos.look(), sides.tailscale.look()
    api = ApiInMemory.made[0]
    api.answers["logs"] = b""
    api.latest = replace(READY, services={}, addresses=("10.0.2.15/24",))
    found = until(sides.tailscale.look, "tailscale.service", Truth.FALSE)
    assert found.observed.startswith("absent")
    deadline = Deadline.after(WITHIN)
    sides.tailscale.ask_now()
    while not api.asked and not deadline.expired:
        hold(0.01)
    assert api.asked[0] == ("ext-tailscale", 2000)
    assert sides.talos.addresses == ("10.0.2.15/24",)
    assert "no peer" in sides.tailscale.broken


@pytest.mark.parametrize("name", ["tailscale", "spin"])
def test_who_asks_anew_what_talos_tells_has_talos_asked_anew(around: Around, name: str) -> None:
    around.kernel_runs()
    sides = around.sides(ALL)
    side = getattr(sides, name)
    _ = sides.talos.look(), side.look()
    [api] = ApiInMemory.made
    side.ask_now()
    assert api.rounds == 1


def test_a_tailnet_that_cannot_be_is_the_reason_of_both(around: Around) -> None:
    sides = Sides(
        Surroundings("n1", ALL, around.door, lambda: Missing("no network namespace can be made")),
        lambda: TalosProbe("n1", TalosExpect(), lambda fingerprint: Access("h", 1), around.transcript),
    )
    around.made.append(sides)
    assert sides.tailscale.broken == "no network namespace can be made"
    rows = observed(sides.tailscale.look)
    for name in ("service", "healthz", "control", "ping", "health"):
        assert rows[f"tailscale.{name}"] == "no network namespace can be made", name
    assert around.doors == []


def test_the_control_server_is_asked_when_the_node_could_have_joined(around: Around) -> None:
    around.in_the_tailnet = InTailnet(NobodyThere(), Missing("no peer"))
    sides = around.sides(Expect(talos=TalosExpect(), tailscale=TailscaleExpect(healthz=None)))
    until_asked(sides.tailscale)
    control = until(sides.tailscale.look, "tailscale.control", Truth.UNKNOWN)
    assert control.observed == "not asked yet: no kernel runs"
    around.kernel_runs()
    sides.talos.look()
    sides.tailscale.ask_now()
    assert "no 'n1'" in until(sides.tailscale.look, "tailscale.control", Truth.FALSE).observed


def test_where_healthz_is_not_expected_its_port_is_not_asked(around: Around) -> None:
    sides = around.sides(Expect(tailscale=TailscaleExpect(healthz=None)))
    assert "tailscale.healthz" not in observed(sides.tailscale.look)
    sides.tailscale.ask_now()
    assert around.doors == []
    assert "it is not expected" in sides.tailscale.cannot_ask(TailscaleExpect())
    assert "it is not expected" not in sides.tailscale.broken


def test_spins_extension_is_judged_by_talos(around: Around) -> None:
    around.kernel_runs()
    sides = around.sides(Expect(talos=TalosExpect(), spin=SpinExpect(handler=None)))
    sides.talos.look()
    ApiInMemory.made[0].latest = replace(READY, extensions={"spin": "0.24.0"})
    assert until(sides.spin.look, "spin.extension").observed == "0.24.0"
    wanted = SpinExpect(handler=None, extension="0.25.0")
    assert until(lambda: sides.spin.look_for(wanted), "spin.extension", Truth.FALSE).observed == "0.24.0"
    assert until(lambda: sides.spin.look_for(wanted, now_ns() + 10**12), "spin.extension", Truth.UNKNOWN)


def test_spin_asks_a_cluster_only_where_there_is_one(around: Around, tmp_path: Path) -> None:
    spin = SpinExpect(app="default/hello", handler=None, extension=None)
    alone = around.sides(Expect(spin=spin))
    assert alone.spin.broken == "no cluster is asked about the node"
    until_asked(alone.spin)
    assert observed(alone.spin.look)["spin.app"] == "no cluster is asked about the node"
    for other in (
        around.sides(Expect(spin=spin, kubernetes=KUBERNETES)),
        around.sides(Expect(spin=spin), file=tmp_path / "none"),
    ):
        assert other.spin.broken == ""


def test_one_cluster_serves_the_node_its_spin_and_its_cozystack(around: Around, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    with serving() as there:
        for kind in (kinds.LEASE, kinds.POD):
            there.knows(kind)
        there.put(kinds.NODE, made.node("tp-1"))
        there.put(kinds.RUNTIME_CLASS, made.runtime_class())
        file.write_bytes(kubeconfig(f"http://127.0.0.1:{there.port}"))
        spin = SpinExpect(extension=None, runtime_class="wasmtime-spin-v2")
        named = KubernetesExpect(node="tp-1", pods="none")
        sides = around.sides(Expect(spin=spin, kubernetes=named), file=file, no_talos=NO_TALOS)
        assert until(sides.kubernetes.look, "kubernetes.node").observed == "tp-1 is Ready"
        assert until(sides.spin.look, "spin.runtime-class")
        assert until(sides.spin.look, "spin.handler"), "the cluster's name of the node is what is asked for"
        sides.close()
    assert (around.doors, ApiInMemory.made) == ([], [])


def test_where_talos_is_not_asked_each_says_so_and_none_asks(around: Around) -> None:
    sides = around.sides(ALL.model_copy(update={"talos": None}), no_talos=NO_TALOS)
    said = observed(sides.tailscale.look)
    assert said["tailscale.service"] == said["tailscale.health"] == "Talos is not asked"
    assert observed(sides.spin.look)["spin.extension"] == "Talos is not asked"
    for probe in (sides.kubernetes, sides.cozystack):
        assert probe.broken == "no kubeconfig was given, and Talos, which would hand one out, is not asked"
        assert {condition.truth for condition in probe.look()} == {Truth.UNKNOWN}
        assert probe.asked
    by_a_file_of_it = around.sides(Expect(spin=SpinExpect(extension=None)), no_talos=NO_TALOS)
    assert by_a_file_of_it.spin.broken == "Talos is not asked"
    assert ApiInMemory.made == []
    assert [made for made in around.made if "talos" in vars(made)] == []
    assert 50000 not in around.doors


def test_an_answer_needs_no_word_of_talos_where_that_is_not_asked(around: Around) -> None:
    wanted = SpinExpect(extension=None, handler=None, serves=ServesExpect(path="/", status=401))
    with serving() as there:
        reached = ("127.0.0.1", there.port)
        surroundings = Surroundings(
            "n1", Expect(spin=wanted), lambda port, deadline: reached, around.in_tailnet, no_talos=NO_TALOS
        )
        sides = Sides(surroundings, lambda: pytest.fail("a probe of Talos was made"))
        around.made.append(sides)
        assert until(sides.spin.look, "spin.http")
        assert sides.spin.timings is not None
        sides.close()


def test_closing_ends_what_was_made_and_makes_nothing(around: Around) -> None:
    around.kernel_runs()
    sides = around.sides(ALL)
    sides.close()
    assert ApiInMemory.made == []
    for probe in sides.expected():
        probe.look()
    sides.close()
    assert ApiInMemory.made[0].asked[-1] == "close"
    for name in ("tailscale", "spin", "kubernetes", "cozystack"):
        rounds = [value for value in vars(getattr(sides, name)).values() if hasattr(value, "_thread")]
        assert all(not each._thread.is_alive() for each in rounds)
