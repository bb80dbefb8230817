"""`hil doctor --rig` of a Raspberry Pi on the bench twin: its bootloader's own words, over relay and serial line."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.private_nets import needs_taps
from support.rigs import run_hil

pytestmark = [pytest.mark.boot, needs_taps, pytest.mark.usefixtures("runtime")]

RIG = """
hil: 1
images: {probe: {kind: probe}}
segment: {kind: bridge, nic: "twin:lan"}
power: {relay1: {kind: lcus, device: "twin:relay", channel: 1, off_at_least: 0.5s}}
nodes:
  node1:
    kind: board
    image: probe
    mac: "dc:a6:32:01:36:c2"
    power: relay1
    console: {device: "twin:uart1"}
    rpi: {model: cm4, serial: 10c2a4b7, firmware: "twin:firmware"}
"""


def test_a_board_that_is_set_has_an_address_of_the_benchs_own_server(tmp_path: Path) -> None:
    (tmp_path / "rig.yaml").write_text(RIG)
    done = run_hil("doctor", "--rig", "./rig.yaml", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.document["set"] == "ok"
    items = {item["name"]: item for item in done.document["items"]}  # type: ignore[attr-defined]
    assert {name: item["state"] for name, item in items.items()} == dict.fromkeys(items, "ok")
    assert items["BOOT_ORDER"]["value"] == "0xf21: SD then NETWORK then RESTART"
    assert items["serial"]["value"] == "10c2a4b7, as the rig says"
    assert items["DHCP"]["line"].startswith("NET 10.0.2.")


@pytest.mark.parametrize(
    ("board", "item", "value"),
    [
        ("{eeprom: {BOOT_ORDER: 0xf1}}", "BOOT_ORDER", "0xf1: SD then RESTART"),
        ("{emmc: bootable, release: '2021'}", "network tried", "it boots from SD, which comes first"),
    ],
)
def test_a_board_that_is_not_set_says_why(board: str, item: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "rig.yaml").write_text(f"{RIG}twin: {{boards: {{node1: {board}}}}}\n")
    done = run_hil("doctor", "--rig", "./rig.yaml", "--json", cwd=tmp_path)
    assert done.code == 1, done.err
    [found] = [one for one in done.document["items"] if one["state"] == "no"]  # type: ignore[attr-defined]
    assert (found["name"], found["value"]) == (item, value)
    assert done.document["boot_conf"] == ["[all]", "BOOT_UART=1", "BOOT_ORDER=0xf2"]
