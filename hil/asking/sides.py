"""The probes of one node, each made when it is first needed, out of what the node is asked by. Judges nothing.

A node whose boot is watched is asked nothing before its console shows that a kernel runs: before that nobody could
answer, and a firmware has no use for connections to ports that it does not have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Protocol

from hil.asking.cluster import Cluster
from hil.asking.surroundings import Surroundings
from hil.clock import Deadline
from hil.config.expect import CozystackExpect, KubernetesExpect, SpinExpect, TailscaleExpect, TalosExpect
from hil.errors import InfrastructureError
from hil.joining import SERVICE, InTailnet
from hil.once import MadeOnce
from hil.readiness.condition import Condition
from hil.readiness.cozystack.asking import ask as ask_cozystack
from hil.readiness.cozystack.probe import CozystackProbe, CozystackSources
from hil.readiness.kubernetes.api import KubernetesApi
from hil.readiness.kubernetes.asking import ask
from hil.readiness.kubernetes.probe import KubernetesProbe, KubernetesSources
from hil.readiness.panel import Probe
from hil.readiness.rounds import Missing
from hil.readiness.spin.probe import SpinProbe
from hil.readiness.spin.sources import SpinSources
from hil.readiness.tailscale.probe import TailscaleProbe
from hil.readiness.tailscale.sources import Sources as TailscaleSources
from hil.services.tailnet.control import ControlServer, TailnetNode
from hil.services.tailnet.localapi import LocalApi

if TYPE_CHECKING:
    from hil.readiness.talos.api import TalosApi
    from hil.readiness.talos.probe import TalosProbe

_NO_KERNEL = "not asked yet: no kernel runs"
_SPIN = "spin"
_NO_CLUSTER = Missing(
    "no cluster is asked about the node", "expect something of `kubernetes:`, or give the node a kubeconfig"
)

_NO_KUBECONFIG = Missing(
    "no kubeconfig was given, and Talos, which would hand one out, is not asked",
    "give a kubeconfig, or what opens Talos: a talosconfig",
)


class Others(Probe, Protocol):
    """A probe that asks in rounds."""

    @property
    def asked(self) -> bool:
        """Whether everything was asked once, or cannot be."""
        ...


@dataclass(frozen=True, slots=True)
class _OnceBegun:
    """A control server, from the moment on at which the machine runs a kernel."""

    server: ControlServer
    talos: TalosProbe

    @property
    def name(self) -> str:
        return self.server.name

    def nodes(self, deadline: Deadline) -> tuple[TailnetNode, ...]:
        if not self.talos.begun:
            raise InfrastructureError(_NO_KERNEL, hint="wait")
        return self.server.nodes(deadline)


class Sides:
    """One node's probes, from their making to `close`.

    Args:
        around: the node, and what stands around it.
        talos: makes the probe of Talos on it; the sides close it.
    """

    def __init__(self, around: Surroundings, talos: Callable[[], TalosProbe]) -> None:
        self._around = around
        self._make_talos = talos

    @MadeOnce  # the other probes' threads ask for it too
    def talos(self) -> TalosProbe:
        """Asks Talos."""
        return self._make_talos()

    @cached_property
    def tailscale(self) -> TailscaleProbe:
        """Asks the node, the control server and a peer about Tailscale on it."""
        around = self._around
        expect = around.expect.tailscale or TailscaleExpect()
        found = around.in_tailnet()
        tailnet = InTailnet(found, found) if isinstance(found, Missing) else found
        # A node that was configured for no tailnet, as there can be none, is not asked whether it is in one.
        no_tailnet = found if isinstance(found, Missing) else None
        port = expect.healthz
        no_port = no_tailnet or (Missing("it is not expected") if port is None else None)
        sources = TailscaleSources(
            service=no_tailnet or around.no_talos or (lambda since_ns: self._service_runs(SERVICE, since_ns)),
            log=no_tailnet or around.no_talos or self._log,
            addresses=no_tailnet or around.no_talos or partial(_addresses_of, self.talos),
            healthz=no_port or (lambda deadline: self._door(port or 0, deadline)),
            control=self._once_begun(tailnet.control),
            peer=tailnet.peer if isinstance(tailnet.peer, Missing) else LocalApi(tailnet.peer),
            networks=around.networks,
            ask_talos=self._ask_talos,
        )
        return TailscaleProbe(around.node, expect, sources)

    @cached_property
    def kubernetes(self) -> KubernetesProbe:
        """Asks the node's cluster about it."""
        around, api = self._around, self._cluster
        expect = around.expect.kubernetes or KubernetesExpect()
        facts = api if isinstance(api, Missing) else partial(ask, api)
        return KubernetesProbe(around.node, expect, KubernetesSources(facts))

    @cached_property
    def cozystack(self) -> CozystackProbe:
        """Asks the node's cluster about the CozyStack there."""
        api = self._cluster
        expect = self._around.expect.cozystack or CozystackExpect()
        facts = api if isinstance(api, Missing) else partial(ask_cozystack, api)
        return CozystackProbe(self._around.node, expect, CozystackSources(facts))

    @cached_property
    def spin(self) -> SpinProbe:
        """Asks Talos, the node's cluster and the application about Spin on it."""
        around = self._around
        kubernetes = around.expect.kubernetes
        sources = SpinSources(
            extension=around.no_talos or self._extension,
            started=around.no_talos or (lambda: self.talos.running_since(f"ext-{_SPIN}")),
            read=around.no_talos or self._read,
            cluster=self._cluster if kubernetes or around.kubeconfig else _NO_CLUSTER,
            reach=self._door,
            node="" if kubernetes is None else kubernetes.node or "",
            ask_talos=self._ask_talos,
        )
        return SpinProbe(around.node, around.expect.spin or SpinExpect(), sources)

    def expected(self) -> list[Probe]:
        """The probes of what is expected, in the order in which a person reads them."""
        talos: list[Probe] = [] if self._around.expect.talos is None else [self.talos]
        return [*talos, *self.others()]

    def others(self) -> list[Others]:
        """Those of them that ask something else than Talos."""
        expect = self._around.expect
        probes: list[Others] = []
        if expect.tailscale is not None:
            probes.append(self.tailscale)
        if expect.spin is not None:
            probes.append(self.spin)
        if expect.kubernetes is not None:
            probes.append(self.kubernetes)
        if expect.cozystack is not None:
            probes.append(self.cozystack)
        return probes

    def close(self) -> None:
        """Stop asking."""
        made = vars(self)
        for name in ("tailscale", "spin", "kubernetes", "cozystack", "_own_cluster", "talos"):
            if name in made:
                made[name].close()

    @property
    def _cluster(self) -> KubernetesApi | Missing:
        if self._around.kubeconfig is None and self._around.no_talos is not None:
            return _NO_KUBECONFIG
        return self._own_cluster.api

    @MadeOnce
    def _own_cluster(self) -> Cluster:
        around = self._around
        return Cluster(self._door, lambda: self.talos.answering, around.kubeconfig, around.context)

    def _once_begun(self, control: ControlServer | Missing) -> ControlServer | Missing:
        """A control server that is asked about the node only when that could have joined."""
        if isinstance(control, Missing) or self._around.expect.talos is None:
            return control
        return _OnceBegun(control, self.talos)

    def _door(self, port: int, deadline: Deadline) -> tuple[str, int]:
        if self._around.expect.talos is not None and not self.talos.begun:
            raise InfrastructureError(_NO_KERNEL, hint="wait")
        return self._around.door(port, deadline)

    def _ask_talos(self) -> None:
        """For what is judged by its last round, which nobody else has it begin anew."""
        if "talos" in vars(self):
            self.talos.ask_now()

    def _service_runs(self, name: str, since_ns: int) -> Condition:
        found = self.talos.look_for(TalosExpect(services=(name,)), since_ns)
        return next(condition for condition in found if condition.name == f"talos.service.ext-{name}")

    def _extension(self, name: str, version: str, since_ns: int) -> Condition:
        found = self.talos.look_for(TalosExpect(extensions={name: version}), since_ns)
        return next(condition for condition in found if condition.name == f"talos.extension.{name}")

    def _log(self, lines: int, deadline: Deadline) -> bytes:
        return self._answering.logs(f"ext-{SERVICE}", deadline, tail=lines)

    def _read(self, path: str, deadline: Deadline) -> bytes:
        return self._answering.read(path, deadline)

    @property
    def _answering(self) -> TalosApi:
        api = self.talos.answering
        if api is None:
            raise InfrastructureError("Talos has not answered yet", hint="wait")
        return api


def _addresses_of(talos: TalosProbe) -> tuple[str, ...]:
    return talos.addresses
