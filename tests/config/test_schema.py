"""The JSON Schema of a rig: it is up to date, takes every rig that loads, and refuses nothing that hil takes."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from support.examples import unless_quick
from support.rig_schema import refusals

from hil.config.reader import read_rig
from hil.config.rig import shipped_rigs
from hil.config.schema import DIALECT, Json, Schema, rig_schema
from hil.errors import ConfigError
from hil.shipped import shipped

RENEW = "hil rig schema --shipped --out rigs/rig.schema.json"
FULL = """
hil: 1
name: full
segment:
  {kind: user, subnet: 10.9.0.0/24, bench: "10.9.0.5:80", egress: ["10.9.0.6:443", {at: "10.9.0.7:1", to: "a:1"}]}
matchbox:
  profiles: [{id: p, boot: {kernel: /assets/k, args: [a=b]}}]
  groups: [{id: g, profile: p, selector: {mac: x}}]
tailnet: {url: "https://control.example", auth_key: !env KEY}
images:
  tiny: {kind: probe, args: [quiet], expect: {talos: {version: v1.13.9, services: [a]}, spin: {serves: {path: /a}}}}
  node: {kind: simnode, extensions: [hello], control: true, machine_config: none}
nodes:
  one: {kind: qemu, image: tiny, cpus: 2, memory: 1GiB, ports: [80], mac: "52:54:00:00:00:01", boot_within: 2min}
  two: {kind: qemu, image: node, cpus: !env NUMBER, ready: {http: {port: 80}}}
"""
ENVIRONMENT = {"KEY": "k-123456", "NUMBER": "4", "TINY": "tiny", "KIND": "probe"}
QUICK = settings(
    max_examples=unless_quick(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@cache
def present() -> Schema:
    """The schema of hil's own kinds, made where a test first asks: all of them are imported for it."""
    return rig_schema(own=True)


def is_refused(folder: Path, text: str) -> bool:
    """Whether hil takes a rig file."""
    file = folder / "rig.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        read_rig("rig.yaml", file, ENVIRONMENT)
    except ConfigError:
        return True
    return False


def test_the_shipped_schema_is_the_present_one() -> None:
    file = shipped("rigs") / "rig.schema.json"
    assert json.loads(file.read_text(encoding="utf-8")) == present(), f"{file.name} is stale; renew it: {RENEW}"


def test_it_is_a_schema_and_always_the_same() -> None:
    Draft202012Validator.check_schema(present())
    assert json.dumps(rig_schema(own=True)) == json.dumps(present())
    assert present()["$schema"] == DIALECT
    hosts = set(re.findall(r"https?://([A-Za-z0-9.-]+)", json.dumps(present())))
    assert hosts <= {"json-schema.org", "192.168.1.10", "headscale.example"}


def test_every_key_has_its_description() -> None:
    definitions = cast(dict[str, Schema], present()["$defs"])
    for name, definition in {**definitions, "the file": present()}.items():
        for key, value in cast(dict[str, Schema], definition.get("properties", {})).items():
            assert value.get("description"), f"{name}.{key}"


@pytest.mark.parametrize("name", shipped_rigs())
def test_shipped_rigs_name_the_schema_and_fit_it(name: str) -> None:
    text = shipped_rigs()[name].read_text(encoding="utf-8")
    assert text.splitlines()[0] == "# yaml-language-server: $schema=./rig.schema.json"
    assert refusals(present(), text) == []


def test_the_readme_s_rigs_fit_it() -> None:
    texts = re.findall(r"```yaml\n(hil: 1\b.*?)```", (shipped("rigs") / "README.md").read_text("utf-8"), re.DOTALL)
    assert texts
    assert [refusals(present(), text) for text in texts] == [[] for _ in texts]


def test_a_rig_with_most_keys_loads_and_fits(tmp_path: Path) -> None:
    assert not is_refused(tmp_path, FULL)
    assert refusals(present(), FULL, ENVIRONMENT) == []


