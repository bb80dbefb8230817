"""One cluster for all tests of Talos's API, and its stand-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.fake_talos import FakeTalos
from support.talos_pki import Cluster, Pair, self_signed

from hil.readiness.talos.access import Access
from hil.readiness.talos.api import TalosApi
from hil.readiness.talos.patience import Patience
from hil.readiness.talos.talosconfig import load

QUICK = Patience(again=0.1, one_try=30.0, soon=0.02, after_no=0.05, stall=30.0, interval=30.0, gap=0.01)
"""For tests: a round comes only when something calls for one, and no question is given up on a slow machine."""

Asks = Callable[..., TalosApi]


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster whose node is asked."""
    return Cluster()


@pytest.fixture(scope="session")
def admin(cluster: Cluster) -> Pair:
    """Its admin."""
    return cluster.client("os:admin")


@pytest.fixture
def talos(tmp_path: Path, cluster: Cluster) -> Iterator[FakeTalos]:
    """A configured node of it."""
    with FakeTalos(tmp_path, cluster, cluster.server()) as talos:
        yield talos


@pytest.fixture
def maintained(tmp_path: Path) -> Iterator[FakeTalos]:
    """A node in maintenance mode."""
    with FakeTalos(tmp_path, None, self_signed()) as talos:
        talos.be("maintenance", services={"apid": ("Running", True)})
        yield talos


@pytest.fixture
def asks(tmp_path: Path, cluster: Cluster, admin: Pair) -> Iterator[Asks]:
    """Makes what asks a port of this host, as admin unless told otherwise, and closes it."""
    made: list[TalosApi] = []

    def ask(
        port: int,
        client: Pair | None = admin,
        *,
        of: Cluster = cluster,
        host: str = "127.0.0.1",
        fingerprint: str | None = None,
        forwarded: bool = False,
        patience: Patience = QUICK,
    ) -> TalosApi:
        context = None if client is None else load(of.talosconfig(tmp_path / f"tc{len(made)}", client)).context()
        access = Access(host, port, context, fingerprint, forwarded)
        made.append(TalosApi("node1", lambda: access, patience))
        return made[-1]

    yield ask
    for api in made:
        api.close()
