"""The lines that are written, as `hil rig check` reads them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hil.config.rig import load_rig
from hil.errors import ConfigError
from hil.finding.evidence import Heard, Hearing
from hil.finding.given import console_given, relays_given
from hil.finding.matching import Findings, Pair
from hil.finding.rig_text import Known, rig_text

RELAYS = relays_given(["lcus:/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0:1-2"])
LINES = {text: console_given(text) for text in ("/dev/serial/by-id/usb-A: #1", "usb:1-1.4:1.0@57600")}
FOUND = Hearing(Heard.REBOOTED, "U-Boot 2024.01 #'\"", 0.4, (), was_talking=True)
FINDINGS = Findings(
    tuple(
        Pair(relay, line, FOUND, mac)
        for (relay, line, mac) in zip(RELAYS, LINES, (None, "02:00:5e:10:00:02"), strict=True)
    ),
    ("relay3: it could not be tried:\nno answer",),
)


def test_a_file_of_its_own_wants_nothing_but_what_no_switching_tells(tmp_path: Path) -> None:
    file = tmp_path / "found.yaml"
    text = rig_text(FINDINGS, RELAYS, LINES, None)
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_rig(file, cwd=tmp_path)
    assert ["no board has the MAC address" in problem.message for problem in caught.value.problems] == [True]

    file.write_text(text.replace("# mac:", "mac: 02:00:5e:10:00:01"))
    rig = load_rig(file, cwd=tmp_path)
    assert rig.power == {name: type(config).model_validate(config.model_dump()) for name, config in RELAYS.items()}
    nodes = list(rig.nodes.values())
    assert [node.power_port() for node in nodes] == ["relay1", "relay2"]
    assert [getattr(node, "console", None) for node in nodes] == list(LINES.values())
    assert nodes[1].mac == "02:00:5e:10:00:02"


def test_what_was_found_and_what_was_not_stands_in_it() -> None:
    text = rig_text(FINDINGS, RELAYS, LINES, {})
    assert re.search("power: relay1 +# fell silent without it, and 0.4 s after it came back said .U-Boot", text)
    assert "# Not found: relay3: it could not be tried: no answer\n" in text
    assert "power:\n" not in text, "the file that it is for has its own"


def test_a_node_that_the_file_has_keeps_its_name_and_what_the_file_says_otherwise_is_said() -> None:
    first, second = LINES
    text = rig_text(FINDINGS, RELAYS, LINES, {second: Known("node1", "relay1")})
    assert re.findall(r"^  (\w+):", text, re.MULTILINE) == ["node2", "node1"]
    assert text.count("kind: board") == 1, "of the new one; the other has its own"
    assert text.count("# mac:") == 1
    assert re.findall(r"power: (\w+) .*; your file says (\w+)", text) == [("relay2", "relay1")]
    right = rig_text(FINDINGS, RELAYS, LINES, {first: Known("rack", "relay1"), second: Known("node1", None)})
    assert "your file says" not in right


def test_the_file_that_the_page_shows_is_one_once_its_address_is_filled_in(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "first-bench.md").read_text()
    (shown,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "rig.yaml"
    file.write_text(shown.replace("# mac:", "mac: 02:00:5e:10:00:01"))
    assert load_rig(file, cwd=tmp_path).nodes["node1"].power_port() == "relay1"
