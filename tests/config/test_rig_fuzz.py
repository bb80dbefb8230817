"""Whatever a rig file holds, loading it gives a rig or a ConfigError, and every key's place is right."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.config.model import HostPort
from hil.config.reader import read_rig
from hil.config.rig import load_rig
from hil.config.source import Findings, Source
from hil.config.tree import YamlMapping, YamlScalar, plain_value
from hil.config.yamlpos import compose, decode
from hil.errors import ConfigError
from hil.shipped import shipped

VIRT = (shipped("rigs") / "virt.yaml").read_text()
QUICK = settings(
    max_examples=unless_quick(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

MORSELS = [
    *("hil: 1", "nodes:", "images:", "segment:", "matchbox:", "kind: ", "qemu", "user", "probe", "files", "node1"),
    *("\n", "\n  ", "\n    ", "- ", ": ", "? ", "[", "]", "{", "}", ",", "&x ", "*x", "!env ", "!env HOME", "!!str "),
    *("!", "!<x> ", "| \n", "> \n", "\t", "'", '"', "\\", "#", "%YAML 1.2\n", "%TAG ! x\n", "---", "...", "<<: ", "1"),
    *(
        "1e9",
        "0x1",
        "-",
        "~",
        "null",
        "true",
        "\u2028",
        "\x85",
        "\ufeff",
        "\x00",
        "\x1b",
        '"\\U00110000"',
        '"\\ud800"',
    ),
    *(
        "9" * 5000,
        "1" + "0" * 399,
        "1e999",
        "../" * 9,
        "a" * 300,
        "52:54:00:12:34:56",
        "1GiB",
        "90s",
        "é",
        "\U0001f600",
    ),
]


def problem_of(folder: Path, data: bytes) -> ConfigError | None:
    """Load a rig file: nothing, or what is wrong with it; any other error fails the test."""
    file = folder / "rig.yaml"
    file.write_bytes(data)
    try:
        read_rig("rig.yaml", file, {"HOME": "/home/somebody", "NUMBER": "4"})
    except ConfigError as error:
        return error
    return None


def outcome(folder: Path, data: bytes) -> None:
    """A rig file gives a rig, or says what is wrong in words that can be shown."""
    error = problem_of(folder, data)
    if error is None:
        return
    assert error.problems
    assert [problem.line for problem in error.problems] == sorted(problem.line for problem in error.problems)
    shown = error.render()
    shown.encode()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)
    assert "/home/somebody" not in shown


@QUICK
@given(st.lists(st.sampled_from(MORSELS), max_size=25).map("".join))
def test_text_like_yaml(tmp_path: Path, text: str) -> None:
    outcome(tmp_path, text.encode())


@QUICK
@given(st.binary(max_size=200))
def test_any_bytes(tmp_path: Path, data: bytes) -> None:
    outcome(tmp_path, data)


@QUICK
@given(st.data())
def test_mutations_of_the_shipped_rig(tmp_path: Path, data: st.DataObject) -> None:
    text = VIRT
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 30)))
        text = text[:start] + data.draw(st.sampled_from(["", *MORSELS])) + text[end:]
    outcome(tmp_path, text.encode())


LEAVES = st.sampled_from(["1", "x", "true", "''", '"a b"', "1GiB", "!env NUMBER", "[]", "{}", "~"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcdef"), inner, max_size=3),
    max_leaves=12,
)
KEYS = ["kind", "image", "mac", "uuid", "serial", "boot_within", "memory", "cpus", "ports", "args", "data", "groups"]


def flow(value: object) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(map(flow, value)) + "]" if isinstance(value, list) else str(value)


@QUICK
@given(st.sampled_from(re.findall(r"^ *(\w+):", VIRT, re.MULTILINE)), st.sampled_from(KEYS), VALUES)
def test_values_of_any_shape_at_any_key(tmp_path: Path, place: str, key: str, value: object) -> None:
    outcome(tmp_path, re.sub(rf"(?m)^( *){place}:.*$", rf"\g<1>{place}: {flow(value)}", VIRT).encode())
    added = re.sub(rf"(?m)^( *){place}:(.*)$", rf"\g<0>\n\g<1>{key}: {flow(value)}", VIRT)
    outcome(tmp_path, added.encode())


NAMES = st.text(st.sampled_from("abcxyz01-"), min_size=1, max_size=8).map(lambda name: f"k{name}")
BRANCHES = st.recursive(
    st.just(None),
    lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3) | st.lists(inner, min_size=1, max_size=3),
    max_leaves=10,
)
KeyPath = tuple[str | int, ...]


def write_block(value: object, indent: int, lines: list[str], places: dict[KeyPath, int], path: KeyPath) -> None:
    """Write what is inside a value in YAML's block style, and note the line of each path."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    for key, child in items:
        mark = f"{key}:" if isinstance(key, str) else "-"
        lines.append(" " * indent + mark + (" leaf" if child is None else ""))
        # An item's place is that of its content, which is below its dash unless it is a leaf.
        places[(*path, key)] = len(lines) + (isinstance(key, int) and child is not None)
        write_block(child, indent + 2, lines, places, (*path, key))


