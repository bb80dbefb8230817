"""dnsmasq is found, with its version, or its absence is explained."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import InfrastructureError
from hil.tools import dnsmasq
from hil.tools.dnsmasq import Dnsmasq, find, parse_version


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one place where it is looked for."""
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(dnsmasq, "_ALSO_IN", ())
    return tmp_path


def install(folder: Path, says: str) -> Path:
    program = folder / "dnsmasq"
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    return program


def test_it_is_found_with_its_version(folder: Path) -> None:
    program = install(folder, "Dnsmasq version 2.90  Copyright (c) 2000-2024 Simon Kelley")
    assert find() == Dnsmasq(program, (2, 90))


def test_it_is_missing(folder: Path) -> None:
    with pytest.raises(InfrastructureError, match="dnsmasq is not on this bench") as caught:
        find()
    assert "dnsmasq-base" in caught.value.hint


def test_it_is_got_when_that_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dnsmasq.host, "install", lambda names, **_: install(folder, f"Dnsmasq version 2.85 {names}"))
    assert find(ensure=True).version == (2, 85)


@pytest.mark.parametrize(
    ("says", "message"), [("Dnsmasq version 2.80", "2.85 or newer is needed"), ("hello", "did not say which dnsmasq")]
)
def test_it_is_no_good(folder: Path, says: str, message: str) -> None:
    install(folder, says)
    with pytest.raises(InfrastructureError, match=message):
        find()


@given(st.text())
def test_any_text_is_a_version_or_none(text: str) -> None:
    assert parse_version(text) == "" or "Dnsmasq version " in text
