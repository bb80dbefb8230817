"""Two boots side by side: how far apart with which bounds, and what differs."""

from __future__ import annotations

from pathlib import Path

from support.boot_folders import data_of, made

from hil.report.page import write_page
from hil.report.page.comparing import compared
from hil.report.page.record import gathered


def mark(stage: str, at: float, error: float, source: str = "console") -> dict[str, object]:
    return {"stage": stage, "seconds": at, "error": error, "source": source, "evidence": ""}


def test_a_difference_has_the_bounds_of_both() -> None:
    one = {"marks": [mark("kernel", 2.0, 0.1), mark("fetched", 1.0, 0.1), mark("fetched", 1.5, 0.1)]}
    other = {"marks": [mark("kernel", 2.15, 0.1), mark("fetched", 1.5, 0.2), mark("ready", 9.0, 0.1, "probes")]}
    rows = compared(one, other)["stages"]
    assert isinstance(rows, list)
    assert [(row["stage"], row["nth"], row.get("apart"), row.get("bound"), row.get("certain")) for row in rows] == [
        ("fetched", 1, 0.5, 0.3, True),
        ("fetched", 2, None, None, None),
        ("kernel", 1, 0.15, 0.2, False),
        ("ready", 1, None, None, None),
    ]


def test_what_differs(tmp_path: Path) -> None:
    condition = {"name": "talos.api", "truth": "true", "observed": "admin"}
    shared = {"rig": "virt", "assets": [{"name": "kernel", "sha256": "aa"}], "readiness": {"conditions": [condition]}}
    other = {**shared, "assets": [{"name": "kernel", "sha256": "bb"}], "simulated": "simulated node"}
    pair = [
        gathered(made(tmp_path / name, **facts), tmp_path)  # type: ignore[arg-type]
        for name, facts in (("a", shared), ("b", other))
    ]
    found = compared(*pair)
    rows = {row["name"]: (row["one"], row["other"], row["differs"]) for row in found["facts"]}  # type: ignore[attr-defined]
    assert rows["kernel sha256"] == ("aa", "bb", True)
    assert rows["rig"] == ("virt", "virt", False)
    assert rows["simulated"] == ("", "simulated node", True)
    assert rows["talos.api"] == ("holds: admin", "holds: admin", False)
    assert rows["kernel arguments"] == ("a=1 b", "a=1 b", False)
    assert "The second boot was of a simulated machine (simulated node), the other was not" in str(found["note"])


def test_the_page_of_two(tmp_path: Path) -> None:
    write_page([made(tmp_path / "a"), made(tmp_path / "b", shift=1.0)], tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text("utf-8")
    assert "<title>node1, boot 1: Ready beside node1, boot 1: Ready</title>" in page
    both = data_of(page)["comparison"]
    assert {row["apart"] for row in both["stages"]} == {0.0, 1.0}  # type: ignore[index]
    assert both["note"] == ""  # type: ignore[index]
