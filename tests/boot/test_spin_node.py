"""WebAssembly on the simulated node, in QEMU: the real wasmtime serves the component, and what goes wrong shows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from support.rigs import write_rig

from hil.bench import open_bench
from hil.clock import Deadline
from hil.config.expect import ServesExpect, SpinExpect
from hil.config.rig import load_rig
from hil.images.simnode import CONTROL_PORT
from hil.node import Node
from hil.readiness.condition import Truth
from hil.readiness.readiness import Readiness
from hil.readiness.spin.probe import FIRST_ANSWER

pytestmark = pytest.mark.boot

LONG = 600.0
SERVES = {"path": "/hello", "body": "hello from wasm"}
EXPECT = {"talos": {"extensions": {"spin": "any"}, "services": ["spin"]}, "spin": {"serves": SERVES}}


@pytest.fixture(scope="module")
def machine() -> Iterator[Node]:
    """A node that serves the component, and can be told to go wrong; it is on."""
    rig = {
        "hil": 1,
        "images": {"wasm": {"kind": "simnode", "extensions": ["spin"], "control": True}},
        "nodes": {
            "node1": {
                "kind": "qemu",
                "image": "wasm",
                "memory": "768MiB",
                "boot_within": f"{LONG:.0f}s",
                "expect": EXPECT,
            }
        },
    }
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="hb-", dir="/tmp") as folder:
        patch.setenv("XDG_RUNTIME_DIR", folder)
        place = Path(folder)
        with open_bench(load_rig(write_rig(place, rig), cwd=place), artifacts=place / "records") as bench:
            node = bench.nodes["node1"]
            node.power.on()
            yield node


def order(node: Node, method: str, fault: str) -> None:
    """Tell the node to go wrong (PUT), or to be right again (DELETE)."""
    host, port = node.address(CONTROL_PORT)
    with closing(HTTPConnection(host, port, timeout=LONG)) as connection:
        connection.request(method, f"/faults/{fault}")
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()


def until(node: Node, holds: Callable[[Readiness], bool], expect: SpinExpect | None = None) -> Readiness:
    """Look at Spin until what is found is so."""
    deadline, spin = Deadline.after(LONG), node.asking.sides.spin
    while True:
        found = Readiness(node.name, spin.look_for(expect or spin.expect))
        if holds(found):
            return found
        assert not deadline.expired, found
        node.attend(deadline.sooner(0.2))


def test_it_becomes_ready_and_tells_how_long_its_answers_took(machine: Node) -> None:
    boot = machine.wait_ready(within=LONG)
    assert boot.readiness is not None
    assert boot.readiness["spin.extension"].observed == "0.1.0"
    assert (boot.readiness["spin.handler"].observed, boot.readiness["spin.handler"].source) == ("spin", "api")
    assert boot.readiness["spin.http"].observed.startswith("200; ")
    first = boot.timeline.first(FIRST_ANSWER)
    assert first is not None
    assert "after its service came to run" in first.evidence
    timings = machine.asking.sides.spin.timings
    assert timings is not None
    assert timings.cold_start is not None


def test_other_paths_than_the_expected_one_are_asked(machine: Node) -> None:
    work = SpinExpect(extension=None, handler=None, serves=ServesExpect(path="/work?n=1000000", body="2318261108"))
    assert until(machine, bool, work)["spin.http"].expected == "200 at :3000/work?n=1000000 with '2318261108'"
    trap = SpinExpect(extension=None, handler=None, serves=ServesExpect(path="/trap", status=500))
    assert until(machine, bool, trap)
    assert until(machine, bool), "a request that traps ends no other"


@pytest.mark.parametrize(
    ("fault", "name", "words"),
    [
        ("component-traps", "spin.http", "500: <!doctype html> <html> <head> <title>500 Internal Server Error"),
        ("wasm-runtime-missing", "spin.http", "nothing answers: "),
        ("wrong-runtime-handler", "spin.handler", "spin-v2"),
    ],
)
def test_a_fault_shows_in_its_own_row_and_passes(machine: Node, fault: str, name: str, words: str) -> None:
    until(machine, bool)
    order(machine, "PUT", fault)
    found = until(machine, lambda found: found[name].observed.startswith(words))
    assert {one.name: one.truth for one in found.lacking} == {name: Truth.FALSE}
    order(machine, "DELETE", fault)
    until(machine, bool)
