"""The shipped Turing Pi 2 on the twin: two of its modules, of which each has its own power, packets and firmware."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.private_nets import needs_taps
from support.rigs import run_hil

pytestmark = [pytest.mark.boot, needs_taps, pytest.mark.usefixtures("runtime")]


def test_two_modules_boot_over_the_network_behind_one_management_board(tmp_path: Path) -> None:
    done = run_hil("boot", "turingpi2-twin", "--node", "node1", "--node", "node2", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    boots = done.document["boots"]
    assert [(boot["node"], boot["verdict"], boot["segment"]) for boot in boots] == [  # type: ignore[index, union-attr]
        ("node1", "ready", "interface"),
        ("node2", "ready", "interface"),
    ]
    clients: list[set[str]] = []
    for boot, serial in zip(boots, ("10c2a4b7", "10c2a4b8"), strict=True):  # type: ignore[call-overload]
        assert boot["power_port"].startswith(f"slot {boot['node'][-1]} of Turing Pi 2 ")
        packets = json.loads((tmp_path / boot["folder"] / "packets.json").read_text())
        assert packets["capture"]["complete"], packets["capture"]["note"]
        # Both are on one wire, and node1 is on while node2 boots: what is kept of each is its own.
        asked = {transfer["file"].partition("/")[0] for transfer in packets["tftp"] if "/" in transfer["file"]}
        assert asked == {serial}
        clients.append({transfer["client"] for transfer in packets["tftp"]})
        [armstub] = [
            transfer
            for transfer in packets["tftp"]
            if transfer["file"] == f"{serial}/RPI_EFI.fd" and transfer["outcome"] == "done"
        ]
        assert armstub["end_seconds"] < boot["seconds_to_ready"]
    assert [len(addresses) for addresses in clients] == [1, 1]
    assert not clients[0] & clients[1]
