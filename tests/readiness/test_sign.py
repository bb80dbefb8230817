"""A panel as the sign of a boot's end, and a node that boots by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.hardware import boot_in

from hil.clock import now_ns
from hil.errors import InfrastructureError, NodeError
from hil.readiness.condition import Condition, Truth
from hil.readiness.panel import Panel
from hil.readiness.sign import PanelSign
from hil.timeline.timeline import Mark


class Stub:
    """A probe of one condition."""

    def __init__(self) -> None:
        self.truth = Truth.UNKNOWN
        self.hopeless = ""
        self.broken = ""
        self.simulated = ""
        self.at_ns: int | None = None
        self.begun = 0

    def look(self) -> tuple[Condition, ...]:
        return (Condition("talos.stage", self.truth, "running", "booting", "api", self.at_ns),)

    def news(self) -> list[Mark]:
        return []

    def begin_again(self) -> None:
        self.begun += 1

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def stub() -> Stub:
    return Stub()


@pytest.fixture
def sign(stub: Stub) -> PanelSign:
    return PanelSign(Panel("n1", [stub], simulated="simulated Talos node"), "n1")


def test_ready_when_all_holds_at_the_moment_of_the_last(tmp_path: Path, stub: Stub, sign: PanelSign) -> None:
    boot = boot_in(tmp_path)
    for truth in (Truth.UNKNOWN, Truth.FALSE):
        stub.truth = truth
        assert sign.check(boot) is None
    stub.truth, stub.at_ns = Truth.TRUE, now_ns()
    mark = sign.check(boot)
    assert mark is not None
    assert (mark.stage, mark.at_ns, mark.source, mark.evidence) == (
        "ready",
        stub.at_ns,
        "probes",
        "all 1 conditions hold",
    )
    assert mark.error_ns >= 0
    record = boot.to_json()["readiness"]
    assert isinstance(record, dict)
    assert (record["ready"], record["simulated"]) == (True, "simulated Talos node")


def test_what_cannot_heal_ends_the_boot_with_the_table(tmp_path: Path, stub: Stub, sign: PanelSign) -> None:
    stub.hopeless = "its configuration was refused"
    with pytest.raises(
        NodeError, match="n1: it cannot become ready any more: its configuration was refused"
    ) as caught:
        sign.check(boot_in(tmp_path))
    assert any("talos.stage" in line for line in caught.value.evidence)


def test_what_the_bench_cannot_ask_is_no_fault_of_the_node(tmp_path: Path, stub: Stub, sign: PanelSign) -> None:
    stub.broken = "this host allows no network namespace"
    with pytest.raises(
        InfrastructureError, match="the bench cannot say whether it is ready: this host allows no network namespace"
    ) as caught:
        sign.check(boot_in(tmp_path))
    assert any("talos.stage" in line for line in caught.value.evidence)


@pytest.mark.parametrize("other", [Truth.FALSE, Truth.UNKNOWN])
def test_a_bench_that_cannot_ask_one_thing_goes_on_asking_the_others(tmp_path: Path, stub: Stub, other: Truth) -> None:
    stub.broken = "no peer"
    node = Stub()
    node.truth = other
    assert PanelSign(Panel("n1", [stub, node]), "n1").check(boot_in(tmp_path)) is None


def test_what_the_bench_cannot_ask_does_not_hide_what_it_found_wrong(
    tmp_path: Path, stub: Stub, sign: PanelSign
) -> None:
    stub.broken, stub.truth = "no peer", Truth.FALSE
    assert sign.check(boot_in(tmp_path)) is None


def test_what_is_awaited_and_what_was_found(stub: Stub, sign: PanelSign) -> None:
    assert sign.awaited == "talos.stage: booting"
    assert sign.evidence[0].startswith("n1 (simulated Talos node): not ready")
    stub.truth = Truth.TRUE
    assert [mark.stage for mark in sign.news()] == ["talos.stage"]
    sign.begin_again()
    assert stub.begun == 1
