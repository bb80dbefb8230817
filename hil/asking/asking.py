"""Asks one node of a bench whether it is what it should be: keeps the protocol `hil.node.fittings.Asking`.

What is expected comes from the rig's node, or else from the image that it boots. A machine of which nothing is
expected is asked nothing, until a test does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hil.asking.sides import Sides
from hil.asking.surroundings import KUBERNETES_PORT, Surroundings, cluster_networks
from hil.clock import Deadline
from hil.config.expect import Expect, TalosExpect
from hil.config.kubernetes import KubeconfigChoice
from hil.config.talos import TalosAccess
from hil.console.transcript import Transcript
from hil.errors import UsageError
from hil.images.image import Image
from hil.joining import SERVICE, InTailnet
from hil.machine import Doors, Machine
from hil.provisioning import Provision
from hil.reached import Reached, access_of, write_reached
from hil.readiness.panel import Panel
from hil.readiness.rounds import Missing
from hil.readiness.tailscale.sources import Networks
from hil.readiness.talos.access import Access
from hil.readiness.talos.probe import TalosProbe

_DOOR_OPENS = 0.5


@dataclass(frozen=True, slots=True)
class Own:
    """What a rig says of a node itself.

    Args:
        expect: what must hold of it; None for what its image says.
        talos: how Talos on it is asked.
        kubernetes: what opens its cluster.
    """

    expect: Expect | None
    talos: TalosAccess
    kubernetes: KubeconfigChoice


class Asking:
    """Asks one node, from power-on to power-off.

    Args:
        node: as the rig calls it.
        machine: what it is made of.
        directory: the bench's private folder.
        own: what the rig says of the node: what is expected of it, and how its interfaces are opened.
        in_tailnet: who in its tailnet can be asked.
    """

    def __init__(
        self,
        node: str,
        machine: Machine,
        directory: Path,
        own: Own,
        in_tailnet: Callable[[], InTailnet | Missing],
    ) -> None:
        self._node = node
        self._machine = machine
        self._directory = directory
        self._own = own
        self._in_tailnet = in_tailnet
        self._image: Image | None = None
        self._networks: Networks | None = None
        self._begun: Sides | None = None
        self.configured: Provision | None = None

    def ports(self, image: Image | None) -> tuple[int, ...]:
        """The TCP ports of the machine that will be asked."""
        expect = self._expected(image)
        ports = [] if expect.talos is None else [self._own.talos.port]
        if expect.tailscale is not None and expect.tailscale.healthz is not None:
            ports.append(expect.tailscale.healthz)
        if expect.spin is not None and expect.spin.serves is not None:
            ports.append(expect.spin.serves.port)
        if (expect.kubernetes or expect.cozystack) is not None and self._own.kubernetes.kubeconfig is None:
            ports.append(KUBERNETES_PORT)
        return tuple(dict.fromkeys((*ports, *(() if image is None else image.ports))))

    def begin(self, image: Image | None, transcript: Transcript | None, over: int) -> Panel | None:
        """Begin to ask a machine that was switched on or attached to; None when nothing is expected of it."""
        self.end()
        self._image = image
        self._networks = None if self.configured is None else cluster_networks(self.configured.machine_config)
        expect = self._expected(image)
        talos = self._named(expect)
        if expect.talos is not None:
            expect = expect.model_copy(update={"talos": talos})
        self._begun = Sides(
            Surroundings(
                self._node,
                expect,
                self._door,
                self._in_tailnet,
                self._own.kubernetes.kubeconfig,
                self._own.kubernetes.context,
                self._networks,
            ),
            lambda: TalosProbe(self._node, talos, self._reach, transcript, after=over),
        )
        probes = self._begun.expected()
        return Panel(self._node, probes, simulated=self._simulated_image) if probes else None

    def end(self) -> None:
        """Stop asking."""
        if self._begun is not None:
            self._begun.close()
        self._begun = self._image = None

    @property
    def simulated(self) -> str:
        """What of the machine is simulated, in words: what its image says, or else it itself."""
        if self._simulated_image or self._begun is None:
            return self._simulated_image
        return self._begun.talos.simulated

    @property
    def sides(self) -> Sides:
        """The probes of the machine that is on; each begins to ask when it is first needed.

        Raises:
            UsageError: the machine is off.
        """
        if self._begun is None:
            raise UsageError(f"{self._node} is off, so it cannot be asked", hint="switch it on: node.power.on()")
        return self._begun

    @property
    def _simulated_image(self) -> str:
        return "" if self._image is None else self._image.simulated

    def _expected(self, image: Image | None) -> Expect:
        """What is expected; and of Talos its defaults at least, where some of the rest is asked through it."""
        expect = self._own.expect or (None if image is None else image.expect) or Expect()
        if expect.talos is not None or not self._by_talos(expect):
            return expect
        return expect.model_copy(update={"talos": TalosExpect()})

    def _by_talos(self, expect: Expect) -> bool:
        spin = expect.spin is not None and (expect.spin.extension or expect.spin.handler) is not None
        cluster = (expect.kubernetes or expect.cozystack) is not None
        by_cluster = cluster and self._own.kubernetes.kubeconfig is None
        return expect.tailscale is not None or spin or by_cluster

    def _named(self, expect: Expect) -> TalosExpect:
        """What is expected of Talos, and the node's own name where the bench has made its configuration.

        A node that was served another's would else look as well as any. What the user says of the name, be it null,
        comes first; in maintenance mode there is no configuration that could name it.
        """
        talos = expect.talos or TalosExpect()
        made = self.configured is not None and self.configured.talosconfig is not None
        if not made or talos.stage != "running":
            return talos
        if "hostname" not in talos.model_fields_set:
            talos = talos.model_copy(update={"hostname": self._node})
        if expect.tailscale is not None and isinstance(self._in_tailnet(), Missing):
            # It was configured for no tailnet, so its service comes and goes; why, Tailscale's own conditions say.
            services = tuple(service for service in talos.services if service != SERVICE)
            talos = talos.model_copy(update={"services": services})
        return talos

    def _door(self, port: int, deadline: Deadline) -> tuple[str, int]:
        """Through the machine's door, which leads elsewhere after each power-on."""
        doors = self._machine.part(Doors)  # type: ignore[type-abstract]
        return doors.reach(port, deadline=deadline.sooner(_DOOR_OPENS))

    def _reach(self, fingerprint: str) -> Access:
        """How Talos is reached now. It runs in the probe's thread, so it asks nothing of what reads the console."""
        deadline = Deadline.after(_DOOR_OPENS)
        host, port = self._door(self._own.talos.port, deadline)
        made = None if self.configured is None else self.configured.talosconfig
        file = self._own.talos.talosconfig or made
        sections = self._expected(self._image).sections()
        sections.pop("talos", None)
        reached = Reached(
            self._node,
            host,
            port,
            talosconfig="" if file is None else str(file),
            context=self._own.talos.context or "",
            fingerprint=fingerprint,
            simulated=self._simulated_image,
            expect=self.sides.talos.expect.model_dump(mode="json"),
            sections=sections,
            doors={str(port): self._door(port, deadline) for port in self.ports(self._image)},
            kubeconfig=str(self._own.kubernetes.kubeconfig or ""),
            kube_context=self._own.kubernetes.context or "",
            networks=dict(self._networks or {}),
        )
        write_reached(self._directory, reached)
        return access_of(reached)
