"""The slow tier: the component that ships is what its source makes: the same interfaces, and the same answers."""

from __future__ import annotations

import shutil
import tomllib
from http.client import HTTPConnection
from pathlib import Path

import pytest
from support import wasm_rust
from support.wasm_component import interfaces
from support.wasm_serving import served

from hil.clock import Deadline
from hil.images.spin_layer import component_file
from hil.shipped import shipped

WITHIN = 1800.0
ASKED = ("/hello", "/.well-known/spin/health", "/work?n=0", "/work?n=1000000", "/work", "/work?n=x", "/", "/trap")
# What a generator with Marsaglia's shifts ends with, worked out apart from this source.
CHECKED = {
    "/hello": (200, "text/plain", b"hello from wasm\n"),
    "/.well-known/spin/health": (200, "text/plain", b"OK"),
    "/work?n=0": (200, "application/json", b'{"n":0,"result":2463534242}\n'),
    "/work?n=1000000": (200, "application/json", b'{"n":1000000,"result":2318261108}\n'),
    "/": (404, "text/plain", b"not found\n"),
}


def test_a_build_of_its_source_has_the_same_interfaces_and_gives_the_same_answers(tmp_path: Path) -> None:
    if why := wasm_rust.lacking():
        pytest.skip(f"the component cannot be built: {why}")
    deadline, crate = Deadline.after(WITHIN), tmp_path / "spin"
    shutil.copytree(shipped("fixtures") / "spin", crate)
    (crate / "hello.wasm").unlink()
    built = wasm_rust.obtain(tmp_path, deadline).build(crate, tmp_path / "target", deadline)

    assert interfaces(built.read_bytes()) == interfaces(component_file().read_bytes())
    answers = said(built)
    assert answers == said(component_file())
    assert {path: answers[path] for path in CHECKED} == CHECKED
    assert answers["/trap"][0] == 500
    assert {status for status, _, _ in said(built, trap="1").values()} == {500}

    pinned = tomllib.loads((crate / "Cargo.toml").read_text())["dependencies"]
    locked = tomllib.loads((crate / "Cargo.lock").read_text())["package"]
    assert {package["name"] for package in locked} == {"hello", *pinned}, "a crate is not pinned in Cargo.toml"


def said(component: Path, *, trap: str = "") -> dict[str, tuple[int, str | None, bytes]]:
    """Status, type and body of each answer."""
    with served(component, {"HIL_TRAP": trap} if trap else {}) as port:
        return {path: ask(port, path) for path in ASKED}


def ask(port: int, path: str) -> tuple[int, str | None, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.headers.get_content_type(), answer.read()
    finally:
        connection.close()
