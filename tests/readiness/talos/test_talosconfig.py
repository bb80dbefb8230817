"""The talosconfig: read like talosctl reads it, refused with its place, and never shown."""

from __future__ import annotations

import base64
import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.talos_pki import Cluster

from hil.errors import ConfigError
from hil.readiness.talos.certificate import Certificate
from hil.readiness.talos.talosconfig import default_file, load, parse

CLUSTER = Cluster()
CLIENT = CLUSTER.client("os:admin", "os:etcd:backup")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return CLUSTER.talosconfig(tmp_path / "talosconfig", CLIENT)


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse("talosconfig", text.encode())
    return caught.value.render()


def test_a_context(file: Path) -> None:
    config = load(file)
    context = config.context()
    assert (context.name, context.file, context.endpoints) == ("test", str(file), ("127.0.0.1",))
    assert context.ca == CLUSTER.ca.crt
    assert context.crt == CLIENT.crt
    assert context.key == CLIENT.pem_key  # OpenSSL does not know Talos's label
    assert config.context("test") == context


def test_roles_and_dates_are_the_certificate_s(file: Path) -> None:
    certificate = Certificate.from_pem(load(file).context().crt)
    assert certificate.roles == ("os:admin", "os:etcd:backup")
    assert certificate.not_before == CLUSTER.since.replace(microsecond=0)


def test_a_key_is_never_shown(file: Path) -> None:
    secret = base64.b64encode(CLIENT.talos_key).decode()
    assert "PRIVATE" not in repr(load(file))
    text = file.read_text()
    broken = [
        text.replace(secret, secret[:-9] + "!!"),
        text.replace("key:", "key: [").replace(secret, f"{secret}]"),
        text.replace("        key: ", "      key: "),
        text.replace(secret, secret + "\n  : : {"),
        text.replace(secret, base64.b64encode(CLIENT.crt).decode()),
    ]
    for one in broken:
        assert secret[:40] not in refused(one)
        assert "-----" not in refused(one)


def test_another_context_is_asked_for_by_name(file: Path) -> None:
    file.write_text(file.read_text().replace("context: test\n", ""))
    config = load(file)
    with pytest.raises(ConfigError, match="the file chooses no context"):
        config.context()
    with pytest.raises(ConfigError, match=r"no context 'tset'(?s:.*)did you mean 'test'"):
        config.context("tset")
    assert config.context("test").name == "test"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("contexts:\n", "context:\n", "talosconfig:2:1: the key 'context' is here twice"),
        ("contexts:\n", "kontexts:\n", "talosconfig: a talosconfig has its clusters under `contexts:`, by name"),
        ("    test:\n", "    test: 7\n    other:\n", "talosconfig:3:5: the context 'test' must have keys and values"),
        ("        ca:", "        kca:", "talosconfig:3:5: the context 'test' has no `ca`"),
        (
            "        crt: ",
            "        crt: 7\n        old: ",
            "talosconfig:6:14: `crt` must be text, not keys, a list or a",
        ),
        ("        crt: ", "        crt:\n        old: ", "talosconfig:6:9: the context 'test' has no `crt`"),
        ("        crt: ", "        crt: =", "talosconfig:6:14: `crt` is not base64"),
        ("        crt: ", "        crt: aGVsbG8=\n        old: ", "talosconfig:6:14: `crt` is not a PEM certificate"),
        ("[127.0.0.1]", "127.0.0.1", "talosconfig:4:20: `endpoints` must be a list of addresses"),
        ("[127.0.0.1]", "[[]]", "talosconfig:4:21: an endpoint must be text: an address or a name"),
        (
            "        crt:",
            "        auth: {siderov1: {identity: me}}\n        kcrt:",
            "signs in by `auth:`, which is not",
        ),
        ("context: test", "\tcontext: test", "talosconfig:1:1: this is not YAML"),
    ],
)
def test_refused_with_its_place(file: Path, old: str, new: str, said: str) -> None:
    text = file.read_text()
    assert old in text
    rendered = refused(text.replace(old, new, 1))
    assert said in rendered
    assert "rig" not in rendered


@pytest.mark.parametrize(("old", "new"), [("[127.0.0.1]", ""), ("contexts:", "future: {a: 1}\ncontexts:")])
def test_taken_as_talosctl_takes_it(file: Path, old: str, new: str) -> None:
    assert parse("x", file.read_text().replace(old, new, 1).encode()).context().crt == CLIENT.crt


def test_target_is_an_endpoint_too(file: Path) -> None:
    text = file.read_text().replace("[127.0.0.1]", "[10.0.0.1]\n        target: 10.0.0.2")
    assert parse("x", text.encode()).context().endpoints == ("10.0.0.1", "10.0.0.2")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere: the talosconfig cannot be read: No such file"):
        load(tmp_path / "nowhere")


def test_the_file_that_talosctl_would_take(tmp_path: Path) -> None:
    home, own, named = tmp_path / "home", tmp_path / "own", tmp_path / "named"
    for file in (home / ".talos" / "config", own / "config", named):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("context: x")
    variables = {"HOME": str(home), "TALOS_HOME": str(own), "TALOSCONFIG": str(named)}
    assert default_file(variables) == named
    assert default_file({**variables, "TALOSCONFIG": str(tmp_path / "no")}) == own / "config"
    assert default_file({**variables, "TALOSCONFIG": "", "TALOS_HOME": "relative"}) == home / ".talos" / "config"
    assert default_file({"HOME": str(tmp_path)}) is None


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with contextlib.suppress(ConfigError):
        parse("x", b"context: test\ncontexts:\n  test:\n    ca: " + data)
