"""A node's cluster: opened with the user's kubeconfig, or with the one that Talos hands out, asked for once."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from support import kubernetes_objects as made
from support.fake_kubernetes import FakeCluster, kubeconfig, serving

from hil.asking.cluster import Cluster
from hil.clock import Deadline
from hil.errors import ConfigError, InfrastructureError
from hil.readiness.kubernetes import kinds

if TYPE_CHECKING:
    from hil.readiness.talos.api import TalosApi

WITHIN = 20.0


class HandsOut:
    """Talos as far as it hands out a kubeconfig."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked = 0

    def kubeconfig(self, deadline: Deadline) -> bytes:
        self.asked += 1
        return self.data


def no_door(port: int, deadline: Deadline) -> tuple[str, int]:
    raise AssertionError("the door was asked for, and a kubeconfig of the user's needs none")


def node_seen(cluster: Cluster, name: str) -> bool:
    return cluster.api.one(kinds.NODE, name, Deadline.after(WITHIN)) is not None


def test_the_users_kubeconfig_is_read_and_talos_is_not_asked(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    with serving() as there:
        there.put(kinds.NODE, made.node("n1"))
        file.write_bytes(kubeconfig(f"http://127.0.0.1:{there.port}"))
        with closing(Cluster(no_door, lambda: pytest.fail("Talos was asked"), file, "c")) as cluster:
            assert node_seen(cluster, "n1")
            assert not node_seen(cluster, "n2")
        with (
            closing(Cluster(no_door, lambda: None, file, "d")) as cluster,
            pytest.raises(ConfigError, match="no 'd' among its contexts"),
        ):
            node_seen(cluster, "n1")


def test_talos_hands_one_out_once_and_the_door_leads_there_each_time() -> None:
    """The kubeconfig names a server that nobody could reach: the door is where the connection goes."""
    talos = HandsOut(kubeconfig("http://10.0.2.15:6443"))
    asked: list[int] = []
    answering = False
    with serving(FakeCluster()) as there:
        there.put(kinds.NODE, made.node("n1"))

        def door(port: int, deadline: Deadline) -> tuple[str, int]:
            asked.append(port)
            return "127.0.0.1", there.port

        def api() -> TalosApi | None:
            return cast("TalosApi", talos) if answering else None

        with closing(Cluster(door, api, None, None)) as cluster:
            with pytest.raises(
                InfrastructureError, match="Talos, which hands out the kubeconfig, has not answered yet"
            ):
                node_seen(cluster, "n1")
            assert (talos.asked, asked) == (0, [])
            answering = True
            assert node_seen(cluster, "n1")
            assert node_seen(cluster, "n1")
            assert (talos.asked, asked) == (1, [6443, 6443])


def test_a_kubeconfig_that_could_not_be_had_is_asked_for_again() -> None:
    class Refuses(HandsOut):
        def kubeconfig(self, deadline: Deadline) -> bytes:
            super().kubeconfig(deadline)
            raise InfrastructureError("it is not known yet", hint="wait")

    talos = Refuses(b"")
    with closing(Cluster(no_door, lambda: cast("TalosApi", talos), None, None)) as cluster:
        for _ in range(2):
            with pytest.raises(InfrastructureError, match="not known yet"):
                node_seen(cluster, "n1")
    assert talos.asked == 2
