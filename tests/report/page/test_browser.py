"""The page in a browser: it draws what there is, nothing in its data runs, and its parts look at the same moment."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.boot_folders import made

from hil.report.page import write_page, writing

pytestmark = pytest.mark.boot

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
HOSTILE = (
    b"</script><script>document.title='evil'</script>\r\n"
    b"<img src=x onerror=\"document.title='evil'\">\r\n"
    b"\x1b]0;evil\x07\x1b[31mred\x1b[0m \x00\xff \xe2\x80\xaetxet\xe2\x81\xa9\r\n"
    b"<!--<script>\r\n" + b"w" * 1_000_000 + b"\r\n"
)
WIDE_ROWS = 500
EVIL = "<i id=evil onclick=x></i><script>document.title='evil'</script>"
LONG = tuple((number / 100, f"line {number:03d}\r\n".encode()) for number in range(1, 401))
FRAMES_MS = 4000


@pytest.fixture
def chromium() -> str:
    """A browser's program."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.skip("no Chromium is on PATH")
    return found


def drawn(chromium: str, page: Path, moment: str = "") -> str:
    """The document after its script ran."""
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000")
    profile = f"--user-data-dir={page.parent / 'profile'}"
    url = page.absolute().as_uri() + moment
    command = [chromium, *options, profile, f"--virtual-time-budget={FRAMES_MS}", "--dump-dom", url]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    return done.stdout.decode()


def body(document: str) -> str:
    """What the script drew, without script and data."""
    return document.partition('<main id="page">')[2].partition("</main>")[0]


def test_a_hostile_boot_is_shown_and_does_nothing(chromium: str, tmp_path: Path) -> None:
    error = {"kind": "NodeError", "message": EVIL, "hint": EVIL, "evidence": [EVIL]}
    condition = dict.fromkeys(("name", "truth", "expected", "observed", "source"), EVIL)
    facts = {"rig": EVIL, EVIL: EVIL, "assets": [{"name": EVIL}], "runs": [EVIL], "node": EVIL, "simulated": EVIL}
    readiness = {"conditions": [condition], "stopped": EVIL}
    facts["power"] = {"meter": EVIL, "note": EVIL, "joules": 1, "error_joules": 0}
    folder = made(
        tmp_path / "boot", said=((0.5, HOSTILE),), verdict="failed", error=error, readiness=readiness, **facts
    )
    marks = [{"stage": EVIL, "seconds": 1, "error_seconds": 0.1, "source": EVIL, "evidence": EVIL}]
    (folder / "timeline.json").write_text(json.dumps({"marks": marks, "power_on_ns": 0}))
    (folder / "power.csv").write_text("0,0,,,5,,,\n1000000000,0,,,5,,,\n2000000000,0,,,,,no,\n3000000000,0,,,5,,,\n")
    row = {"seconds": 1, "message": EVIL, "file": EVIL, "target": EVIL, "options": {EVIL: EVIL}}
    (folder / "packets.json").write_text(json.dumps({kind: [row] for kind in ("dhcp", "tftp", "http")}))
    write_page([folder], folder / "boot.html")
    document = drawn(chromium, folder / "boot.html", "#t=1")
    shown = body(document)
    assert not re.search(r"<title>evil", document)
    assert not re.search(r"<(script|img|i id)", shown)
    assert shown.count('class="row') - shown.count('class="rows"') == 4 + WIDE_ROWS
    assert "&lt;img src=x onerror=" in shown
    assert '<span class="ansi-1">red</span>' in shown
    assert '<span class="control">^[</span>]0;evil<span class="control">^G</span>' in shown
    assert '<span class="control">⟨U+202E⟩</span>txet' in shown
    assert shown.count("&lt;i id=evil") > 20
    assert shown.count('class="area" style="clip-path: polygon(') == 2
    assert "power (simulated)" in shown


def test_what_is_put_into_the_file_does_not_run(chromium: str, tmp_path: Path) -> None:
    page = tmp_path / "p.html"
    write_page([made(tmp_path / "boot")], page)
    evil = "<script>document.title='evil'</script><img src=data:, onerror=\"document.title='evil'\">"
    page.write_text(page.read_text("utf-8").replace("</body>", f"{evil}</body>"), "utf-8")
    assert "<title>node1, boot 1: Ready</title>" in drawn(chromium, page)


def test_all_parts_look_at_the_same_moment(chromium: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = str(Path(__file__).with_name("probe.js"))
    monkeypatch.setattr(writing, "_SCRIPTS", (*writing._SCRIPTS, probe))
    write_page([made(tmp_path / "boot", said=LONG)], tmp_path / "p.html")
    document = drawn(chromium, tmp_path / "p.html")
    left = re.search(r'data-probe="([^"]*)"', document)
    assert left is not None
    found = json.loads(html.unescape(left[1]))
    middle = 4.005 * 1.02 / 2
    at = found["still"]
    # A click is on a whole pixel, and the timeline is about 400 of them wide.
    assert abs(float(at) - middle) < 0.02
    assert found["clicked"] == [at, f"line {int(float(at) * 100):03d}", f"#t={at}", True]
    assert found["bottom"][:2] == ["4.000", "line 400"]
    assert found["top"][:2] == ["0.010", "line 001"]
    assert found["bottom"][2] != found["top"][2]
    label, moment, evidence = found["key"]
    assert (label, moment) == ("firmware", "0.500")
    assert evidence == "0.500 s ± 5.0 ms, 0.500 s after the one beforefirmware: UEFI firmware"


def test_a_link_to_a_moment_and_two_boots(chromium: str, tmp_path: Path) -> None:
    boots = [made(tmp_path / "a"), made(tmp_path / "b", shift=1.0, simulated="a simulated node")]
    write_page(boots, tmp_path / "p.html")
    document = drawn(chromium, tmp_path / "p.html", "#t=2.3")
    assert 'data-moment="2.300"' in document
    shown = body(document)
    assert re.findall(r'class="row marked"><span class="time">([0-9.]*)<', shown) == ["2.000", "2.000"]
    assert len(re.findall("<article", shown)) == 2
    assert shown.count("was of a simulated machine") == 1
    assert re.search(r'class="number">\+1\.000 <span class="aside">± 10 ms', shown)


def test_a_source_has_one_colour_in_two_boots(chromium: str, tmp_path: Path) -> None:
    boots = [made(tmp_path / "a"), made(tmp_path / "b")]
    timeline = json.loads((boots[1] / "timeline.json").read_text())
    timeline["marks"] = [mark for mark in timeline["marks"] if mark["source"] != "matchbox"]
    (boots[1] / "timeline.json").write_text(json.dumps(timeline))
    write_page(boots, tmp_path / "p.html")
    colours = re.findall(r'class="lane (hue-\d)"><h3>([^<]*)<', drawn(chromium, tmp_path / "p.html"))
    assert len(colours) == 7
    assert len(set(colours)) == 4


def test_a_file_that_a_board_looks_for_in_vain_is_no_alarm(chromium: str, tmp_path: Path) -> None:
    folder = made(tmp_path / "boot")
    errors = ("1 file recovery.elf not found", "2 cannot read start4.elf", "12 no such code")
    rows = [{"seconds": 1, "file": "x", "outcome": "error", "error": error} for error in errors]
    (folder / "packets.json").write_text(json.dumps({"tftp": rows}))
    write_page([folder], tmp_path / "p.html")
    shown = re.findall(r'<span class="(bad|aside)">error: (\d+) ', drawn(chromium, tmp_path / "p.html"))
    assert shown == [("aside", "1"), ("bad", "2"), ("bad", "12")]
