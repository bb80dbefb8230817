"""Which tests share a boot: one boot a node and module, until a failure, a fault or a cold test ends that.

Decides only; a node boots by itself at first need (`hil.node`), so nothing here boots. A machine whose boot must not
be shared further is switched off before the next test gets it. One that runs already is switched for a cold test
alone, and attached to anew where another would boot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from hil.errors import HilError, MissingPart, UsageError
from hil.pytest_plugin.markers import Demand, part_protocols

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.boot import Boot
    from hil.node import Node


@dataclass
class _State:
    """What the tests so far have made of one node."""

    own_image: str
    image: str
    module: str | None = None
    spoiled: bool = False


class Sharing:
    """What is known of each node's boot between two tests of one session."""

    def __init__(self) -> None:
        self._states: dict[str, _State] = {}

    def prepare(self, node: Node, demand: Demand, module: str) -> None:
        """Make the node fit for a test: its next need boots anew unless the present boot may be shared.

        Raises:
            InfrastructureError: its power does not switch off.
            MissingPart: a boot of its own is asked for, and nothing switches it.
        """
        state = self._states.setdefault(node.name, _State(node.image, node.image))
        wanted = demand.image or state.own_image
        fresh = demand.cold or state.spoiled or state.module != module or state.image != wanted
        if fresh and node.as_it_runs and not demand.cold:
            node.leave()
        elif fresh and (node.boots or node.as_it_runs):
            node.power.off()
        node.image = state.image = wanted
        state.module, state.spoiled = module, demand.cold

    def spoil(self, node: Node) -> None:
        """Let no further test share the node's present boot."""
        self._states[node.name].spoiled = True


class NodesInUse(Mapping[str, "Node"]):
    """The nodes of a bench as one test uses them, by name; a node is taken when it is first asked for.

    Args:
        bench: whose nodes.
        sharing: the session's.
        demand: what the test asks for.
        module: where the test is from; boots are shared within it.
        test: its node id, for the record of each boot.
    """

    def __init__(self, bench: Bench, sharing: Sharing, demand: Demand, *, module: str, test: str) -> None:
        self.bench = bench
        self._sharing = sharing
        self._demand = demand
        self._module = module
        self._test = test
        self._first: dict[str, int] = {}

    def __getitem__(self, name: str) -> Node:
        """The node of this name.

        Raises:
            UsageError: the rig has none, or the test's marker chooses an image where the rig's own tree does.
            MissingPart: it lacks a part that the test's marker needs.
            InfrastructureError: it had to be switched off and did not.
        """
        (node,) = self.bench.choose([name])
        if name not in self._first:
            self._must_have_parts(node)
            self._must_choose_image(node)
            self._sharing.prepare(node, self._demand, self._module)
            self._first[name] = len(node.boots) - 1 if node.booted else len(node.boots)
        return node

    def __contains__(self, name: object) -> bool:
        return name in self.bench.nodes

    def __iter__(self) -> Iterator[str]:
        return iter(self.bench.nodes)

    def __len__(self) -> int:
        return len(self.bench.nodes)

    @property
    def taken(self) -> list[Node]:
        """The nodes that the test has asked for."""
        return [self.bench.nodes[name] for name in self._first]

    def boots_of(self, node: Node) -> list[Boot]:
        """The boots of a taken node that the test ran on."""
        return node.boots[self._first[node.name] :]

    def spoil(self) -> None:
        """The test failed: no other may share its boots."""
        for node in self.taken:
            self._sharing.spoil(node)

    def settle(self) -> None:
        """Note in each boot's record that the test ran on it, and whether the next test may share it.

        Raises:
            InfrastructureError: a record cannot be written.
        """
        for node in self.taken:
            died = news_of(node)
            boots = self.boots_of(node)
            for boot in boots:
                boot.runs.append(self._test)
                boot.write()
            if died is not None or (boots and _started_again(boots[-1])):
                self._sharing.spoil(node)

    def _must_have_parts(self, node: Node) -> None:
        protocols = part_protocols()
        for name in self._demand.needs:
            if protocols[name] not in node.parts:
                raise MissingPart(
                    f"node {node.name} has no {name}, which this test needs",
                    hint="run it on a rig whose node has that part",
                )

    def _must_choose_image(self, node: Node) -> None:
        from hil.machine import Netboot

        if self._demand.image is not None and Netboot not in node.parts:
            raise MissingPart(
                f"node {node.name} runs already and boots its own image, not {self._demand.image!r}",
                hint="run it on a rig whose node is without `attach: true`",
            )
        if self._demand.image is not None and not self.bench.rig.matchbox.from_images:
            raise UsageError(
                f"image {self._demand.image!r} is marked, but this rig's Matchbox has its own data for {node.name}",
                hint="mark no image, or use a rig whose `matchbox:` has neither data, nor url, nor profiles",
            )


IN_USE = pytest.StashKey[NodesInUse]()
SHARING = pytest.StashKey[Sharing]()


def news_of(node: Node) -> HilError | None:
    """Take in what a node said up to now; the death that this shows, if it does."""
    try:
        node.take_in()
    except HilError as error:
        return error
    return None


def _started_again(boot: Boot) -> bool:
    """Whether the machine was reset, stopped, switched off or unplugged after it was ready."""
    from hil.timeline.stages import FIRMWARE, LINK_DOWN, PAUSE, READY, RESET, SHUTDOWN

    ready = boot.timeline.first(READY)
    ends = {stage.name for stage in (FIRMWARE, RESET, SHUTDOWN, PAUSE, LINK_DOWN)}
    return ready is not None and any(mark.stage in ends and mark.at_ns > ready.at_ns for mark in boot.timeline)
