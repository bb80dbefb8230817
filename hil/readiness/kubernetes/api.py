"""Asks a cluster's API, once for each call, over connections that it keeps. Judges nothing.

It may be shared: by the probe of a node, by that of a CozyStack, by that of a Spin application. A call waits for the
one before it. What cannot be asked is an error of the bench (`hil.readiness.kubernetes.trouble`), never an answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.readiness.kubernetes import kinds, reading
from hil.readiness.kubernetes.access import KubernetesAccess
from hil.readiness.kubernetes.facts import SpinApp
from hil.readiness.kubernetes.fields import Object, line, moment
from hil.readiness.kubernetes.kinds import Kind
from hil.readiness.kubernetes.trouble import CannotAsk, NotLetIn

if TYPE_CHECKING:
    from hil.readiness.kubernetes.wire import Wire

T = TypeVar("T")


class KubernetesApi:
    """Asks from its making to its close; opens a connection when it is first asked.

    Args:
        access: how the cluster is reached now, by a deadline; called before each question, as the door of a machine
            leads elsewhere after each power-on. A HilError that it raises is why nothing can be asked.
    """

    def __init__(self, access: Callable[[Deadline], KubernetesAccess]) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._wire: Wire | None = None
        self._opened: KubernetesAccess | None = None

    def one(self, kind: Kind, name: str, deadline: Deadline, namespace: str = "") -> Object | None:
        """One object; None when there is none of that name.

        Raises:
            CannotAsk: there was no answer that could be used; NoSuchKind when the cluster does not know the kind.
        """
        with self._open(deadline) as wire:
            return wire.one(kind, name, namespace, deadline)

    def all(
        self, kind: Kind, deadline: Deadline, *, fields: dict[str, str] | None = None, namespace: str = ""
    ) -> tuple[Object, ...]:
        """All objects of a kind.

        Args:
            kind: which.
            deadline: by when.
            fields: what their fields must be, as {"spec.nodeName": "node1"}.
            namespace: of which namespace; "" for all of them.

        Raises:
            CannotAsk: as for `one`.
        """
        with self._open(deadline) as wire:
            return wire.all(kind, fields or {}, namespace, deadline)

    def place_and_clock(self, deadline: Deadline) -> tuple[str, datetime | None]:
        """Who is asked, and the server's clock at its last answer; None where it has not said."""
        with self._open(deadline) as wire:
            return wire.place, wire.now

    def handlers(self, node: str, deadline: Deadline) -> tuple[str, ...] | None:
        """The runtime handlers of a node, by its Node.status.runtimeHandlers; None where it says none.

        Raises:
            CannotAsk: as for `one`; also when the cluster has no such node.
        """
        item = self.one(kinds.NODE, node, deadline)
        if item is None:
            raise CannotAsk(f"the cluster has no node {node}", hint="see `kubectl get nodes`: has it joined yet?")
        return reading.node(item).handlers

    def runtime_class(self, name: str, deadline: Deadline) -> str | None:
        """The handler of a RuntimeClass; None when there is no such class.

        Raises:
            CannotAsk: as for `one`.
        """
        item = self.one(kinds.RUNTIME_CLASS, name, deadline)
        return None if item is None else reading.runtime_classes((item,)).get(name, "")

    def spin_app(self, namespace: str, name: str, deadline: Deadline) -> SpinApp | None:
        """A SpinApp; None when there is no such application.

        Raises:
            CannotAsk: as for `one`; NoSuchKind when spin-operator is not installed.
        """
        item = self.one(kinds.SPIN_APP, name, deadline, namespace)
        return None if item is None else reading.spin_app(item)

    def warning(self, namespace: str, pod: str, deadline: Deadline) -> str:
        """What the last warning among a pod's events says; "" where there is none.

        Raises:
            CannotAsk: as for `one`.
        """
        chosen = {"involvedObject.kind": "Pod", "involvedObject.name": pod, "type": "Warning"}
        events = self.all(kinds.EVENT, deadline, fields=chosen, namespace=namespace)
        return line(max(events, key=_when), "message") if events else ""

    def last_line(self, namespace: str, pod: str, container: str, deadline: Deadline) -> str:
        """The last line of a container's log; "" where there is none.

        Raises:
            CannotAsk: as for `one`.
        """
        with self._open(deadline) as wire:
            return wire.last_line(kinds.POD, pod, namespace, container, deadline)

    def close(self) -> None:
        """Close its connections."""
        with self._lock:
            self._shut()

    @contextmanager
    def _open(self, deadline: Deadline) -> Iterator[Wire]:
        access = self._access(deadline)
        left = deadline.remaining()
        if not self._lock.acquire(timeout=-1 if left is None else left):
            raise CannotAsk("another question to the cluster took too long", hint="wait for it")
        try:
            if self._wire is None or access != self._opened:
                self._shut()
                self._wire, self._opened = _wire(access, deadline), access
            yield self._wire
        except NotLetIn:
            self._shut()
            raise
        finally:
            self._lock.release()

    def _shut(self) -> None:
        if self._wire is not None:
            self._wire.close()
        self._wire = self._opened = None


def _wire(access: KubernetesAccess, deadline: Deadline) -> Wire:
    try:
        from hil.readiness.kubernetes.wire import Wire
    except ImportError as error:
        raise InfrastructureError(
            f"Kubernetes cannot be asked: {error.name or 'lightkube'} is not installed",
            hint="install hil with its extra: pip install 'hil[kubernetes]'",
        ) from error
    return Wire(access, deadline)


def _when(event: Object) -> float:
    """An event's last moment: one of a series has no lastTimestamp (k8s.io/api, core/v1: Event)."""
    found = (
        moment(event, "lastTimestamp") or moment(event, "eventTime") or moment(event, "metadata", "creationTimestamp")
    )
    return 0.0 if found is None else found.timestamp()
