"""Where Talos on a bench's nodes is reached, written and read back."""

from __future__ import annotations

import json
from pathlib import Path

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


values = st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner), max_leaves=3)
KEYS = ["node", "host", "port", "talosconfig", "context", "fingerprint", "simulated", "expect", "sections", "doors"]
keys = st.sampled_from(KEYS)
whole = st.fixed_dictionaries({key: values for key in [*KEYS, "kubeconfig", "kube_context", "networks"]})


@given(st.binary() | (whole | st.dictionaries(keys, values)).map(lambda found: json.dumps(found).encode()))
def test_no_bytes_raise(data: bytes) -> None:
    assert _parse(data) is None or isinstance(_parse(data), Reached)
