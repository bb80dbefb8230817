"""The questions to Talos that are asked, each as one coroutine on a kept channel. Judges no answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.empty_pb2 import Empty
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from hil.readiness.talos import resources
from hil.readiness.talos.changes import Applied
from hil.readiness.talos.channel import CALL_FAILURES, KeptChannel
from hil.readiness.talos.observation import MachineStatus, ServiceState
from hil.readiness.talos.proto.machine_grpc import MachineServiceStub
from hil.readiness.talos.proto.machine_pb2 import (
    ApplyConfigurationRequest,
    Data,
    DmesgRequest,
    EventsRequest,
    LogsRequest,
    ReadRequest,
    RebootRequest,
    ShutdownRequest,
    VersionInfo,
)
from hil.readiness.talos.proto.machine_pb2 import Event as MachineEvent
from hil.readiness.talos.proto.state_grpc import StateStub
from hil.readiness.talos.proto.state_pb2 import (
    BOOTSTRAPPED,
    Event,
    GetRequest,
    ListRequest,
    Resource,
    WatchOptions,
    WatchRequest,
)

if TYPE_CHECKING:
    from grpclib.client import ServiceMethod, Stream

Request = TypeVar("Request")
Answer = TypeVar("Answer")

_MOST_BYTES = 64 << 20
_BOOT_ID_FILE = "/proc/sys/kernel/random/boot_id"


class Calls:
    """Asks one node.

    Args:
        channel: it stays its owner's.
        stall: seconds after which a question without an answer is given up.
    """

    def __init__(self, channel: KeptChannel, stall: float) -> None:
        self.machine = MachineServiceStub(channel)
        self._state = StateStub(channel)
        self._stall = stall

    async def get(self, kind: resources.Kind) -> Resource:
        """One resource; GRPCError with NOT_FOUND when there is none."""
        request = GetRequest(namespace=kind.namespace, type=kind.type, id=kind.id)
        return (await self._state.Get(request, timeout=self._stall)).resource

    async def list(self, kind: resources.Kind) -> list[Resource]:
        """All resources of a type."""
        answers = await self._state.List(ListRequest(namespace=kind.namespace, type=kind.type), timeout=self._stall)
        return [answer.resource for answer in answers]

    async def status(self) -> MachineStatus:
        """Talos's own judgement of the machine."""
        return resources.machine_status(await self.get(resources.MACHINE_STATUS))

    async def version(self) -> VersionInfo:
        """What runs: its tag, as "v1.13.9", and the commit it was built from; ValueError when the answer is empty."""
        answer = await self.machine.Version(Empty(), timeout=self._stall)
        if not answer.messages:
            raise ValueError("the answer names no version")
        return answer.messages[0].version

    async def hostname(self) -> str:
        """What the node calls itself."""
        return resources.hostname(await self.get(resources.HOSTNAME))

    async def extensions(self) -> Mapping[str, str]:
        """Version by name."""
        return resources.extensions(await self.list(resources.EXTENSIONS))

    async def services(self) -> Mapping[str, ServiceState]:
        """State by id; also of services that do not run."""
        return resources.services(await self.machine.ServiceList(Empty(), timeout=self._stall))

    async def addresses(self) -> tuple[str, ...]:
        """The node's addresses."""
        return resources.addresses(await self.get(resources.ADDRESSES))

    async def boot_id(self) -> str:
        """The kernel's boot ID.

        Talos 1.14 has it as a resource; before that it is read as a file, which os:admin alone may
        (siderolabs/talos, internal/integration/base, ReadBootID).
        """
        try:
            return resources.boot_id((await self.get(resources.BOOT_ID)).spec.yaml_spec)
        except GRPCError as error:
            if error.status not in (Status.PERMISSION_DENIED, Status.NOT_FOUND, Status.UNIMPLEMENTED):
                raise
        return resources.boot_id((await self.read(_BOOT_ID_FILE)).decode("ascii", "replace"))

    async def machine_config(self) -> bytes:
        """The machine configuration that is in use, as YAML; os:admin alone may have it."""
        from ruamel.yaml import YAML

        resource = await self.get(resources.MACHINE_CONFIG)
        text = YAML(typ="safe", pure=True).load(resource.spec.yaml_spec)
        if not isinstance(text, str):
            raise ValueError("the machine configuration came as something other than text")
        return text.encode()

    async def apply(self, data: bytes, mode: str, *, dry_run: bool) -> Applied:
        """Give Talos a machine configuration; `mode` as in "no-reboot"."""
        number = ApplyConfigurationRequest.Mode.Value(mode.upper().replace("-", "_"))
        request = ApplyConfigurationRequest(data=data, mode=number, dry_run=dry_run)
        answer = await self.machine.ApplyConfiguration(request, timeout=self._stall)
        if not answer.messages:
            raise ValueError("the answer to a machine configuration is empty")
        said = answer.messages[0]
        name = ApplyConfigurationRequest.Mode.Name(said.mode).lower().replace("_", "-")
        return Applied(name, said.mode_details, tuple(said.warnings))

    async def reboot(self) -> None:
        """Tell it to reboot."""
        await self.machine.Reboot(RebootRequest(), timeout=self._stall)

    async def shutdown(self) -> None:
        """Tell it to shut down."""
        await self.machine.Shutdown(ShutdownRequest(), timeout=self._stall)

    async def read(self, path: str) -> bytes:
        """A file of the node."""
        return await self._bytes(self.machine.Read, ReadRequest(path=path))

    async def kubeconfig(self) -> bytes:
        """An administrator's kubeconfig in a compressed archive, as Talos sends it; os:admin alone may have it."""
        return await self._bytes(self.machine.Kubeconfig, Empty())

    async def dmesg(self) -> bytes:
        """The kernel's log, as it is now."""
        return await self._bytes(self.machine.Dmesg, DmesgRequest())

    async def logs(self, service: str, tail: int | None) -> bytes:
        """What a service has logged; its last lines alone when `tail` says how many."""
        request = LogsRequest(namespace="system", id=service, tail_lines=-1 if tail is None else tail)
        return await self._bytes(self.machine.Logs, request)

    async def events(self, tail: int) -> AsyncIterator[MachineEvent]:
        """What Talos says happened, the last `tail` of it (-1: all), and then what happens. Close it to stop."""
        async with _cancelled(self.machine.Events, EventsRequest(tail_events=tail)) as answers:
            async for event in answers:
                yield event

    async def watch(self, kind: resources.Kind) -> AsyncIterator[tuple[Event, bool]]:
        """What a kind of resource is, and each change; with whether that was so before one began to watch."""
        request = WatchRequest(namespace=kind.namespace, type=kind.type, api_version=1)
        if kind.id:
            request.id = kind.id
        else:
            request.options.CopyFrom(WatchOptions(bootstrap_contents=True))
        old = True
        async with _cancelled(self._state.Watch, request) as answers:
            async for answer in answers:
                for event in answer.event:
                    if event.event_type == BOOTSTRAPPED:
                        old = False
                        continue
                    yield event, old
                    old = old and not kind.id

    async def _bytes(self, method: ServiceMethod[Request, Data], request: Request) -> bytes:
        """All of a stream of bytes; a pause longer than `stall` ends it with TimeoutError."""
        parts: list[bytes] = []
        size = 0
        async with asyncio.timeout(self._stall) as patience, _cancelled(method, request) as answers:
            async for answer in answers:
                patience.reschedule(asyncio.get_running_loop().time() + self._stall)
                parts.append(answer.bytes)
                size += len(answer.bytes)
                if size > _MOST_BYTES:
                    raise ValueError(f"more than {_MOST_BYTES >> 20} MiB came")
        return b"".join(parts)


@contextlib.asynccontextmanager
async def _cancelled(
    method: ServiceMethod[Request, Answer], request: Request
) -> AsyncIterator[Stream[Request, Answer]]:
    """A stream of answers that is cancelled at the end: grpclib would wait for the server to end it."""
    async with method.open() as stream:
        await stream.send_message(request, end=True)
        try:
            yield stream
        finally:
            with contextlib.suppress(*CALL_FAILURES):
                await stream.cancel()
