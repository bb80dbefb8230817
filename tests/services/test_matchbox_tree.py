"""Groups and profiles of a data directory, read and chosen from as Matchbox does."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.errors import ConfigError
from hil.services.matchbox.json_place import find_key
from hil.services.matchbox.reader import read_tree
from hil.services.matchbox.tree import Group, Tree, normal_mac

MAC = "52:54:00:12:34:56"
LABELS = {"uuid": "1-2", "mac": MAC, "domain": "", "hostname": "", "serial": "R1", "arch": "arm64"}
PROFILE = """{
  "id": "talos",
  "boot": {
    "kernel": "/assets/vmlinuz",
    "initrd": ["--name main /assets/initrd"],
    "args": ["args", "console=tty0"]
  }
}
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("groups", "profiles"):
        (tmp_path / name).mkdir()
    group = {"id": "other", "profile": "talos", "selector": {"mac": "52-54-00-12-34-56", "serial": "R1"}}
    (tmp_path / "groups/node.json").write_text(json.dumps(group))
    (tmp_path / "groups/default.json").write_text('{"profile": "rescue"}')
    (tmp_path / "groups/README.md").write_text("not a group")
    (tmp_path / "profiles/talos.json").write_text(PROFILE)
    return tmp_path


def test_group_has_the_id_of_its_file_and_a_normal_mac(data: Path) -> None:
    tree = read_tree(data)
    assert sorted(tree.groups) == ["default", "node"]
    assert tree.groups["node"].selector == {"mac": MAC, "serial": "R1"}
    assert tree.profiles["talos"].args == ("args", "console=tty0")
    assert tree.profiles["talos"].initrd == ("--name main /assets/initrd",)
    assert tree.profiles["talos"].kernel == "/assets/vmlinuz"


def test_empty_directory_is_an_empty_tree(tmp_path: Path) -> None:
    assert read_tree(tmp_path) == Tree({}, {})


def test_most_selectors_win(data: Path) -> None:
    tree = read_tree(data)
    assert tree.select(LABELS) == tree.groups["node"]
    assert tree.select({**LABELS, "serial": "R2"}) == tree.groups["default"]


def test_ties_go_to_the_last_by_text() -> None:
    groups = {name: Group(name, "p", {"arch": "arm64", name: ""}, Path("x")) for name in ("a", "b")}
    chosen = Tree(groups, {}).select({"arch": "arm64"})
    assert chosen is not None
    assert chosen.id == "b"


def test_404_without_a_group_names_labels_and_groups(data: Path) -> None:
    (data / "groups/default.json").unlink()
    assert read_tree(data).explain_404({**LABELS, "mac": "52:54:00:00:00:01"}) == (
        "no group selects mac=52:54:00:00:00:01, uuid=1-2, serial=R1, arch=arm64\n"
        "group 'node' (profile 'talos') selects mac=52:54:00:12:34:56, serial=R1"
    )


def test_404_of_a_missing_profile_suggests_one(data: Path) -> None:
    (data / "groups/default.json").write_text('{"profile": "talso"}')
    assert read_tree(data).explain_404({}) == (
        "group 'default' (profile 'talso') selects every machine, and this machine is one, but there is no profile"
        " 'talso'; did you mean 'talos'?"
    )


def test_404_that_would_match_now(data: Path) -> None:
    assert "it was added after the machine had asked" in read_tree(data).explain_404(LABELS)


def test_404_of_an_empty_tree() -> None:
    assert Tree({}, {}).explain_404({}) == "no group selects a machine without labels\nthere are no groups"


def test_args_have_a_place(data: Path) -> None:
    where = read_tree(data).find_args("talos")
    assert where is not None
    assert (str(where), where.column, where.text) == ("talos.json:6", 5, '    "args": ["args", "console=tty0"]')


