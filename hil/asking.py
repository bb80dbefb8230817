"""Asks a node's own interfaces whether it is what it should be: keeps the protocol `hil.node.fittings.Asking`.

What is expected comes from the rig's node, or else from the image that it boots. A machine of which nothing is
expected is asked nothing, until a test does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hil.clock import Deadline
from hil.config.expect import Expect, TalosExpect
from hil.config.talos import TalosAccess
from hil.console.transcript import Transcript
from hil.errors import UsageError
from hil.images.image import Image
from hil.machine import Doors, Machine
from hil.reached import Reached, access_of, write_reached
from hil.readiness.panel import Panel
from hil.readiness.talos.access import Access
from hil.readiness.talos.probe import TalosProbe

_DOOR_OPENS = 0.5


@dataclass(frozen=True, slots=True)
class _Begun:
    """The boot that is being asked about."""

    image: Image | None
    transcript: Transcript
    over: int


class Asking:
    """Asks one node, from power-on to power-off.

    Args:
        node: as the rig calls it.
        machine: what it is made of.
        directory: the bench's private folder.
        expect: what the rig expects of the node itself; None for what its image says.
        access: how the rig says that Talos is asked.
    """

    def __init__(
        self, node: str, machine: Machine, directory: Path, expect: Expect | None, access: TalosAccess
    ) -> None:
        self._node = node
        self._machine = machine
        self._directory = directory
        self._own = expect
        self._access = access
        self._begun: _Begun | None = None
        self._talos: TalosProbe | None = None
        self.made_talosconfig: Path | None = None

    def ports(self, image: Image | None) -> tuple[int, ...]:
        """The TCP ports of the machine that will be asked."""
        talos = () if self._expected(image).talos is None else (self._access.port,)
        return (*talos, *(() if image is None else image.ports))

    def begin(self, image: Image | None, transcript: Transcript, over: int) -> Panel | None:
        """Begin to ask a machine that was switched on; None when nothing is expected of it."""
        self.end()
        self._begun = _Begun(image, transcript, over)
        if self._expected(image).talos is None:
            return None
        return Panel(self._node, [self.talos], simulated=self._simulated_image)

    def end(self) -> None:
        """Stop asking."""
        if self._talos is not None:
            self._talos.close()
        self._talos = self._begun = None

    @property
    def simulated(self) -> str:
        """What of the machine is simulated, in words: what its image says, or else it itself."""
        return self._simulated_image or ("" if self._talos is None else self._talos.simulated)

    @property
    def _simulated_image(self) -> str:
        image = None if self._begun is None else self._begun.image
        return "" if image is None else image.simulated

    @property
    def talos(self) -> TalosProbe:
        """Asks Talos; begins to when it is first needed.

        Raises:
            UsageError: the machine is off.
        """
        if self._begun is None:
            raise UsageError(
                f"{self._node} is off, so Talos on it cannot be asked", hint="switch it on: node.power.on()"
            )
        if self._talos is None:
            expect = self._named(self._expected(self._begun.image).talos or TalosExpect())
            self._talos = TalosProbe(self._node, expect, self._reach, self._begun.transcript, after=self._begun.over)
        return self._talos

    def _expected(self, image: Image | None) -> Expect:
        return self._own or (None if image is None else image.expect) or Expect()

    def _named(self, expect: TalosExpect) -> TalosExpect:
        """The expectations, and the node's own name where the bench has made its configuration.

        A node that was served another's would else look as well as any. What the user says of the name, be it null,
        comes first; in maintenance mode there is no configuration that could name it.
        """
        made = self.made_talosconfig is not None and expect.stage == "running"
        if not made or "hostname" in expect.model_fields_set:
            return expect
        return expect.model_copy(update={"hostname": self._node})

    def _reach(self, fingerprint: str) -> Access:
        """How Talos is reached now: through the machine's door, which leads elsewhere after each power-on.

        It runs in the probe's thread, so it asks nothing of the probe that reads the console.
        """
        doors = self._machine.part(Doors)  # type: ignore[type-abstract]
        host, port = doors.reach(self._access.port, deadline=Deadline.after(_DOOR_OPENS))
        file = self._access.talosconfig or self.made_talosconfig
        reached = Reached(
            self._node,
            host,
            port,
            talosconfig="" if file is None else str(file),
            context=self._access.context or "",
            fingerprint=fingerprint,
            simulated=self._simulated_image,
            expect=self.talos.expect.model_dump(mode="json"),
        )
        write_reached(self._directory, reached)
        return access_of(reached)
