"""A kubeconfig whose user is a program: what it gives is used, and whatever else it does is said and ends."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import kubernetes_objects as made
from support.fake_kubernetes import FakeCluster, kubeconfig, serving
from support.process_table import over

from hil.clock import Deadline
from hil.readiness.kubernetes import kinds
from hil.readiness.kubernetes.access import KubernetesAccess
from hil.readiness.kubernetes.api import KubernetesApi
from hil.readiness.kubernetes.plugin import _credential, ask_plugin
from hil.readiness.kubernetes.trouble import CannotAsk, NotLetIn

V1 = "client.authentication.k8s.io/v1"
GIVES = """#!/bin/sh
echo "$1 $WHO" >&2
echo '{"kind": "ExecCredential", "status": {"token": "'$(cat "$0.token")'"}}'
"""


def plugin(folder: Path, script: str, **more: object) -> dict[str, object]:
    """The `exec` of a kubeconfig's user, its program written."""
    file = folder / "plugin"
    file.write_text(script)
    file.chmod(0o755)
    return {"apiVersion": V1, "command": "./plugin", **more}


def access(folder: Path, cluster: FakeCluster, wanted: dict[str, object]) -> KubernetesAccess:
    keys = json.loads(kubeconfig(f"http://127.0.0.1:{cluster.port}"))
    keys["users"][0]["user"] = {"exec": wanted}
    return KubernetesAccess("f", json.dumps(keys).encode(), folder=folder)


def test_a_token_that_expired_is_had_anew(tmp_path: Path) -> None:
    wanted = plugin(tmp_path, GIVES)
    token = tmp_path / "plugin.token"
    token.write_text("secret")
    with serving() as cluster:
        cluster.put(kinds.NODE, made.node())
        opened = access(tmp_path, cluster, wanted)
        with closing(KubernetesApi(lambda _: opened)) as api:
            assert api.one(kinds.NODE, made.NODE, Deadline.after(20)) is not None
            cluster.tokens = {"Bearer next"}
            with pytest.raises(NotLetIn):
                api.one(kinds.NODE, made.NODE, Deadline.after(20))
            token.write_text("next")
            assert api.one(kinds.NODE, made.NODE, Deadline.after(20)) is not None


def test_it_is_told_what_it_may_know(tmp_path: Path) -> None:
    script = """#!/bin/sh
echo '{"kind": "ExecCredential", "status": {"token": "'$1-$WHO-$(echo $KUBERNETES_EXEC_INFO | tr -dc a-z)'"}}'
"""
    wanted = plugin(tmp_path, script, args=["a"], env=[{"name": "WHO", "value": "w"}], provideClusterInfo=True)
    token = ask_plugin(wanted, {"server": "https://k"}, tmp_path, Deadline.after(20))["token"]
    assert token.startswith("a-w-")
    assert "interactivefalse" in token
    assert "serverhttpsk" in token


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("#!/bin/sh\necho secret >&2; exit 3\n", r"plugin failed \(exit code 3\)"),
        ("#!/bin/sh\necho secret\n", "gave no credential"),
        ("#!/no/such/interpreter\n", "cannot be run"),
    ],
)
def test_what_goes_wrong_is_said_without_what_it_printed(tmp_path: Path, script: str, words: str) -> None:
    with pytest.raises(CannotAsk, match=words) as caught:
        ask_plugin(plugin(tmp_path, script), {}, tmp_path, Deadline.after(20))
    assert "secret" not in caught.value.render()


def test_one_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    wanted = plugin(tmp_path, '#!/bin/sh\nsleep 600 & echo $! > "$0.pid"\nwait\n')
    started = tmp_path / "plugin.pid"
    for patience in (0.5, 5, 50):  # a busy host may not have come to the plugin's first line by then
        with pytest.raises(CannotAsk, match="too slow"):
            ask_plugin(wanted, {}, tmp_path, Deadline.after(patience))
        if started.exists() and started.read_text():
            break
    assert over(int(started.read_text()), Deadline.after(20))


def test_one_of_another_kind_is_not_run() -> None:
    with pytest.raises(CannotAsk, match="not known"):
        ask_plugin({"apiVersion": "v9", "command": "true"}, {}, None, Deadline.after(20))


@given(
    printed=st.binary(max_size=40) | st.sampled_from([b'{"kind": "ExecCredential", "status": {"token": 1}}', b"[]"])
)
def test_nothing_that_it_prints_is_a_traceback(printed: bytes) -> None:
    with pytest.raises(CannotAsk, match="gave no credential"):
        _credential("p", printed)
