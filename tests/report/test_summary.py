"""A summary of recorded boots: what it shows, and that nothing in a record can be more than text there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hil import cli
from hil.clock import WallAnchor
from hil.report.folder import write_boot
from hil.report.summary import Recorded, markdown, recorded
from hil.timeline.timeline import Mark, Timeline


def write(folder: Path, **facts: object) -> Path:
    folder.mkdir(parents=True)
    timeline = Timeline(0, WallAnchor(0, 0))
    timeline.add([Mark("power", 0, 0, "hil", "switched on")])
    write_boot(folder, facts, timeline)
    return folder


@pytest.fixture
def artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three boots: one ready, one failed, one whose record was cut."""
    monkeypatch.chdir(tmp_path)
    bench = tmp_path / "hil-artifacts" / "virt-1"
    write(bench / "n1-boot1", node="n1", image="probe", verdict="ready", seconds_to_ready=9.125, runs=["t.py::a"])
    error = {
        "kind": "NodeError",
        "message": "n1: Kernel panic | <b>no root</b>",
        "hint": "h",
        "evidence": ["</pre><script>"],
    }
    write(bench / "n1-boot2", node="n1", image="probe", verdict="failed", seconds_to_ready=None, error=error)
    (write(bench / "n2-boot1") / "boot.json").write_text('{"schema": "hil.bo')
    return Path("hil-artifacts")


def test_the_boots_as_markdown(artifacts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["report"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [
        "### hil: 3 boots, 2 not ready",
        "",
        "| boot | image | verdict | ready after | what went wrong |",
        "|---|---|---|---:|---|",
        "| virt-1/n1-boot1 | probe | ready | 9.12 s |  |",
    ]
    assert lines[5] == ("| virt-1/n1-boot2 | probe | failed |  | n1: Kernel panic &#124; &lt;b&gt;no root&lt;/b&gt; |")
    assert lines[6].startswith("| virt-1/n2-boot1 |  | unreadable |  | Unterminated string")
    details = [line for line in lines if line.startswith("<details")]
    assert [line.startswith("<details open>") for line in details] == [True, True, False]
    assert "virt-1/n1-boot1: ready" in details[2]
    text = "\n".join(lines)
    assert "&lt;/pre&gt;&lt;script&gt;" in text
    assert "<script>" not in text
    assert "switched on" in text


def test_the_boots_as_a_document(artifacts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["report", str(artifacts), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["schema", "boots"]
    assert document["schema"] == "hil.report/1"
    assert document["boots"][0] == {
        "folder": "hil-artifacts/virt-1/n1-boot1",
        "node": "n1",
        "image": "probe",
        "simulated": "",
        "verdict": "ready",
        "seconds_to_ready": 9.125,
        "error": "",
        "power": None,
        "lacking": [],
        "tests": ["t.py::a"],
    }


def test_what_is_simulated_and_what_did_not_hold_is_said(tmp_path: Path) -> None:
    conditions = [
        {"name": "talos.api", "truth": "true", "expected": "answers", "observed": "answers", "source": "api"},
        {"name": "talos.stage", "truth": "false", "observed": "<booting>"},
        {"name": "talos.unmet", "truth": "unknown", "observed": "no answer"},
    ]
    readiness = {"ready": False, "conditions": conditions}
    write(tmp_path / "n1", image="sim", verdict="failed", simulated="simulated Talos node", readiness=readiness)
    [boot] = recorded(tmp_path)
    assert boot.simulated == "simulated Talos node"
    assert boot.lacking == ("talos.stage is false: <booting>", "talos.unmet is unknown: no answer")
    text = markdown(tmp_path, [boot])
    assert "| n1 | sim (simulated Talos node) | failed |" in text
    assert "condition    holds    expected  observed   source\n" in text
    assert "talos.api    true     answers   answers    api\n" in text
    assert "talos.stage  false              &lt;booting&gt;\n" in text


def test_energies_have_a_column_and_simulated_ones_beside_measured_ones_a_word(tmp_path: Path) -> None:
    power = {"meter": "plug", "simulated": False, "joules": 61.25, "error_joules": 3.0, "every_seconds": 0.5}
    write(tmp_path / "n1", image="i", verdict="ready", power=power)
    write(tmp_path / "n2", image="i", verdict="ready")
    assert "do not compare" not in markdown(tmp_path, recorded(tmp_path))
    write(tmp_path / "n3", image="i", verdict="ready", power={**power, "simulated": True})
    text = markdown(tmp_path, recorded(tmp_path))
    assert "| boot | image | verdict | ready after | energy | what went wrong |\n|---|---|---|---:|---:|---|\n" in text
    assert "| n1 | i | ready |  | 61.2 J ± 3.0 J |  |" in text
    assert "| n2 | i | ready |  |  |  |" in text
    assert "| n3 | i | ready |  | 61.2 J ± 3.0 J (simulated) |  |" in text
    assert "Energies marked as simulated are of the bench twin: they do not compare with the others." in text
    assert "energy: 61.2 J ± 3.0 J from power-on" in text


@pytest.mark.parametrize("readiness", [None, [], {"conditions": {}}, {"conditions": ["x", {"name": 1}]}])
def test_a_strange_readiness_is_no_trouble(tmp_path: Path, readiness: object) -> None:
    write(tmp_path / "n1", image="sim", verdict="failed", readiness=readiness)
    assert recorded(tmp_path)[0].verdict == "failed"


def test_no_boots_are_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["report", str(tmp_path / "absent")]) == 0
    assert "no boot is recorded in" in capsys.readouterr().out


def test_one_boot_that_is_ready_and_has_no_timeline(tmp_path: Path) -> None:
    folder = write(tmp_path / "n1", verdict="ready")
    (folder / "timeline.txt").unlink()
    text = markdown(tmp_path, recorded(tmp_path))
    assert text.startswith("### hil: 1 boot, none not ready\n")
    assert "<pre>(no timeline)</pre>" in text


def test_a_thousand_boots_fit_on_a_page() -> None:
    evidence = ("x" * 100_000,)
    boots = [Recorded(Path(f"/a/b{n}"), "n", "i", "failed", None, "e" * 100, evidence, ()) for n in range(1000)]
    assert len(markdown(Path("/a"), boots).encode()) < 1 << 20


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["node", "image", "verdict", "seconds_to_ready", "error", "runs", "message", "evidence"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record=st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON, max_size=3), max_size=8) | JSON)
@example(record={"seconds_to_ready": 10**400})
def test_any_record_is_summarised(tmp_path: Path, record: object) -> None:
    (tmp_path / "boot.json").write_text(json.dumps(record))
    boots = recorded(tmp_path)
    assert len(boots) == 1
    heading, _, _, _, row, *_ = markdown(tmp_path, boots).split("\n")
    assert heading.startswith("### hil: 1 boot")
    assert row.count("|") == 6
    json.dumps(boots[0].to_json())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_any_bytes_are_no_traceback(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "boot.json").write_bytes(data)
    assert len(recorded(tmp_path)) == 1


def test_a_page_is_named_with_its_boot(artifacts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (artifacts / "virt-1" / "n1-boot2" / "boot.html").touch()
    assert cli.run(["report"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("Its page")] == ["Its page: virt-1/n1-boot2/boot.html"]
