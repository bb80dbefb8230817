"""Talos on a node, as a test uses it: whether it is ready, its logs, its configuration, and a reboot that is proved.

What is asked and how stands in `hil.readiness.talos`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hil.clock import Deadline
from hil.config.expect import TalosExpect
from hil.errors import NodeError, UsageError
from hil.node.config import config_diff
from hil.node.side import NodeSide

if TYPE_CHECKING:
    from hil.node.node import Node
    from hil.readiness.talos.changes import Applied, TalosEvent
    from hil.readiness.talos.config_diff import ConfigDiff
    from hil.readiness.talos.probe import TalosProbe

_ANSWERS = 10.0


class NodeTalos(NodeSide[TalosExpect]):
    """What `node.talos` is.

    Args:
        node: whose.
    """

    def __init__(self, node: Node) -> None:
        super().__init__(node, lambda: node.asking.sides.talos, by_doors=True)

    def apply_config(self, config: Path | str | bytes, *, mode: str = "auto", dry_run: bool = False) -> Applied:
        """Give Talos a machine configuration.

        Args:
            config: a file, or the text itself.
            mode: auto, no-reboot, reboot, staged or try (machinery, api/machine, ApplyConfigurationRequest.Mode).
            dry_run: only say what would be done.

        Raises:
            NodeError: Talos refuses it, with its own words, or does not answer.
            UsageError: the file cannot be read, or there is no such mode.
        """
        return self._asked().api.apply_config(_data(config), _now(), mode=mode, dry_run=dry_run)

    def reboot(self, within: float | Deadline | None = None) -> str:
        """Have Talos reboot, and wait until it answers as another boot of the kernel: the boot ID has changed.

        Args:
            within: seconds or a deadline; the rig's `boot_within` when not given.

        Returns:
            the new boot ID.

        Raises:
            NodeError: it refuses, or does not come back in time as another boot.
        """
        node, probe = self._node, self._asked()
        deadline = Deadline.of(node.patience.boot if within is None else within)
        before = probe.api.boot_id(_now())
        node.expect_restart("a reboot was asked for by Talos's API")
        probe.api.reboot(_now())
        while (after := probe.boot_id) in ("", before):
            if deadline.expired:
                raise NodeError(
                    f"{node.name}: Talos was told to reboot and within {deadline} did not answer as another boot"
                    f" (boot ID {before}; now {after or 'no answer'})",
                    hint="read its console from the reboot on",
                    evidence=node.said(10),
                )
            node.attend(deadline)
        return after

    def dmesg(self) -> bytes:
        """The kernel's log as Talos gives it. Raises NodeError when it does not answer."""
        return self._asked().api.dmesg(_now())

    def logs(self, service: str, *, tail: int | None = None) -> bytes:
        """What a service has logged.

        Args:
            service: its id, as "kubelet" or "ext-tailscale".
            tail: only so many of its last lines.

        Raises:
            NodeError: there is no such service, or Talos does not answer.
        """
        return self._asked().api.logs(service, _now(), tail=tail)

    def events(self) -> Sequence[TalosEvent]:
        """What Talos says has happened since it started, oldest first. Raises NodeError when it does not answer."""
        return self._asked().api.events(_now())

    def config_diff(self) -> ConfigDiff:
        """What Matchbox serves to this node now against what Talos has applied, no secret shown.

        Returns:
            true when they differ: `diff = node.talos.config_diff(); assert not diff, str(diff)`.

        Raises:
            UsageError: the talosconfig has not the role os:admin, or the configuration is not the bench's to serve.
            NodeError: Matchbox serves none, or Talos has applied none, or does not answer.
            InfrastructureError: Matchbox does not answer.
        """
        return config_diff(self._node.name, self._asked().api, self._node.fetch, within=_ANSWERS)

    def _asked(self) -> TalosProbe:
        self._must_be_reached()
        self._node.begin()
        return self._node.asking.sides.talos


def _now() -> Deadline:
    return Deadline.after(_ANSWERS)


def _data(config: Path | str | bytes) -> bytes:
    if isinstance(config, bytes):
        return config
    if isinstance(config, str):
        return config.encode()
    try:
        return config.read_bytes()
    except OSError as error:
        raise UsageError(f"{config}: {error.strerror}", hint="name a machine configuration that is there") from error