def test_place_of_args_that_are_not_there(data: Path) -> None:
    (data / "profiles/bare.json").write_text('{"id": "bare",\n "boot": {}}')
    (data / "profiles/barest.json").write_text('{"id": "barest"}')
    tree = read_tree(data)
    assert str(tree.find_args("bare")) == "bare.json:2"
    assert str(tree.find_args("barest")) == "barest.json:1"
    assert tree.find_args("none") is None


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("groups/b.json", '{"profile": "x",\n  }', "groups/b.json:2:3: is no JSON: Expecting property name"),
        ("groups/b.json", "[]", "groups/b.json: must hold one JSON object"),
        ("groups/b.json", "{}", "groups/b.json:1:1: the key 'profile' is missing"),
        ("groups/b.json", '{"profile": 3}', "groups/b.json:1:2: profile must be text"),
        ("groups/b.json", '{"profile":"p","selector":[]}', "groups/b.json:1:16: selector must be an object"),
        ("groups/b.json", '{"profile":"p","selector":{"a":1}}', "groups/b.json:1:28: the selector 'a' must be text"),
        ("groups/b.json", '{"profile":"p","selector":{"MAC":"1"}}', "groups/b.json:1:28: '1' is no MAC address"),
        ("profiles/b.json", '{"boot": {}}', "profiles/b.json:1:1: the key 'id' is missing"),
        ("profiles/b.json", '{"id":"b","boot":[]}', "profiles/b.json:1:11: boot must be an object"),
        ("profiles/b.json", '{"id":"b","boot":{"kernel":1}}', "profiles/b.json:1:19: kernel must be text"),
        ("profiles/b.json", '{"id":"b","boot":{"args":"x"}}', "profiles/b.json:1:19: args must be a list of texts"),
        (
            "profiles/b.json",
            '{"id":"b","boot":{"initrd":[1]}}',
            "profiles/b.json:1:19: initrd must be a list of texts",
        ),
        ("profiles/b.json", '{"a": NaN}', "profiles/b.json: is no JSON that Matchbox reads: NaN is no JSON"),
        ("profiles/b.json", "[" * 100_000, "profiles/b.json: is no JSON that Matchbox reads: maximum recursion"),
        ("profiles/b.json", " " * (4 << 20) + "1", "profiles/b.json: larger than 4 MiB"),
    ],
)
def test_files_that_matchbox_would_skip(data: Path, file: str, text: str, problem: str) -> None:
    (data / file).write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_tree(data)
    (found,) = caught.value.problems
    assert found.render().removeprefix(f"{data}/").startswith(problem)


def test_all_broken_files_are_named_at_once(data: Path) -> None:
    (data / "groups/b.json").write_bytes(b'{"profile":\n"\xff"}')
    (data / "profiles/c.json").mkdir()
    with pytest.raises(ConfigError) as caught:
        read_tree(data)
    assert [(Path(found.file).name, found.line, found.message) for found in caught.value.problems] == [
        ("b.json", 2, "is not UTF-8"),
        ("c.json", 0, "cannot be read: Is a directory"),
    ]


def test_groups_that_are_no_folder(tmp_path: Path) -> None:
    (tmp_path / "groups").write_text("")
    with pytest.raises(ConfigError, match="cannot be read: Not a directory"):
        read_tree(tmp_path)


def test_letter_case_of_keys_does_not_count(data: Path) -> None:
    (data / "profiles/talos.json").write_text(PROFILE.replace("args", "Args", 1).replace("boot", "BOOT"))
    tree = read_tree(data)
    assert tree.profiles["talos"].args == ("args", "console=tty0")
    assert str(tree.find_args("talos")) == "talos.json:6"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("52-54-00-AB-34-56", "52:54:00:ab:34:56"),
        ("5254.00ab.3456", "52:54:00:ab:34:56"),
        ("02:00:5e:10:00:00:00:01", "02:00:5e:10:00:00:00:01"),
        ("52:54-00:12:34:56", None),
        ("52:54:00:12:34", None),
        ("52:54:00:12:34:5g", None),
        ("", None),
    ],
)
def test_mac_as_go_reads_it(text: str, expected: str | None) -> None:
    assert normal_mac(text) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "profile", "selector", "mac", "boot", "args", "kernel"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=unless_quick(40))
@given(JSON.map(json.dumps) | st.text(max_size=60))
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("tree")
    for name in ("groups", "profiles"):
        (folder / name).mkdir()
        (folder / name / "x.json").write_text(text, "utf-8", "surrogatepass")
    with suppress(ConfigError):
        tree = read_tree(folder)
        tree.explain_404(LABELS)
        tree.find_args("x")


KEYS = st.text(min_size=1, max_size=4)


@settings(max_examples=unless_quick(50))
@given(st.dictionaries(KEYS, st.dictionaries(KEYS, JSON, max_size=3), max_size=3), st.sampled_from([None, 1]))
def test_keys_are_found_where_they_stand(value: dict[str, dict[str, object]], indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    for outer, inner in value.items():
        for key in inner:
            if len({name.casefold() for name in value}) < len(value) or len({k.casefold() for k in inner}) < len(
                inner
            ):
                continue
            place = find_key(text, outer, key)
            assert place is not None
            line, column = place
            assert text.split("\n")[line - 1][column - 1 :].startswith(json.dumps(key) + ":")
    assert find_key(text, "no such key") is None
