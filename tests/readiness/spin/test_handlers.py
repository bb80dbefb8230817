"""Which runtime handlers a node has: who is asked, in which order, and what each way of not knowing is called."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.clock import Deadline
from hil.errors import NodeError
from hil.images.spin_layer import HANDLER
from hil.readiness.kubernetes.facts import SpinApp
from hil.readiness.kubernetes.trouble import CannotAsk
from hil.readiness.rounds import Missing
from hil.readiness.spin.handlers import PART, Handlers, ask_handlers, parse_part
from hil.shipped import shipped

OURS = b'[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.spin]\n  runtime_type = "io.containerd.spin.v2"\n'
NO_CLUSTER, NO_TALOS = Missing("no kubeconfig"), Missing("Talos is not asked")


class Cluster:
    """A cluster that knows one node's handlers."""

    def __init__(self, names: tuple[str, ...] | CannotAsk | None) -> None:
        self._names = names

    def handlers(self, node: str, deadline: Deadline) -> tuple[str, ...] | None:
        assert node == "node1"
        if isinstance(self._names, CannotAsk):
            raise self._names
        return self._names

    def runtime_class(self, name: str, deadline: Deadline) -> str | None:
        raise AssertionError("nobody asked for that")

    def spin_app(self, namespace: str, name: str, deadline: Deadline) -> SpinApp | None:
        raise AssertionError("nobody asked for that")


def reads(data: bytes | NodeError) -> Callable[[str, Deadline], bytes]:
    """A node with one file."""

    def read(path: str, deadline: Deadline) -> bytes:
        assert path == PART
        if isinstance(data, NodeError):
            raise data
        return data

    return read


def ask(cluster: Cluster | Missing, file: bytes | NodeError | Missing) -> Handlers | Missing:
    read = file if isinstance(file, Missing) else reads(file)
    return ask_handlers("node1", cluster, read, Deadline.after(5))


def refused(words: str) -> NodeError:
    return NodeError(words, hint="h")


def test_the_clusters_word_comes_first_and_the_default_handler_has_no_name() -> None:
    assert ask(Cluster(("", "spin")), refused("never read")) == Handlers(("spin",), "kubernetes")
    assert ask(Cluster(("",)), OURS) == Handlers((), "kubernetes")


@pytest.mark.parametrize("cluster", [NO_CLUSTER, Cluster(None), Cluster(CannotAsk("no answer", hint="wait"))])
def test_where_it_does_not_say_the_nodes_file_is_read(cluster: Cluster | Missing) -> None:
    assert ask(cluster, OURS) == Handlers(("spin",), "api")


def test_what_neither_says_is_missing_with_both_reasons() -> None:
    assert ask(NO_CLUSTER, NO_TALOS) == NO_TALOS
    assert ask(Cluster(CannotAsk("no answer", hint="wait")), NO_TALOS) == Missing(
        "no answer; Talos is not asked", "wait"
    )
    assert ask(NO_CLUSTER, refused("the talosconfig may not read: it needs os:admin")) == Missing(
        "the talosconfig may not read: it needs os:admin", "h"
    )
    found = ask(Cluster(None), refused("node1 does not answer"))
    assert found == Missing("Kubernetes does not say which handlers node1 has; node1 does not answer", "h")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (refused(f"open {PART}: no such file or directory"), f"none: there is no {PART}"),
        (b"[plugins", f"none: {PART}: Expected"),
        (b"\xff", f"none: {PART}: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (b"version = 3\n", f"none: {PART}: no runtime is in it"),
        (b"plugins = 3\n", f"none: {PART}: no runtime is in it"),
    ],
)
def test_a_node_that_lacks_them_says_so_itself(file: bytes | NodeError, words: str) -> None:
    found = ask(NO_CLUSTER, file)
    assert isinstance(found, Handlers)
    assert (found.names, found.source) == ((), "api")
    assert found.words.startswith(words)


def test_containerd_has_had_two_names_for_the_plugin() -> None:
    older = b'[plugins."io.containerd.grpc.v1.cri".containerd.runtimes]\nspin = {}\nwasmedge = {}\n'
    assert parse_part(older) == ("spin", "wasmedge")
    assert parse_part(older + OURS) == ("spin", "wasmedge")
    assert Handlers(("spin", "wasmedge"), "api").words == "spin, wasmedge"
    assert Handlers((), "kubernetes").words == "none"


def test_it_reads_what_the_simulated_node_ships() -> None:
    assert f"/{HANDLER}" == PART
    assert parse_part((shipped("fixtures") / "node/extensions/spin/10-spin.part").read_bytes()) == ("spin",)


@given(st.binary(max_size=200) | st.text(alphabet='[plugins."io.containerd] =\n{},', max_size=200).map(str.encode))
def test_any_file_has_handlers_or_says_why_not(data: bytes) -> None:
    try:
        found = parse_part(data)
    except ValueError:
        return
    assert found
