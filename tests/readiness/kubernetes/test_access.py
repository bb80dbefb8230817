"""Kubeconfigs: what opens a cluster, whatever the bytes; and no secret of one in any message."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_kubernetes import kubeconfig

from hil.clock import Deadline
from hil.errors import ConfigError, HilError
from hil.readiness.kubernetes import kinds
from hil.readiness.kubernetes.access import KubernetesAccess, from_file, from_talos, parse
from hil.readiness.kubernetes.api import KubernetesApi


def changed(**keys: object) -> bytes:
    return json.dumps({**json.loads(kubeconfig("https://k:6443")), **keys}).encode()


def test_the_users_file(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_bytes(kubeconfig("https://10.0.0.1:6443", extra={"tls-server-name": "k"}))
    access = from_file(file, "c")
    found = parse(access)
    assert (found.server, found.server_name, access.folder) == ("https://10.0.0.1:6443", "k", tmp_path)
    assert "secret" not in repr(access) + repr(found)


def test_one_of_talos_goes_by_a_door() -> None:
    assert from_talos(b"", "127.0.0.1", 7).door == ("127.0.0.1", 7)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        from_file(tmp_path / "none")


@pytest.mark.parametrize(
    ("data", "context", "words"),
    [
        (b"", None, "not a kubeconfig"),
        (b"a: [", None, "not a kubeconfig"),
        (b"2001-13-41", None, "not a kubeconfig"),
        (b"kind: Pod", None, "not a kubeconfig"),
        (changed(**{"current-context": None}), None, "chooses no context"),
        (changed(), "d", "no 'd' among its contexts: c"),
        (changed(users=[]), None, "no 'u' among its users: none"),
        (changed(clusters=[{"name": "k"}]), None, "no server to go to"),
        (changed(contexts=[{"name": "c", "context": {"cluster": "k"}}]), None, "names no user"),
    ],
)
def test_what_is_no_kubeconfig(data: bytes, context: str | None, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse(KubernetesAccess("f", data, context))


@pytest.mark.parametrize(
    "user",
    [
        {"client-certificate-data": "!!", "client-key-data": "secret"},
        {"client-certificate": "none.crt", "client-key": "none.key"},
        {"token": ["secret"]},
        {"exec": {"apiVersion": "client.authentication.k8s.io/v9", "command": "secret"}},
        {"auth-provider": {"name": "secret"}},
    ],
)
def test_a_user_that_cannot_be_is_an_error_in_words(user: dict[str, object]) -> None:
    data = changed(users=[{"name": "u", "user": user}])
    api = KubernetesApi(lambda _: KubernetesAccess("f", data))
    with pytest.raises(HilError) as caught:
        api.one(kinds.NODE, "n", Deadline.after(5))
    assert "secret" not in caught.value.render()
    api.close()


@given(data=st.binary(max_size=60) | st.text(alphabet="{}[]:,-&*! \n\tabc012'\"?|>", max_size=60).map(str.encode))
def test_no_bytes_are_a_traceback(data: bytes) -> None:
    with pytest.raises(ConfigError):
        parse(KubernetesAccess("f", data))


@given(
    keys=st.dictionaries(
        st.sampled_from(["contexts", "clusters", "users", "current-context", "kind"]),
        st.recursive(
            st.none() | st.sampled_from(["c", "k", "u"]),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(st.sampled_from(["name", "context", "cluster", "user", "server"]), inner, max_size=3)
            ),
            max_leaves=8,
        ),
        max_size=5,
    )
)
def test_no_keys_are_a_traceback(keys: dict[str, object]) -> None:
    with suppress(ConfigError):
        parse(KubernetesAccess("f", changed(**keys)))


@pytest.mark.parametrize("server", ["https://a:b:c", "https://[::1", "https://", "ftp://a", "https://a:99999", ""])
def test_a_server_that_is_no_url_is_an_error_in_words(server: str) -> None:
    with pytest.raises(ConfigError, match="no server to go to"):
        parse(KubernetesAccess("f", kubeconfig(server)))
