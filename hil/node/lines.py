"""A node's console and the shell on it, as a test uses them. What a console can do is in `hil.console.console`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hil.console.console import Console
from hil.errors import UsageError
from hil.machine import SerialConsole

if TYPE_CHECKING:
    from testinfra.host import Host

    from hil.node.node import Node


class NodeConsole:
    """The base of `Node` that gives its console; each raises MissingPart where no line leads to one."""

    @property
    def console(self) -> Console:
        """The machine's console; boots first when need be."""
        self._must_have_console()
        self._node_itself.ensure()
        return self.wire

    @property
    def wire(self) -> Console:
        """The console of a machine that may not have booted, for a test that watches a boot itself.

        Raises:
            UsageError: the machine was never switched on.
        """
        self._must_have_console()
        node = self._node_itself
        if node._console is None:
            call = "node.begin()" if node.machine.attached else "node.power.on()"
            raise UsageError(f"{node.name} was never switched on, so it has no console yet", hint=f"call {call}")
        return node._console

    @property
    def host(self) -> Host:
        """The machine as pytest-testinfra sees it, by the shell on its console; boots first when need be.

        Raises:
            MissingPart: its image has no shell there either, or pytest-testinfra is not installed.
        """
        self._must_have_console()
        node = self._node_itself
        node.ensure()
        if node._host is None:
            from hil.host import open_host

            prompt = None if node._booted_image is None else node._booted_image.prompt
            node._host = open_host(self.wire, prompt, image=node.boots[-1].image)
        return node._host

    def said(self, lines: int) -> list[str]:
        """The last lines of its console, safe to print; [] where it has none or has not begun."""
        console = self._node_itself._console
        return [] if console is None else console.tail(lines)

    def _must_have_console(self) -> None:
        self._node_itself.machine.part(SerialConsole)  # type: ignore[type-abstract]

    @property
    def _node_itself(self) -> Node:
        return cast("Node", self)
