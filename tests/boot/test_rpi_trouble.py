"""A Raspberry Pi of the bench twin that does not come to its firmware: what a user is told, and whose fault it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.boards import boards_of
from support.private_nets import needs_taps
from support.rigs import PROBE_RIG, write_rig

from hil.bench import Bench, open_bench
from hil.boot import Verdict
from hil.config.rig import load_rig
from hil.errors import InfrastructureError

pytestmark = [pytest.mark.boot, needs_taps, pytest.mark.usefixtures("runtime")]

MAC, SERIAL = "dc:a6:32:01:36:c2", "10c2a4b7"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One CM4, off."""
    folder = tmp_path_factory.mktemp("rpi")
    rig = dict(boards_of(PROBE_RIG))
    nodes: dict[str, dict[str, object]] = rig["nodes"]  # type: ignore[assignment]
    nodes["node1"] |= {"mac": MAC, "rpi": {"model": "cm4", "serial": SERIAL, "firmware": "twin:firmware"}}
    with open_bench(load_rig(write_rig(folder, rig), cwd=folder), artifacts=folder / "records") as opened:
        yield opened


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("no-link", "after eeprom at .*: its bootloader waits for a link on its network port, and there is none"),
        ("sd-preferred", r"after \w+ at .*: it boots from SD and not over the network"),
        ("wrong-option-43", 'after link at .*: the bench\'s DHCP answer came without .* "Raspberry Pi Boot"'),
        ("brown-out", r"after eeprom at .*: its bootloader started 3 times since power-on, .*W at most"),
        ("dead-flash", "not ready within 4 s: after power at .*; nothing came from its console, and it asked for"),
    ],
    ids=["no-link", "sd-preferred", "wrong-option-43", "brown-out", "dead-flash"],
)
def test_a_broken_bench_never_looks_like_a_bad_image(bench: Bench, fault: str, words: str) -> None:
    assert bench.twin is not None
    node = bench.nodes["node1"]
    bench.twin.fault("node1", fault)
    try:
        with pytest.raises(InfrastructureError, match=f"node1[,:] {words}") as caught:
            node.boot(within=4 if fault == "dead-flash" else 60)
    finally:
        bench.twin.mend("node1", fault)
        node.power.off()
    assert node.boots[-1].verdict is Verdict.BROKEN
    assert caught.value.hint
