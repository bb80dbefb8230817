"""What `hil init` decides of a tree, and what it says that it could not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.examples import unless_quick
from support.trees import GENERIC, MACHINE_CONFIG, PROFILES, SECRET, UUID, talos, write_users_tree

from hil.config.model import HostPort
from hil.drafting.addresses import around
from hil.drafting.draft import Draft, make_draft
from hil.drafting.files import texts
from hil.drafting.machine_config import what_it_says
from hil.drafting.roles import Becomes
from hil.drafting.template import readable
from hil.errors import ConfigError


def drafted(tmp_path: Path, **parts: Mapping[str, object]) -> Draft:
    return make_draft(write_users_tree(tmp_path / "tree", **parts), tmp_path)  # type: ignore[arg-type]


def said(draft: Draft, word: str) -> list[tuple[str, int, str]]:
    """The undecided that have a word in them: file, line, message."""
    return [(Path(p.file).name, p.line, p.message) for p in draft.undecided if word in p.message]


def one_group(selector: Mapping[str, str], **group: object) -> dict[str, Mapping[str, object]]:
    return {"only": {"profile": "rescue"}, "g": {"profile": "rescue", "selector": selector, **group}}


def test_one_node_for_each_group_by_its_own_selector(tmp_path: Path) -> None:
    draft = drafted(tmp_path)
    assert [(node.name, node.group.id, dict(node.selectors)) for node in draft.nodes] == [
        ("worker-1", "Worker_1", {"serial": "007"}),
        ("cp1", "cp1", {"mac": "52:54:00:aa:bb:01"}),
        ("default", "default", {}),
        ("worker2", "worker2", {"uuid": UUID}),
    ]
    assert {node.name: draft.becomes(node.name) for node in draft.nodes} == {
        "worker-1": Becomes.TALOS_UNASKED,
        "cp1": Becomes.TALOS_UNASKED,
        "default": Becomes.LOGIN,
        "worker2": Becomes.TALOS_UNASKED,
    }
    assert said(draft, "is called") == [("Worker_1.json", 0, "the node of group 'Worker_1' is called worker-1")]


def test_what_profile_and_configuration_say(tmp_path: Path) -> None:
    (tmp_path / "talosconfig").write_text("context: lab")
    draft = drafted(tmp_path)
    cp1, worker, default = (draft.roles[name] for name in ("cp1", "worker2", "default"))
    assert draft.talosconfig == "talosconfig"
    assert draft.becomes("cp1") is Becomes.TALOS
    assert (cp1.disks, worker.disks, default.disks) == (("nvme",), ("mmc",), ())
    assert cp1.version is not None
    assert cp1.version.value == "v1.13.9"
    assert cp1.hostname is not None
    assert (cp1.hostname.value, worker.hostname) == ("cp1", None)
    assert [service.value for service in worker.services] == ["tailscale"]
    assert worker.spin is not None
    assert (worker.spin.spot.line, cp1.spin) == (18, None)
    assert cp1.disk is not None
    assert draft.shown(cp1.disk.spot) == "generic/controlplane.yaml:11"
    assert [asset.path for asset in draft.missing] == [
        "talos/v1.13.9/vmlinuz",
        "talos/v1.13.9/initramfs.xz",
        "rescue/linux",
    ]


def test_talos_without_a_configuration_waits_in_maintenance(tmp_path: Path) -> None:
    profile = {"boot": {"kernel": "/assets/k", "args": ["console=ttyAMA0", "talos.platform=metal"]}}
    draft = drafted(tmp_path, groups={"a": {"profile": "p"}}, profiles={"p": profile}, generic={})
    assert draft.becomes("a") is Becomes.MAINTENANCE


@pytest.mark.parametrize(
    ("selector", "words"),
    [
        ({"rack": "4"}, "no machine of a rig tells Matchbox rack=4"),
        ({"hostname": "x", "mac": "52:54:00:00:00:01"}, "no machine of a rig tells Matchbox hostname=x"),
        ({"arch": "x86_64"}, "it is for x86_64 machines"),
        ({"mac": "01:00:5e:00:00:01"}, "is no address of an Ethernet port"),
        ({"mac": "00:00:00:00:00:00"}, "is no address of an Ethernet port"),
        ({"mac": "02:00:5e:10:00:00:00:01"}, "is no address of an Ethernet port"),
        ({"uuid": UUID.upper()}, f"is never what iPXE sends: it writes {UUID}"),
        ({"uuid": "00000000-0000-0000-0000-000000000000"}, "machines without a UUID"),
        ({"uuid": "rack4"}, "is no UUID"),
        ({"serial": "a b"}, "is no serial number"),
    ],
)
def test_a_group_without_a_node_is_said_with_its_place(
    tmp_path: Path, selector: Mapping[str, str], words: str
) -> None:
    draft = drafted(tmp_path, groups=one_group(selector), profiles=PROFILES, generic=GENERIC)
    assert [node.group.id for node in draft.nodes] == ["only"]
    [(file, line, message)] = said(draft, "group 'g'")
    assert file == "g.json"
    assert line >= 5
    assert words in message


def test_arch_arm64_is_what_every_machine_here_says(tmp_path: Path) -> None:
    groups = {"g": {"profile": "rescue", "selector": {"arch": "arm64", "serial": "R1"}}}
    assert [dict(node.selectors) for node in drafted(tmp_path, groups=groups).nodes] == [{"serial": "R1"}]


def test_a_machine_that_would_get_another_group_is_no_node(tmp_path: Path) -> None:
    same = {"profile": "rescue", "selector": {"serial": "R1"}}
    both = {"profile": "worker", "selector": {"serial": "R1", "arch": "arm64"}}
    draft = drafted(tmp_path, groups={"a": same, "b": both, "c": {"profile": "rescue"}})
    assert [node.name for node in draft.nodes] == ["b", "c"]
    assert said(draft, "group 'a'") == [
        ("a.json", 0, "group 'a' has no node: a machine with its selectors gets the group 'b'")
    ]


def test_names_that_would_be_the_same_are_told_apart(tmp_path: Path) -> None:
    groups = {name: {"profile": "rescue", "selector": {"serial": name}} for name in ("a.b", "a_b", "-", "x" * 40)}
    assert [node.name for node in drafted(tmp_path, groups=groups).nodes] == ["node", "a-b", "a-b-2", "x" * 32]


@pytest.mark.parametrize(
    ("urls", "bench", "undecided"),
    [
        (["http://10.1.2.3:8080/generic", "http://10.1.2.3:8080/assets/k"], "10.1.2.3:8080", []),
        (["http://10.1.2.3/ignition"], "10.1.2.3:80", []),
        (["/assets/k"], None, []),
        (["http://${next-server}:8080/generic"], None, []),
        (["http://[bad/generic", "http://10.1.2.3:99999/generic"], None, []),
        (
            ["http://10.9.9.9:8080/ipxe", "http://10.1.2.3:8080/generic", "http://10.1.2.3:8080/assets/k"],
            "10.1.2.3:8080",
            ["http://10.9.9.9:8080/ipxe is not at 10.1.2.3:8080"],
        ),
        (["http://10.1.2.9/ipxe", "http://10.1.2.3:80/ipxe"], "10.1.2.3:80", ["http://10.1.2.9/ipxe is not at"]),
        (["http://matchbox.lan:8080/generic"], None, ["names Matchbox in a way that the bench cannot answer to"]),
        (["https://10.1.2.3/generic"], None, ["names Matchbox in a way that the bench cannot answer to"]),
        (["http://10.1.2.3/ipxe", "http://depot/talos/k"], "10.1.2.3:80", ["http://depot/talos/k is another server"]),
    ],
)
def test_the_bench_is_where_most_urls_of_matchbox_are(
    tmp_path: Path, urls: list[str], bench: str | None, undecided: list[str]
) -> None:
    boot = {"kernel": "/assets/k", "args": ["console=ttyAMA0", *(f"a{n}={url}" for n, url in enumerate(urls))]}
    draft = drafted(tmp_path, groups={"a": {"profile": "p"}}, profiles={"p": {"boot": boot}}, generic={})
    assert draft.address.bench == (None if bench is None else HostPort.parse(bench))
    found = [problem for problem in draft.undecided if "http" in problem.message]
    assert len(found) == len(undecided)
    assert all(words in problem.message for words, problem in zip(undecided, found, strict=True))
    assert all(problem.line >= 6 for problem in found)


def test_a_kernel_from_afar_is_to_come_through_matchbox(tmp_path: Path) -> None:
    url = "https://factory.example/image/0123/v1.13.9/kernel-arm64"
    boot = {"kernel": url, "args": ["console=ttyAMA0"]}
    draft = drafted(tmp_path, groups={"a": {"profile": "p"}}, profiles={"p": {"boot": boot}}, generic={})
    [problem] = draft.undecided
    assert (problem.message, problem.line) == (f"{url} is another server than Matchbox", 4)
    assert "`assets: {files: ...}`" in problem.hint


def test_a_password_in_a_url_is_not_shown(tmp_path: Path) -> None:
    boot = {"kernel": f"http://me:{SECRET}@10.9.9.9/k?token={SECRET}#x", "args": ["console=ttyAMA0"]}
    draft = drafted(tmp_path, groups={"a": {"profile": "p"}}, profiles={"p": {"boot": boot}}, generic={})
    [problem] = draft.undecided
    assert problem.message == "http://10.9.9.9/k is another server than Matchbox"
    assert SECRET not in problem.render()


@pytest.mark.parametrize("ident", ["../../secret.yaml", "/etc/hostname", "a\0b"])
def test_a_template_is_a_file_of_the_tree(tmp_path: Path, ident: str) -> None:
    profiles = {"p": {**talos("p"), "generic_id": ident}}
    (tmp_path / "secret.yaml").write_text(MACHINE_CONFIG)
    with pytest.raises(ConfigError, match="names no file there"):
        drafted(tmp_path, groups={"a": {"profile": "p"}}, profiles=profiles, generic={})


def test_the_subnet_has_the_address_in_its_middle() -> None:
    assert str(around(HostPort("10.1.2.3", 80))) == "10.1.2.0/24"
    assert str(around(HostPort("10.1.2.0", 80))) == "10.1.0.0/22"
    assert str(around(HostPort("10.1.3.255", 80))) == "10.1.0.0/21"


@pytest.mark.parametrize(
    ("install", "disks", "words"),
    [
        ("disk: /dev/mmcblk0", ("mmc",), ""),
        ("disk: /dev/nvme1n1", ("nvme", "nvme"), ""),
        ("disk: /dev/vdc", ("virtio", "virtio", "virtio"), ""),
        ("disk: /dev/sda", (), "a QEMU node has no disk '/dev/sda'"),
        ("disk: /dev/mmcblk1", (), "a QEMU node has no disk '/dev/mmcblk1'"),
        ("diskSelector: {type: nvme}", (), "diskSelector says what the disk has to be"),
        ("disk: {{.disk}}", (), "has no value for"),
        ("wipe: true", (), ""),
    ],
)
def test_disks_are_those_that_are_installed_to(
    tmp_path: Path, install: str, disks: tuple[str, ...], words: str
) -> None:
    text = MACHINE_CONFIG.replace("disk: DISK", install)
    draft = drafted(tmp_path, groups={"a": {"profile": "p"}}, profiles={"p": talos("p")}, generic={"p.yaml": text})
    assert draft.roles["a"].disks == disks
    assert [place for *place, message in said(draft, "disk") if words in message] == (
        [["p.yaml", 11]] if words else []
    )


def test_versions_that_differ_are_not_chosen_from(tmp_path: Path) -> None:
    boot = {
        "kernel": "/assets/v1.13.8/k",
        "initrd": ["/assets/v1.13.9/i"],
        "args": ["console=x", "talos.platform=metal"],
    }
    draft = drafted(tmp_path, groups={"a": {"profile": "p"}}, profiles={"p": {"boot": boot}}, generic={})
    assert draft.roles["a"].version is None
    assert said(draft, "versions") == [
        ("p.json", 3, "the paths of profile 'p' have several versions: v1.13.8 and v1.13.9")
    ]


def test_a_configuration_that_is_asked_for_by_other_labels_than_the_groups(tmp_path: Path) -> None:
    draft = drafted(tmp_path)
    assert said(draft, "is asked for by") == [
        ("worker.json", 11, "the configuration of worker-1 is asked for by mac: the group 'default' has it"),
        ("worker.json", 11, "the configuration of worker2 is asked for by mac: the group 'default' has it"),
    ]
    [first, _] = [problem for problem in draft.undecided if "is asked for by" in problem.message]
    assert first.hint == "add what group 'Worker_1' selects by: serial=${serial}"


def test_a_profile_for_other_machines_and_one_without_console_or_kernel(tmp_path: Path) -> None:
    profiles = {"p": {"boot": {"kernel": "/assets/vmlinuz-amd64"}}, "q": {"boot": {}}}
    groups = {"a": {"profile": "p"}, "b": {"profile": "q", "selector": {"serial": "1"}}}
    draft = drafted(tmp_path, groups=groups, profiles=profiles, generic={})
    assert [message for *_, message in said(draft, "profile")] == [
        "profile 'p' has no console=ttyAMA0",
        "profile 'p' seems to be for amd64 machines",
        "profile 'q' has no kernel, so it boots nothing",
    ]


def test_no_secret_of_a_configuration_is_in_what_is_said_or_written(tmp_path: Path) -> None:
    broken = {"worker.yaml": f"{GENERIC['worker.yaml']}---\nkind: [{SECRET}\n"}
    draft = drafted(tmp_path, generic={**GENERIC, **broken})
    assert said(draft, "left out")
    assert SECRET not in "".join([*(problem.render() for problem in draft.undecided), *texts(draft).values()])


def test_every_wrong_file_of_a_tree_is_said(tmp_path: Path) -> None:
    tree = write_users_tree(tmp_path / "tree")
    (tree / "groups/cp1.json").write_text('{"id": "cp1",\n "profile": 7}')
    (tree / "profiles/worker.json").write_text("{\n oops")
    with pytest.raises(ConfigError) as caught:
        make_draft(tree, tmp_path)
    assert [(Path(p.file).name, p.line, p.column) for p in caught.value.problems] == [
        ("cp1.json", 2, 2),
        ("worker.json", 2, 2),
    ]


def test_names_of_nothing_are_wrong(tmp_path: Path) -> None:
    profiles = {name: profile for name, profile in PROFILES.items() if name != "rescue"}
    with pytest.raises(ConfigError) as caught:
        drafted(tmp_path, profiles=profiles, generic={})
    assert [(Path(p.file).name, p.message) for p in caught.value.problems] == [
        ("default.json", "there is no profile 'rescue'"),
        ("controlplane.json", "the template generic/controlplane.yaml cannot be read: No such file or directory"),
        ("worker.json", "the template generic/worker.yaml cannot be read: No such file or directory"),
    ]
    assert all(p.line > 1 and p.column > 1 for p in caught.value.problems)


@pytest.mark.parametrize("groups", [{}, {"g": {"profile": "rescue", "selector": {"rack": "1"}}}])
def test_a_tree_without_a_node_is_wrong(tmp_path: Path, groups: Mapping[str, Mapping[str, object]]) -> None:
    with pytest.raises(ConfigError, match=r"no groups|no machine of a rig"):
        drafted(tmp_path, groups=groups)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KEYS = (
    "id",
    "profile",
    "selector",
    "metadata",
    "boot",
    "kernel",
    "initrd",
    "args",
    "generic_id",
    "mac",
    "serial",
    "uuid",
)
SHAPED = st.dictionaries(
    st.sampled_from(KEYS), JSON | st.dictionaries(st.sampled_from(KEYS), JSON, max_size=3), max_size=5
)


@settings(max_examples=unless_quick(60), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(group=SHAPED, profile=SHAPED, raw=st.none() | st.binary(max_size=40))
def test_no_json_makes_a_traceback(tmp_path: Path, group: object, profile: object, raw: bytes | None) -> None:
    for section, value in (("groups", group), ("profiles", profile)):
        (tmp_path / section).mkdir(exist_ok=True)
        (tmp_path / section / "x.json").write_text(json.dumps(value))
    if raw is not None:
        (tmp_path / "groups/x.json").write_bytes(raw)
    with suppress(ConfigError):
        texts(make_draft(tmp_path, tmp_path))


@given(text=st.text("{}.-a \n\"#:'", max_size=60), value=JSON)
def test_a_readable_template_keeps_its_lines(text: str, value: object) -> None:
    made = readable(text)
    assert made.text.count("\n") == text.count("\n")
    said = what_it_says("t", made.text)
    assert said is None or said.of(made, {"a": value})
    assert made.filled("hil-field-99-", {}) is None


def test_a_template_has_the_values_of_its_group() -> None:
    values = {"a": "one", "b": {"c": 2}, "list": [1], "yes": True}
    made = readable(
        "{{ if .a }}\nx: 1 # {{.a}}-{{ .b.c }}\n  {{- end }}\n{{/* two\nlines */}}\ny: {{ .a | quote }}\n{{.b}}\n"
    )
    lines = made.text.split("\n")
    assert [number for number, line in enumerate(lines) if line] == [1, 5, 6]
    assert made.filled(lines[1], values) == "x: 1 # one-2"
    for part in (
        lines[5],
        lines[6],
        readable("{{.list}}").text,
        readable("{{.none.a}}").text,
        readable("{{.yes}}").text,
    ):
        assert readable("{{.list}}{{.none}}{{.yes}}").filled(part, values) is None
    assert made.filled("no field", values) == "no field"
