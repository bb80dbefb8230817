"""The resources of Talos that are read, and what their specs say. Asks nothing; imports protobuf, so import it late.

Types, namespaces and ids are machinery v1.13.9's (resources/*). The spec comes twice, as protobuf and as YAML
(cosi-project/runtime, pkg/resource/protobuf); the protobuf one is read, as it needs no guess of types.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hil.readiness.talos.observation import MachineStatus, ServiceState, Unmet
from hil.readiness.talos.proto.machine_pb2 import ServiceInfo, ServiceListResponse
from hil.readiness.talos.proto.specs_pb2 import Extension, Hostname, NodeAddresses, Service
from hil.readiness.talos.proto.specs_pb2 import MachineStatus as MachineStatusSpec
from hil.readiness.talos.proto.state_pb2 import Resource

# What the health of a service that stops becomes. Where nothing checks it, as with an extension's, it stays so when
# the service runs again (internal/app/machined/pkg/system/service_runner.go, run).
_NOT_RUNNING: Final = "service not running"
_BOOT_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource, or all of one type.

    Args:
        namespace: where it is.
        type: what it is.
        id: which one; "" for all of the type.
    """

    namespace: str
    type: str
    id: str = ""


MACHINE_STATUS: Final = Kind("runtime", "MachineStatuses.runtime.talos.dev", "machine")
EXTENSIONS: Final = Kind("runtime", "ExtensionStatuses.runtime.talos.dev")
SERVICES: Final = Kind("runtime", "Services.v1alpha1.talos.dev")
HOSTNAME: Final = Kind("network", "HostnameStatuses.net.talos.dev", "hostname")
ADDRESSES: Final = Kind("network", "NodeAddresses.net.talos.dev", "current")
BOOT_ID: Final = Kind("runtime", "BootIDs.runtime.talos.dev", "boot-id")
MACHINE_CONFIG: Final = Kind("config", "MachineConfigs.config.talos.dev", "v1alpha1")


def machine_status(resource: Resource) -> MachineStatus:
    """Talos's own judgement of the machine."""
    spec = MachineStatusSpec.FromString(resource.spec.proto_spec)
    unmet = tuple(Unmet(item.name, item.reason) for item in spec.status.unmet_conditions)
    return MachineStatus(_stage(spec.stage), spec.status.ready, unmet)


def _stage(number: int) -> str:
    """A stage in Talos's own words, as "shutting down" (machinery, resources/runtime, MachineStage)."""
    known = MachineStatusSpec.Stage.DESCRIPTOR.values_by_number.get(number)
    return f"stage {number}, which hil does not know" if known is None else known.name.lower().replace("_", " ")


def hostname(resource: Resource) -> str:
    """What the node calls itself, without its domain."""
    return Hostname.FromString(resource.spec.proto_spec).hostname


def extensions(resources: Iterable[Resource]) -> Mapping[str, str]:
    """Version by name, of each extension."""
    specs = [Extension.FromString(resource.spec.proto_spec).metadata for resource in resources]
    return {spec.name: spec.version for spec in specs}


def addresses(resource: Resource) -> tuple[str, ...]:
    """The node's addresses with their prefix length.

    Raises:
        ValueError: one of them is none.
    """
    spec = NodeAddresses.FromString(resource.spec.proto_spec)
    return tuple(f"{ipaddress.ip_address(item.ip)}/{item.prefix_length}" for item in spec.addresses)


def boot_id(text: str) -> str:
    """A boot ID out of text that holds one and little else.

    Raises:
        ValueError: there is none.
    """
    found = _BOOT_ID.search(text)
    if found is None:
        raise ValueError("there is no boot ID in the answer")
    return found.group()


def services(answer: ServiceListResponse) -> Mapping[str, ServiceState]:
    """State by id, of each service that Talos lists."""
    return {service.id: _service(service) for message in answer.messages for service in message.services}


def _service(service: ServiceInfo) -> ServiceState:
    health = service.health
    checked = service.state == "Running" and not health.unknown and health.last_message != _NOT_RUNNING
    last = service.events.events[-1].msg if service.events.events else ""
    words = health.last_message if checked and not health.healthy and health.last_message else last
    return ServiceState(service.state, health.healthy if checked else None, _one_line(words))


def in_words(kind: Kind, resource: Resource) -> str:
    """What a resource that is watched says now, in a few words; the same words mean that nothing changed.

    Raises:
        DecodeError: its spec is garbage.
    """
    data = resource.spec.proto_spec
    if kind == MACHINE_STATUS:
        status = machine_status(resource)
        unmet = ", ".join(f"{item.name} ({_one_line(item.reason)})" for item in status.unmet)
        return f"{status.stage}, {'ready' if status.ready else 'not ready'}" + (f": {unmet}" if unmet else "")
    if kind == SERVICES:
        service = Service.FromString(data)
        health = "" if service.unknown else ", healthy" if service.healthy else ", unhealthy"
        return ("running" if service.running else "not running") + health
    if kind == EXTENSIONS:
        return Extension.FromString(data).metadata.version
    return hostname(resource)


def _one_line(text: str) -> str:
    return " ".join(text.split())
