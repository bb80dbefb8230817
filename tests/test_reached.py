"""Where Talos on a bench's nodes is reached, written and read back."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.reached import Reached, _parse, read_reached, write_reached


def test_what_is_written_is_read(tmp_path: Path) -> None:
    one = Reached("a", "127.0.0.1", 4711, "/t/talosconfig", "virt", "f=", "simulated", {"stage": "running"})
    more = Reached(
        "b",
        "10.0.0.5",
        50000,
        sections={"tailscale": {"path": "relay"}},
        doors={"9002": ("127.0.0.1", 40002)},
        kubeconfig="/t/kubeconfig",
        kube_context="lab",
        networks={"pods": ("10.244.0.0/16",)},
    )
    for reached in (one, more):
        write_reached(tmp_path, reached)
    assert read_reached(tmp_path) == {"a": one, "b": more}


def test_a_broken_file_is_passed_over(tmp_path: Path) -> None:
    write_reached(tmp_path, Reached("a", "127.0.0.1", 1))
    (tmp_path / "b.talos.json").write_text('{"node": "b"}')
    (tmp_path / "c.talos.json").mkdir()
    assert list(read_reached(tmp_path)) == ["a"]
    assert read_reached(tmp_path / "gone") == {}


RIGHT = asdict(Reached("a", "127.0.0.1", 1, doors={"1": ("h", 2)}, sections={"spin": {}}, networks={"pods": ("p",)}))


@pytest.mark.parametrize("key", RIGHT)
def test_a_file_that_lacks_a_key_is_passed_over(key: str) -> None:
    assert _parse(json.dumps(RIGHT).encode()) is not None
    assert _parse(json.dumps({name: value for name, value in RIGHT.items() if name != key}).encode()) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"node": 7},
        {"kube_context": None},
        {"port": "1"},
        {"expect": []},
        {"sections": {"spin": 7}},
        {"sections": 7},
        {"doors": []},
        {"doors": {"1": "h:2"}},
        {"doors": {"1": ["h"]}},
        {"doors": {"1": ["h", "2"]}},
        {"doors": {"1": [1, 2]}},
        {"networks": 7},
        {"networks": {"pods": "10.0.0.0/8"}},
        {"networks": {"pods": [7]}},
    ],
)
def test_a_file_whose_value_is_of_another_kind_is_passed_over(wrong: dict[str, object]) -> None:
    assert _parse(json.dumps({**RIGHT, **wrong}).encode()) is None


values = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
changed = st.dictionaries(st.sampled_from(sorted(RIGHT)), values).map(lambda wrong: {**RIGHT, **wrong})


@given(st.binary() | (changed | values).map(lambda found: json.dumps(found).encode()) | st.just(b"[" * 100_000))
def test_no_bytes_raise(data: bytes) -> None:
    found = _parse(data)
    assert found is None or (isinstance(found, Reached) and isinstance(found.port, int))