WRONG = {
    "unknown key at the top": ("name: full", "nmae: full", "'nmae'"),
    "unknown key of a node": ("cpus: 2", "cpu: 2", "'cpu'"),
    "unknown key of an image": ("args: [quiet]", "arg: [quiet]", "'arg'"),
    "unknown key of the segment": ("subnet:", "subnett:", "'subnett'"),
    "unknown key of an expectation": ("services: [a]", "service: [a]", "'service'"),
    "another kind's key": ("kind: probe, args: [quiet]", "kind: probe, control: true", "'control'"),
    "unknown kind": ("kind: probe", "kind: prob", "'prob'"),
    "no kind": ("kind: probe, ", "", "'kind'"),
    "missing key": ("hil: 1", "description: none", "'hil'"),
    "version": ("hil: 1", "hil: 2", "1 was expected"),
    "text for a number": ("cpus: 2", "cpus: two", "'two'"),
    "number for text": ("args: [quiet]", "args: [1]", "1 is not"),
    "out of range": ("cpus: 2", "cpus: 100", "cpus: 100 is greater"),
    "size without a unit": ("memory: 1GiB", "memory: 1", "1 is not"),
    "unit of another": ("memory: 1GiB", "memory: 1GB", "'1GB'"),
    "time without a unit": ("boot_within: 2min", "boot_within: 120", "120 is not"),
    "unknown unit of time": ("boot_within: 2min", "boot_within: 2m", "'2m'"),
    "MAC address": ('"52:54:00:00:00:01"', '"52:54:00:00:01"', "52:54:00:00:01"),
    "a secret that is a number": ("auth_key: !env KEY", "auth_key: 12", "auth_key"),
    "version of Talos": ("version: v1.13.9", "version: 1.13.9", "'1.13.9'"),
    "a word of a choice": ("machine_config: none", "machine_config: 3", "3 is not"),
    "a list for a value": ("image: tiny", "image: [tiny]", "['tiny']"),
    "a value for keys": ("ready: {http: {port: 80}}", "ready: 80", "80 is not"),
    "nothing to wait for": ("ready: {http: {port: 80}}", "ready: {}", "{}"),
    "an address": ('bench: "10.9.0.5:80"', "bench: 10.9.0.5", "'10.9.0.5'"),
    "a name of a node": ("  one:", "  One_:", "'One_'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_a_schema_can_say_it_says(case: str, tmp_path: Path) -> None:
    before, after, word = WRONG[case]
    assert before in FULL
    text = FULL.replace(before, after, 1)
    said = refusals(present(), text, ENVIRONMENT)
    assert said
    assert any(word in line for line in said), said
    assert is_refused(tmp_path, text)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("memory: 1GiB", "memory: 1.5 GiB"),
        ("memory: 1GiB", "memory: 1073741824B"),
        ("boot_within: 2min", "boot_within: 500ms"),
        ("boot_within: 2min", "boot_within: 0.5 h"),
        ('"52:54:00:00:00:01"', "52-54-00-00-00-AB"),
        ('"10.9.0.7:1", to: "a:1"', '"10.9.0.7:1", to: "[::1]:1"'),
        ("machine_config: none", "machine_config: generated"),
        ("tailnet: {url:", "tailnet: {peer: a/b, url:"),
        ("image: tiny", "image: !env TINY"),
        ("kind: probe", "kind: !env KIND"),
    ],
)
def test_every_way_to_write_a_value_is_taken(before: str, after: str, tmp_path: Path) -> None:
    assert before in FULL
    text = FULL.replace(before, after, 1)
    assert not is_refused(tmp_path, text)
    assert refusals(present(), text, ENVIRONMENT) == []


def places(value: Json, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every path in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, item in inner for path in places(item, (*at, key)))]


DOCUMENT = cast(
    Json, json.loads(json.dumps(YAML(typ="safe").load(FULL.replace("!env KEY", "KEY").replace("!env NUMBER", "4"))))
)
KEYS = [str(path[-1]) for path in places(DOCUMENT) if path and isinstance(path[-1], str)]
VALUES: list[Json] = [
    *(None, True, False, 0, 1, 2, -1, 1.0, 2.5, 10**30, "", "x", "1", "true", "1GiB", "1.5 MiB", "90s", "0s", "1e3s"),
    *(
        "10.9.0.5:80",
        "qemu",
        "user",
        "probe",
        "simnode",
        "files",
        "none",
        "v1.2.3",
        "tag:a",
        "/a",
        "a\n",
        "1GiB\n",
        "::",
    ),
    *([], [1], ["x"], [[]], {}, {"a": 1}, {"kind": "qemu"}, {"kind": "probe"}, {"console": "x"}, {"path": "/"}),
]


@QUICK
@given(st.data())
def test_what_the_schema_refuses_hil_refuses(tmp_path: Path, data: st.DataObject) -> None:
    document = copy.deepcopy(DOCUMENT)
    for _ in range(data.draw(st.integers(1, 3))):
        *before, last = data.draw(st.sampled_from([path for path in places(document) if path]))
        holder = document
        for step in before:
            holder = holder[step]  # type: ignore[index,call-overload]
        assert isinstance(holder, dict | list)
        match data.draw(st.sampled_from(["value", "delete", "key"])), holder:
            case "delete", _:
                del holder[last]  # type: ignore[arg-type]
            case "key", dict():
                holder[data.draw(st.sampled_from(KEYS))] = holder.pop(str(last))
            case _:
                holder[last] = copy.deepcopy(data.draw(st.sampled_from(VALUES)))  # type: ignore[index,call-overload]
        if not document:
            return
    text = json.dumps(document, indent=1).replace('"KEY"', "!env KEY")
    if refusals(present(), text, ENVIRONMENT):
        assert is_refused(tmp_path, text)


def test_other_packages_kinds_have_their_branches(schema: Schema) -> None:
    """The stub of conftest.py is known by its keys, the one that needs a missing package by its name alone."""
    rig = "hil: 1\nsegment: {kind: wire}\nimages: {a: {kind: blob}}\nnodes: {a: {kind: %s, image: a, %s}}\n"
    assert refusals(schema, rig % ("stub", "fast: true, speed: 2.5, password: !env KEY")) == []
    assert refusals(schema, rig % ("stub", "cpus: 2, fsat: true")) != []
    assert refusals(schema, rig % ("needy", "whatever: 1")) == []
    assert refusals(schema, rig % ("no-such", "cpus: 1")) != []
    assert refusals(present(), rig % ("stub", "cpus: 2")) != []


@pytest.mark.parametrize("value", ["!env NUMBER", "4"])
def test_the_environment_is_taken_where_a_value_is(value: str, tmp_path: Path) -> None:
    text = FULL.replace("cpus: 2", f"cpus: {value}")
    assert refusals(present(), text, ENVIRONMENT) == []
    assert not is_refused(tmp_path, text)