SHIPPED = load_rig("virt", cwd=Path())


@QUICK
@given(st.dictionaries(NAMES, BRANCHES, min_size=1, max_size=3))
def test_where_of_every_path(tree: dict[str, object]) -> None:
    lines: list[str] = []
    places: dict[KeyPath, int] = {}
    write_block(tree, 0, lines, places, ())
    source = Source("x", "\n".join(lines) + "\n")
    findings = Findings(source)
    rig = replace(SHIPPED, source=source, tree=compose(source, findings, {}))
    assert not findings
    for path, line in places.items():
        where = rig.where(*path)
        assert where.line == line
        assert where.text == lines[line - 1]
        if isinstance(path[-1], str):
            assert where.text[where.column - 1 :].startswith(path[-1] + ":")


@QUICK
@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=30))
def test_quoted_text_comes_back(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    source = decode("x", f"a: {quoted}\n".encode())
    node = compose(source, Findings(source), {})
    value = node.entries["a"].node
    assert isinstance(value, YamlScalar)
    assert value.value == text


@QUICK
@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_plain_numbers_come_back(value: float) -> None:
    assert plain_value(repr(value)) == value
    assert type(plain_value(repr(value))) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("yes", "yes"),
        ("12:30:45", "12:30:45"),
        (".inf", ".inf"),
        ("2020-01-01", "2020-01-01"),
        ("1.", 1.0),
        ("+.5e1", 5.0),
        ("", None),
    ],
)
def test_plain_values_of_the_core_schema(text: str, value: object) -> None:
    assert plain_value(text) == value


def test_a_number_without_measure_is_text() -> None:
    assert isinstance(plain_value("9" * 400), int)
    assert plain_value("9" * 5000) == "9" * 5000  # int() refuses more than 4300 digits


@QUICK
@given(st.text(max_size=40))
def test_host_port_reads_what_it_writes(text: str) -> None:
    try:
        endpoint = HostPort.parse(text)
    except ValueError:
        return
    assert HostPort.parse(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("10.0.2.100:8080", "10.0.2.100", 8080), ("[::1]:80", "::1", 80), ("bench.local:65535", "bench.local", 65535)],
)
def test_host_port(text: str, host: str, port: int) -> None:
    assert HostPort.parse(text) == HostPort(host, port)
    assert str(HostPort(host, port)) == text


@pytest.mark.parametrize("text", ["", "host", ":80", "host:", "host:0", "host:65536", "::1:80", "a b:80", "host:８０"])
def test_no_host_port(text: str) -> None:
    with pytest.raises(ValueError, match="not host:port"):
        HostPort.parse(text)


def test_a_tree_s_size_counts_aliases() -> None:
    source = decode("x", b"a: &a [1, 2]\nb: [*a, *a]\n")
    node = compose(source, Findings(source), {})
    assert isinstance(node, YamlMapping)
    assert node.size == 1 + 3 + 7
