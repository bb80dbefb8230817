"""The probes of one node, each made when it is first needed, out of what the node is asked by. Judges nothing.

A node whose boot is watched is asked nothing before its console shows that a kernel runs: before that nobody could
answer, and a firmware has no use for connections to ports that it does not have.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from hil.asking.cluster import Cluster
from hil.asking.surroundings import InTailnet, Surroundings
from hil.clock import Deadline
from hil.config.expect import KubernetesExpect, TailscaleExpect, TalosExpect
from hil.errors import InfrastructureError
from hil.joining import SERVICE
from hil.readiness.condition import Condition
from hil.readiness.kubernetes.asking import ask
from hil.readiness.kubernetes.probe import KubernetesProbe, KubernetesSources
from hil.readiness.panel import Probe
from hil.readiness.rounds import Missing
from hil.readiness.tailscale.probe import TailscaleProbe
from hil.readiness.tailscale.sources import Sources as TailscaleSources
from hil.services.tailnet.localapi import LocalApi

if TYPE_CHECKING:
    from hil.readiness.talos.probe import TalosProbe

_RUNNING = TalosExpect(services=(SERVICE,))
_LOG = f"ext-{SERVICE}"


class Sides:
    """One node's probes, from their making to `close`.

    Args:
        around: the node, and what stands around it.
        talos: makes the probe of Talos on it; the sides close it.
    """

    def __init__(self, around: Surroundings, talos: Callable[[], TalosProbe]) -> None:
        self._around = around
        self._make_talos = talos

    @cached_property
    def talos(self) -> TalosProbe:
        """Asks Talos."""
        return self._make_talos()

    @cached_property
    def tailscale(self) -> TailscaleProbe:
        """Asks the node, the control server and a peer about Tailscale on it."""
        around, talos = self._around, self.talos
        expect = around.expect.tailscale or TailscaleExpect()
        found = around.in_tailnet()
        tailnet = InTailnet(found, found) if isinstance(found, Missing) else found
        port = expect.healthz
        sources = TailscaleSources(
            service=self._service_runs,
            log=self._log,
            addresses=lambda: talos.addresses,
            healthz=Missing("it is not expected") if port is None else lambda deadline: self._door(port, deadline),
            control=tailnet.control,
            peer=tailnet.peer if isinstance(tailnet.peer, Missing) else LocalApi(tailnet.peer),
            networks=around.networks,
        )
        return TailscaleProbe(around.node, expect, sources)

    @cached_property
    def kubernetes(self) -> KubernetesProbe:
        """Asks the node's cluster about it."""
        around, api = self._around, self._cluster.api
        expect = around.expect.kubernetes or KubernetesExpect()
        sources = KubernetesSources(lambda node, wanted, deadline: ask(api, node, wanted, deadline))
        return KubernetesProbe(around.node, expect, sources)

    def expected(self) -> list[Probe]:
        """The probes of what is expected, in the order in which a person reads them."""
        expect = self._around.expect
        probes: list[Probe] = []
        if expect.talos is not None:
            probes.append(self.talos)
        if expect.tailscale is not None:
            probes.append(self.tailscale)
        if expect.kubernetes is not None:
            probes.append(self.kubernetes)
        return probes

    def close(self) -> None:
        """Stop asking."""
        made = vars(self)
        for name in ("tailscale", "kubernetes", "_cluster", "talos"):
            if name in made:
                made[name].close()

    @cached_property
    def _cluster(self) -> Cluster:
        around = self._around
        return Cluster(self._door, lambda: self.talos.answering, around.kubeconfig, around.context)

    def _door(self, port: int, deadline: Deadline) -> tuple[str, int]:
        if self._around.expect.talos is not None and not self.talos.begun:
            raise InfrastructureError("not asked yet: no kernel runs", hint="wait")
        return self._around.door(port, deadline)

    def _service_runs(self, since_ns: int) -> Condition:
        found = self.talos.look_for(_RUNNING, since_ns)
        return next(condition for condition in found if condition.name == f"talos.service.{_LOG}")

    def _log(self, lines: int, deadline: Deadline) -> bytes:
        api = self.talos.answering
        if api is None:
            raise InfrastructureError("Talos has not answered yet", hint="wait")
        return api.logs(_LOG, deadline, tail=lines)
