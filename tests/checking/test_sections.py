"""What is expected of a node, section by section, and a file of it: each thing that is wrong with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.checking.sections import read_expect, whole
from hil.config.expect import CozystackExpect, Expect, ServesExpect, SpinExpect, TailscaleExpect, TalosExpect
from hil.errors import ConfigError, UsageError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "expect.yaml"


def test_a_section_without_keys_has_its_defaults_and_one_that_is_not_there_is_not_expected() -> None:
    assert whole({}) == Expect()
    found = whole({"talos": {"services": ["hello"]}, "cozystack": {}})
    assert found == Expect(talos=TalosExpect(services=("hello",)), cozystack=CozystackExpect())


def test_what_json_has_of_a_section_is_that_section() -> None:
    said = Expect(
        tailscale=TailscaleExpect(tags=("tag:bench",), healthz=None),
        spin=SpinExpect(handler=None, serves=ServesExpect(path="/hello", body="hi")),
    )
    assert whole(json.loads(json.dumps(said.sections()))) == said


@pytest.mark.parametrize(
    ("sections", "words", "hint"),
    [
        ({"tailscal": {}}, "nothing called 'tailscal' can be expected of a node", "'tailscale'"),
        ({"spin": {"serve": None}}, "nothing called 'serve' can be expected of Spin", "'serves'"),
        ({"spin": {"serves": {"path": "hello"}}}, "what is expected of Spin cannot be: serves.path", "/hello"),
        (
            {"spin": {"handler": None, "runtime_class": "a"}},
            "cannot be: runtime_class: a RuntimeClass is judged by its handler",
            "handler",
        ),
    ],
)
def test_what_cannot_be_expected(sections: dict[str, dict[str, object]], words: str, hint: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        whole(sections)
    assert hint in caught.value.hint


def test_a_file_gives_the_keys_that_stand_in_it(file: Path) -> None:
    file.write_text(
        "talos: {version: v1.13.9, extensions: {spin: any}}\n"
        "tailscale:\n  key_valid_for: 24h\n  tags: ['tag:a']\n"
        "spin: {handler: null, serves: {path: /hello}}\n"
        "kubernetes: null\n"
        "cozystack: {}\n"
    )
    assert read_expect(file) == {
        "talos": {"version": "v1.13.9", "extensions": {"spin": "any"}},
        "tailscale": {"key_valid_for": "24h", "tags": ["tag:a"]},
        "spin": {"handler": None, "serves": {"path": "/hello"}},
        "cozystack": {},
    }
    assert whole(read_expect(file)).tailscale == TailscaleExpect(key_valid_for=86400.0, tags=("tag:a",))
    assert whole(read_expect(file)).spin == SpinExpect(handler=None, serves=ServesExpect(path="/hello"))


def test_a_file_reads_the_environment_as_a_rig_does(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("tailscale: {hostname: !env NODE}\n")
    monkeypatch.setenv("NODE", "node1")
    assert read_expect(file) == {"tailscale": {"hostname": "node1"}}
    monkeypatch.delenv("NODE")
    with pytest.raises(ConfigError, match="the environment variable NODE is not set") as caught:
        read_expect(file)
    assert len(caught.value.problems) == 1, "what follows from it would only confuse"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("tailscal: {}\n", [":1:1: unknown key 'tailscal'", "did you mean 'tailscale'?"]),
        ("expect: {spin: {}}\n", [":1:1: unknown key 'expect'", "keys here: cozystack, kubernetes, spin"]),
        ("talos:\n  verison: v1.13.9\n", [":2:3: unknown key 'verison'", "did you mean 'version'?"]),
        ("talos: {version: '1.13'}\nspin: {serves: 7}\n", [":1:18: '1.13' is no version of Talos", ":2:16: "]),
        ("spin: {handler: null, runtime_class: a}\n", [":1:38: a RuntimeClass is judged by its handler"]),
        ("", [":1: the file is empty", "write it like `talos: {version: v1.13.9}`"]),
        ("- a\n", [":1:1: expected keys and values at the top, not a list", "write it like `talos:"]),
        ("talos: [\n", [":2:1: "]),
        ("\ufefftalos: {}\n", [":1:1: the file starts with a byte-order mark"]),
        ("talos: {}\ntalos: {}\n", [":2:1: the key 'talos' is here twice"]),
    ],
)
def test_all_that_is_wrong_in_a_file_with_its_place(file: Path, data: str, words: list[str]) -> None:
    file.write_text(data)
    with pytest.raises(ConfigError) as caught:
        read_expect(file)
    for word in words:
        assert (f"{file}{word}" if word.startswith(":") else word) in str(caught.value)
    assert "hil: 1" not in str(caught.value)
    assert "`hil rig check`" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_bytes_that_are_no_text(file: Path) -> None:
    file.write_bytes(b"talos: \xff\n")
    with pytest.raises(ConfigError, match=":1:8: byte 0xff is not UTF-8"):
        read_expect(file)
    file.write_bytes(b"a" * (1 << 21))
    with pytest.raises(ConfigError, match="the file is longer than 1048576 bytes"):
        read_expect(file)


def test_a_file_that_cannot_be_read(file: Path, tmp_path: Path) -> None:
    for wrong in (file, tmp_path):
        with pytest.raises(UsageError, match=f"{wrong}: (No such file|Is a directory)") as caught:
            read_expect(wrong)
        assert "`expect:`" in caught.value.hint


names = st.sampled_from(["talos", "tailscale", "spin", "serves", "path", "tags", "kubernetes", "cozystack", "handler"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
texts = st.binary(max_size=40) | st.text(max_size=40).map(str.encode)
likely = st.dictionaries(names, values, max_size=3).map(lambda found: json.dumps(found).encode())


@settings(max_examples=unless_quick(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts | likely)
def test_whatever_a_file_holds_it_is_expectations_or_an_error_of_the_users(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    try:
        found = read_expect(file)
    except (ConfigError, UsageError):
        return
    assert isinstance(whole(found), Expect)
