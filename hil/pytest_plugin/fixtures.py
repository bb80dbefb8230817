"""The fixtures. None of them boots: a node boots at first need, in the test that needed it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

from hil.errors import UsageError
from hil.pytest_plugin import options
from hil.pytest_plugin.ending import KEPT, terminating
from hil.pytest_plugin.markers import demand_of
from hil.pytest_plugin.present import PresentTimeline
from hil.pytest_plugin.sharing import IN_USE, SHARING, NodesInUse, Sharing
from hil.pytest_plugin.waiting import shown_beside

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.config.rig import Rig
    from hil.node import Node
    from hil.services.matchbox.server import Matchbox


@pytest.fixture(scope="session")
def rig(pytestconfig: pytest.Config) -> Rig:
    """The rig of `--rig` (or of the ini option `hil_rig`), as its file describes it; nothing is started."""
    from hil.config.rig import load_rig

    source, cwd = options.rig_source(pytestconfig)
    return load_rig(source, cwd=cwd)


@pytest.fixture(scope="session")
def bench(rig: Rig, pytestconfig: pytest.Config) -> Iterator[Bench]:
    """The open rig: keeper, Matchbox, machines that are off. Closed at the end of the session, whatever happens."""
    from hil.bench import open_bench
    from hil.clock import Deadline

    show = shown_beside(pytestconfig)
    kept, wait = options.keep(pytestconfig), Deadline.after(options.wait(pytestconfig))
    folder, image, capture = (
        options.artifacts(pytestconfig),
        options.image_name(pytestconfig),
        options.capture(pytestconfig),
    )
    with (
        terminating(),
        open_bench(rig, artifacts=folder, keep=kept, image=image, capture=capture, wait=wait, progress=show) as opened,
    ):
        yield opened
    if kept:
        pytestconfig.stash[KEPT].extend(_how_to_reach(opened))


@pytest.fixture
def nodes(bench: Bench, request: pytest.FixtureRequest) -> Iterator[Mapping[str, Node]]:
    """The rig's nodes by name. Each boots at first need; one boot serves the tests of a module until one fails."""
    item: pytest.Item = request.node
    sharing = item.config.stash.setdefault(SHARING, Sharing())
    in_use = NodesInUse(bench, sharing, demand_of(item), module=_module(item), test=item.nodeid)
    item.stash[IN_USE] = in_use
    yield in_use
    in_use.settle()


@pytest.fixture
def node(nodes: Mapping[str, Node], request: pytest.FixtureRequest) -> Node:
    """The rig's node, or the one that `@pytest.mark.hil(node=...)` names. Boots at first need, in the test itself."""
    name = demand_of(request.node).node
    if name is None:
        name, *others = nodes
        if others:
            raise UsageError(
                f"`node` is not clear: the rig has the nodes {', '.join(nodes)}",
                hint='choose with @pytest.mark.hil(node="..."), or use the fixture `nodes`',
            )
    return nodes[name]


@pytest.fixture
def matchbox(bench: Bench) -> Matchbox:
    """The bench's Matchbox."""
    return bench.matchbox


@pytest.fixture
def timeline(node: Node) -> PresentTimeline:
    """The marks of the node's present boot, taken in up to the moment of asking; asking boots when need be."""
    return PresentTimeline(node)


def _module(item: pytest.Item) -> str:
    module = item.getparent(pytest.Module)
    return str(item.path) if module is None else module.nodeid


def _how_to_reach(bench: Bench) -> list[str]:
    lines = [f"bench {bench.name} goes on; its records are in {bench.folder}"]
    lines += [f"  console of {name}:  hil console {bench.name}/{name}" for name in bench.nodes]
    return [*lines, f"  end it:  hil bench end {bench.name}"]
