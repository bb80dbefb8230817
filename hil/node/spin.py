"""Spin on a node, as a test uses it. What is asked and how stands in `hil.readiness.spin`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hil.config.expect import ServesExpect, SpinExpect, overridden
from hil.node.side import NodeSide

if TYPE_CHECKING:
    from hil.clock import Deadline
    from hil.node.node import Node
    from hil.readiness.readiness import Readiness

_NOTHING: Final = {"extension": None, "handler": None, "runtime_class": None, "app": None, "serves": None}


class NodeSpin(NodeSide[SpinExpect]):
    """What `node.spin` is.

    Args:
        node: whose.
    """

    def __init__(self, node: Node) -> None:
        super().__init__(node, lambda: node.asking.sides.spin, by_doors=True)

    def serves(
        self,
        path: str,
        within: float | Deadline | None = None,
        *,
        status: int = 200,
        body: str | None = None,
        port: int | None = None,
    ) -> Readiness:
        """Wait until a WebAssembly workload on the node answers a GET; nothing else is asked.

        Args:
            path: path and query, as "/hello".
            within: seconds or a deadline; the rig's `boot_within` when not given.
            status: of the answer.
            body: text that the answer's body has in it; None for any body.
            port: the TCP port of the node; the rig's (`expect: {spin: {serves: ...}}`), or 3000, when not given.

        Raises:
            InfrastructureError: the bench failed.
            UsageError: the path, the status or the port cannot be.
        """

        def expect(rigs: SpinExpect) -> SpinExpect:
            known = rigs.serves.port if rigs.serves is not None else ServesExpect.model_fields["port"].default
            serves = {"path": path, "status": status, "body": body, "port": known if port is None else port}
            return overridden(rigs, {**_NOTHING, "serves": serves})

        return self._wait_for(expect, within)
