"""A program in Go's place: says the version it is told, notes how it was called, "builds" at once, or fails."""

from __future__ import annotations

from pathlib import Path

import pytest

_GO = """#!/bin/sh
if [ "$1" = version ]; then echo "go version go$FAKE_VERSION linux/amd64"; exit 0; fi
echo "$PWD $GOFLAGS $GOTOOLCHAIN $CGO_ENABLED ${GOARCH:-host} $*" >>"$FAKE_LOG"
if [ -n "$FAKE_FAIL" ]; then echo "no route to the proxy"; exit 1; fi
while [ "$1" != -o ]; do shift; done
echo built >"$2"
"""


def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put it in PATH, as version 1.26.8.

    Returns:
        The file that gets one line for each build.
    """
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "go").write_text(_GO)
    (programs / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("FAKE_VERSION", "1.26.8")
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("FAKE_GO", str(programs / "go"))
    monkeypatch.delenv("HIL_GO", raising=False)
    return tmp_path / "log"
