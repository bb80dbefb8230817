"""The page as a file: nothing in its data can leave the data, and its policy allows its own script and no other."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.boot_folders import data_of, made

from hil.errors import InfrastructureError, UsageError
from hil.report.page import write_page
from hil.report.page.visible import visible_document
from hil.report.page.writing import embedded, render

DOCUMENTS = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(DOCUMENTS)
def test_data_comes_back_and_has_no_markup(document: object) -> None:
    block = embedded(document)
    assert json.loads(block) == visible_document(document)
    assert not re.search(r"[<>&\u2028\u2029\x00-\x1f]", block)
    block.encode()


def test_hostile_data_stays_data() -> None:
    page = render("</title><script>alert(1)</script>", {"a": "</script><img src=x onerror=alert(1)>@@script@@"})
    assert page.count("<script>") == 1
    assert page.count("</script>") == 2
    assert "<img" not in page
    assert data_of(page) == {"a": "</script><img src=x onerror=alert(1)>@@script@@"}


def test_the_policy_allows_the_pages_own_script_and_style_and_nothing_else(tmp_path: Path) -> None:
    write_page([made(tmp_path / "boot")], tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    found = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert found is not None
    policy = dict(part.split(" ", 1) for part in html.unescape(found[1]).split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    for kind in ("script", "style"):
        inside = page.split(f"<{kind}>")[1].split(f"</{kind}>")[0]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert policy[f"{kind}-src"] == f"'sha256-{digest}'"


def test_the_page_names_nothing_outside(tmp_path: Path) -> None:
    write_page([made(tmp_path / "boot")], tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert not re.search(r"(https?:)?//[a-z0-9]+\.[a-z]|\bsrc=|@import|url\(|innerHTML|\beval\b", page)


def test_a_page_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = made(tmp_path / "boot")
    before = sorted(path.name for path in folder.iterdir())
    write_page([folder], folder / "boot.html")
    write_page([folder], folder / "boot.html")
    assert sorted(path.name for path in folder.iterdir()) == sorted([*before, "boot.html"])
    boot = data_of((folder / "boot.html").read_text("utf-8"))["boots"][0]  # type: ignore[index]
    assert ["console.log", "./console.log"] in boot["files"]


def test_what_cannot_be_written(tmp_path: Path) -> None:
    folder = made(tmp_path / "boot")
    with pytest.raises(InfrastructureError, match="cannot be written"):
        write_page([folder], tmp_path / "no" / "p.html")
    with pytest.raises(UsageError, match="is no folder of a boot"):
        write_page([tmp_path / "no"], tmp_path / "p.html")
    with pytest.raises(UsageError, match="one boot or two, not 3"):
        write_page([folder] * 3, tmp_path / "p.html")


def test_two_megabytes_of_console_are_less_than_three_of_page(tmp_path: Path) -> None:
    line = b"\x1b[32m[    1.234567] some <driver> said & did: 0x0123456789abcdef\x1b[0m\r\n"
    folder = made(tmp_path / "boot", said=tuple((at / 100, line * 200) for at in range(150)))
    assert (folder / "console.log").stat().st_size > 2_000_000
    write_page([folder], tmp_path / "p.html")
    assert (tmp_path / "p.html").stat().st_size < 3_000_000
