"""The slow tier: what is tested of a simulated Talos node, its Tailscale and its Spin holds on a Compute Module 4 too.

The tests are those of the boot tier, and of a node in a cluster, with no word of theirs changed: `--machine=cm4` puts
a module of the bench twin, which boots from nothing, in the place of each QEMU guest. Whatever is said of guests alone
is skipped, and says so. Not among them are those without a machine of a bench: they run the node's programs on this
host, or give its image to QEMU by itself.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.private_nets import needs_taps
from support.session import session

TESTS = Path(__file__).parents[1]
MODULES = (
    "boot/test_simnode_boot",
    "boot/test_simnode_faults",
    "boot/test_talos_files",
    "boot/test_plugin_talos",
    "boot/test_config_diff",
    "boot/test_gateway_faults",
    "boot/test_spin_node",
    "boot/test_readme",
    "slow/test_kubernetes_node",
)


@needs_taps
@pytest.mark.parametrize("module", MODULES)
def test_of_a_node_pass_on_a_module(module: str, tmp_path: Path) -> None:
    status, printed, cases = session(tmp_path, str(TESTS / f"{module}.py"), "--machine=cm4")
    assert status == 0, printed
    skipped = [str(case.get("message")) for test in cases.values() if (case := test.find("skipped")) is not None]
    assert [reason for reason in skipped if not reason.startswith("of guests only: ")] == [], printed
    assert len(skipped) < len(cases)
