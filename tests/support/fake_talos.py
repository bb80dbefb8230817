"""A stand-in for Talos's API in a thread of this process: it says what the test sets. It is no simulated node."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from grpclib.protocol import H2Protocol
from grpclib.server import Server, Stream
from support.talos_pki import Cluster, Pair

from hil.readiness.talos.proto import machine_pb2 as machine
from hil.readiness.talos.proto import specs_pb2 as specs
from hil.readiness.talos.proto import state_pb2 as state
from hil.readiness.talos.proto.machine_grpc import MachineServiceBase
from hil.readiness.talos.proto.state_grpc import StateBase

T = TypeVar("T")
Listed: TypeAlias = state.GetRequest | state.ListRequest | state.WatchRequest

STATUS = ("runtime", "MachineStatuses.runtime.talos.dev")
EXTENSIONS = ("runtime", "ExtensionStatuses.runtime.talos.dev")
SERVICES = ("runtime", "Services.v1alpha1.talos.dev")
HOSTNAME = ("network", "HostnameStatuses.net.talos.dev")
ADDRESSES = ("network", "NodeAddresses.net.talos.dev")
CONFIG = ("config", "MachineConfigs.config.talos.dev")
SENSITIVE = (CONFIG,)
BOOT_ID = "0f3c1d9e-5a52-4a4e-9d0a-3b2f5f1c7a11"


class Said:
    """What the node says now."""

    def __init__(self) -> None:
        self.resources: dict[tuple[str, str], dict[str, state.Resource]] = {}
        self.services: dict[str, machine.ServiceInfo] = {}
        self.version = "v1.13.9"
        self.commit = "1f3a8d0c"
        self.boot_id = BOOT_ID
        self.files: dict[str, bytes] = {}
        self.kubeconfig = b""
        self.refuse: dict[str, GRPCError] = {}
        self.stall: set[str] = set()
        self.asked: list[str] = []
        self.applied: list[machine.ApplyConfigurationRequest] = []
        self.rebooted = 0
        self.events: list[machine.Event] = []
        self.clock_ahead = 0.0


class FakeTalos:
    """The API of one node, from `start` to `close`.

    Args:
        cluster: whose; None makes it a node in maintenance mode.
        server: what it shows.
        maximum: version of TLS.
        port: to listen on; 0 for any.
    """

    def __init__(
        self,
        folder: Path,
        cluster: Cluster | None,
        server: Pair,
        *,
        maximum: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
        port: int = 0,
    ) -> None:
        self.said = Said()
        self.port = port
        self._context = _server_context(folder, cluster, server, maximum)
        self.loop = asyncio.new_event_loop()
        self._watchers: list[tuple[tuple[str, str], asyncio.Queue[state.Event]]] = []
        self._listeners: list[asyncio.Queue[machine.Event]] = []
        self._started = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.server: _Server | None = None
        self.be()

    def start(self) -> FakeTalos:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def close(self) -> None:
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(10)
            assert not self._thread.is_alive()

    def __enter__(self) -> FakeTalos:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def be(
        self,
        stage: str = "running",
        *,
        ready: bool = True,
        unmet: Mapping[str, str] | None = None,
        hostname: str = "node1",
        extensions: Mapping[str, str] | None = None,
        services: Mapping[str, tuple[str, bool | None]] | None = None,
    ) -> None:
        """Say all of this at once; services are (state, healthy)."""
        number = specs.MachineStatus.Stage.Value(stage.upper().replace(" ", "_"))
        lacking = [specs.MachineStatus.Unmet(name=name, reason=why) for name, why in (unmet or {}).items()]
        status = specs.MachineStatus.Status(ready=ready, unmet_conditions=lacking)
        given = {"hello": "0.1.0"} if extensions is None else extensions
        listed = {"apid": ("Running", True), "ext-hello": ("Running", None)} if services is None else services
        address = specs.NodeAddresses.Prefix(ip=ipaddress.ip_address("10.0.2.15").packed, prefix_length=24)
        self.put(STATUS, "machine", specs.MachineStatus(stage=number, status=status))
        self.put(HOSTNAME, "hostname", specs.Hostname(hostname=hostname))
        self.put(ADDRESSES, "current", specs.NodeAddresses(addresses=[address]))
        self.put_all(EXTENSIONS, {name: _extension(name, version) for name, version in given.items()})
        running = {name: item for name, item in listed.items() if item[0] == "Running"}
        self.put_all(SERVICES, {name: _service(healthy) for name, (_, healthy) in running.items()})
        self.said.services = {name: _info(name, *item) for name, item in listed.items()}

    def put(self, kind: tuple[str, str], name: str, spec: Message | bytes, *, yaml: str = "") -> None:
        there = self.said.resources.setdefault(kind, {})
        event = state.UPDATED if name in there else state.CREATED
        data = spec if isinstance(spec, bytes) else spec.SerializeToString()
        there[name] = self._resource(kind, name, data, yaml)
        self._tell(kind, state.Event(resource=there[name], event_type=event))

    def put_all(self, kind: tuple[str, str], named: Mapping[str, Message]) -> None:
        there = self.said.resources.setdefault(kind, {})
        for name in [name for name in there if name not in named]:
            self._tell(kind, state.Event(resource=there.pop(name), event_type=state.DESTROYED))
        for name, spec in named.items():
            self.put(kind, name, spec)

    def happen(self, message: Message, name: str) -> None:
        """An event of Talos."""
        packed = AnyMessage(
            type_url=f"talos/runtime/machine.{type(message).__name__}", value=message.SerializeToString()
        )
        event = machine.Event(data=packed, id=name)
        self.said.events.append(event)
        self._soon(lambda: [queue.put_nowait(event) for queue in self._listeners])

    def drop(self) -> None:
        """Cut every connection."""
        self._soon(self._cut)

    def say_farewell(self) -> None:
        """Say on every connection that it stops, as a server does that still answers what it was asked: GOAWAY."""
        self._soon(self._leave)

    def _leave(self) -> None:
        for protocol in self._spoken:
            protocol.connection._transport.write(b"\0\0\x08\x07" + bytes(5) + b"\x7f\xff\xff\xff" + bytes(4))

    def _cut(self) -> None:
        assert self.server is not None
        for protocol in self._spoken:
            protocol.processor.close()
        self.server.protocols.clear()

    @property
    def _spoken(self) -> list[H2Protocol]:
        """Connections whose TLS has come about; of a client's several tries at once some are given up before."""
        assert self.server is not None
        return [protocol for protocol in self.server.protocols if hasattr(protocol, "processor")]

    def _resource(self, kind: tuple[str, str], name: str, data: bytes, yaml: str) -> state.Resource:
        resource = state.Resource(
            metadata=state.Metadata(namespace=kind[0], type=kind[1], id=name),
            spec=state.Spec(proto_spec=data, yaml_spec=yaml),
        )
        resource.metadata.updated.FromNanoseconds(round((time.time() + self.said.clock_ahead) * 1e9))
        return resource

    def _tell(self, kind: tuple[str, str], event: state.Event) -> None:
        def tell() -> None:
            for watched, queue in self._watchers:
                if watched == kind:
                    queue.put_nowait(event)

        self._soon(tell)

    def _soon(self, callback: Callable[[], object]) -> None:
        if self._thread_runs():
            self.loop.call_soon_threadsafe(callback)

    def _thread_runs(self) -> bool:
        return self._started.is_set() and self._thread.is_alive()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._serve())
        finally:
            self.loop.close()

    async def _serve(self) -> None:
        self.server = _Server([_Machine(self), _State(self)])
        await self.server.start("127.0.0.1", self.port, ssl=self._context)
        assert self.server._server is not None
        self.port = self.server._server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        self.server.close()
        self._cut()
        await self.server.wait_closed()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    @asynccontextmanager
    async def watching(self, kind: tuple[str, str]) -> AsyncIterator[asyncio.Queue[state.Event]]:
        queue: asyncio.Queue[state.Event] = asyncio.Queue()
        self._watchers.append((kind, queue))
        try:
            yield queue
        finally:
            self._watchers.remove((kind, queue))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Queue[machine.Event]]:
        queue: asyncio.Queue[machine.Event] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            yield queue
        finally:
            self._listeners.remove(queue)

    async def answer(self, name: str, stream: Stream[T, Any]) -> T:
        """The request, once it is clear that it will be answered."""
        self.said.asked.append(name)
        request = await stream.recv_message()
        assert request is not None
        while {name, "all"} & self.said.stall:
            await asyncio.sleep(0.01)
        if name in self.said.refuse or "all" in self.said.refuse:
            raise self.said.refuse.get(name) or self.said.refuse["all"]
        return request


class _Server(Server):
    """grpclib's, which forgets its connections."""

    def __init__(self, handlers: list[Any]) -> None:
        super().__init__(handlers)
        self.protocols: list[H2Protocol] = []

    def _protocol_factory(self) -> H2Protocol:
        self.protocols.append(super()._protocol_factory())
        return self.protocols[-1]


class _State(StateBase):
    def __init__(self, talos: FakeTalos) -> None:
        self._talos = talos

    async def Get(self, stream: Stream[state.GetRequest, state.GetResponse]) -> None:
        request = await self._talos.answer("Get", stream)
        there = self._there(request, stream)
        if request.id not in there:
            raise GRPCError(Status.NOT_FOUND, f"resource {request.type}({request.id}) doesn't exist")
        await stream.send_message(state.GetResponse(resource=there[request.id]))

    async def List(self, stream: Stream[state.ListRequest, state.ListResponse]) -> None:
        request = await self._talos.answer("List", stream)
        for resource in list(self._there(request, stream).values()):  # a test may change it while this sends
            await stream.send_message(state.ListResponse(resource=resource))

    async def Watch(self, stream: Stream[state.WatchRequest, state.WatchResponse]) -> None:
        request = await self._talos.answer("Watch", stream)
        kind = (request.namespace, request.type)
        async with self._talos.watching(kind) as queue:
            for name, resource in list(self._there(request, stream).items()):
                if request.options.bootstrap_contents or request.id == name:
                    await _say(stream, state.Event(resource=resource, event_type=state.CREATED))
            if request.options.bootstrap_contents:
                await _say(stream, state.Event(event_type=state.BOOTSTRAPPED))
            while True:
                event = await queue.get()
                if not request.id or request.id == event.resource.metadata.id:
                    await _say(stream, event)

    def _there(self, request: Listed, stream: Stream[Any, Any]) -> dict[str, state.Resource]:
        kind = (request.namespace, request.type)
        there = self._talos.said.resources.get(kind)
        if there is None or (kind in SENSITIVE and "os:admin" not in _roles(stream)):
            raise GRPCError(Status.PERMISSION_DENIED, "no access is permitted")
        return there


class _Machine(MachineServiceBase):
    def __init__(self, talos: FakeTalos) -> None:
        self._talos = talos

    async def _allow(self, name: str, stream: Stream[T, Any], *roles: str) -> T:
        request = await self._talos.answer(name, stream)
        if not {"os:admin", *roles} & set(_roles(stream)):
            raise GRPCError(Status.PERMISSION_DENIED, "not authorized")
        return request

    async def Version(self, stream: Stream[Any, machine.VersionResponse]) -> None:
        await self._talos.answer("Version", stream)
        said = self._talos.said
        version = machine.Version(version=machine.VersionInfo(tag=said.version, sha=said.commit))
        await stream.send_message(machine.VersionResponse(messages=[version]))

    async def ServiceList(self, stream: Stream[Any, machine.ServiceListResponse]) -> None:
        await self._talos.answer("ServiceList", stream)
        services = machine.ServiceList(services=self._talos.said.services.values())
        await stream.send_message(machine.ServiceListResponse(messages=[services]))

    async def Events(self, stream: Stream[machine.EventsRequest, machine.Event]) -> None:
        await self._talos.answer("Events", stream)
        async with self._talos.listening() as queue:
            await stream.send_message(machine.Event())
            for event in list(self._talos.said.events):
                await stream.send_message(event)
            while True:
                await stream.send_message(await queue.get())

    async def Dmesg(self, stream: Stream[Any, machine.Data]) -> None:
        await self._talos.answer("Dmesg", stream)
        for line in (b"user: warning: [2026-11-25T00:00:00Z]: [talos] one\n", b"two \xff\n"):
            await stream.send_message(machine.Data(bytes=line))

    async def Logs(self, stream: Stream[machine.LogsRequest, machine.Data]) -> None:
        request = await self._talos.answer("Logs", stream)
        if request.id not in self._talos.said.services:
            raise GRPCError(Status.NOT_FOUND, f'service "{request.id}" not found')
        lines = [b"%d\n" % number for number in range(5)]
        for line in lines if request.tail_lines < 0 else lines[-request.tail_lines :]:
            await stream.send_message(machine.Data(bytes=line))

    async def Read(self, stream: Stream[machine.ReadRequest, machine.Data]) -> None:
        request = await self._allow("Read", stream)
        said = self._talos.said
        data = said.files.get(request.path, f"{said.boot_id}\n".encode())
        await stream.send_message(machine.Data(bytes=data))

    async def Kubeconfig(self, stream: Stream[Any, machine.Data]) -> None:
        await self._allow("Kubeconfig", stream)
        await stream.send_message(machine.Data(bytes=self._talos.said.kubeconfig))

    async def ApplyConfiguration(
        self, stream: Stream[machine.ApplyConfigurationRequest, machine.ApplyConfigurationResponse]
    ) -> None:
        request = await self._allow("ApplyConfiguration", stream, "maintenance")
        if b"bad" in request.data:
            raise GRPCError(Status.INVALID_ARGUMENT, "configuration validation failed:\n1 error occurred")
        self._talos.said.applied.append(request)
        said = machine.ApplyConfiguration(mode=request.mode, mode_details="Applied", warnings=["careful"])
        await stream.send_message(machine.ApplyConfigurationResponse(messages=[said]))

    async def Reboot(self, stream: Stream[Any, machine.RebootResponse]) -> None:
        await self._allow("Reboot", stream, "os:operator")
        self._talos.said.rebooted += 1
        await stream.send_message(machine.RebootResponse())

    async def Shutdown(self, stream: Stream[Any, machine.ShutdownResponse]) -> None:
        await self._allow("Shutdown", stream, "os:operator")
        await stream.send_message(machine.ShutdownResponse())


async def _say(stream: Stream[Any, state.WatchResponse], event: state.Event) -> None:
    await stream.send_message(state.WatchResponse(event=[event]))


def _roles(stream: Stream[Any, Any]) -> list[str]:
    """The roles of who asks; in maintenance mode whoever asks reads, and may give a configuration."""
    assert stream.peer is not None
    certificate = stream.peer.cert()
    if not certificate:
        return ["os:reader", "maintenance"]
    return [value for part in certificate["subject"] for key, value in part if key == "organizationName"]


def _extension(name: str, version: str) -> specs.Extension:
    return specs.Extension(metadata=specs.Extension.Metadata(name=name, version=version))


def _service(healthy: bool | None) -> specs.Service:
    return specs.Service(running=True, healthy=bool(healthy), unknown=healthy is None)


def _info(name: str, what: str, healthy: bool | None) -> machine.ServiceInfo:
    event = machine.ServiceEvent(msg=f"{name} is {what}")
    health = machine.ServiceHealth(unknown=healthy is None, healthy=bool(healthy), last_message="it hurts")
    return machine.ServiceInfo(id=name, state=what, events=machine.ServiceEvents(events=[event]), health=health)


def _server_context(folder: Path, cluster: Cluster | None, server: Pair, maximum: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = maximum
    context.load_cert_chain(server.write(folder, "server"))
    context.set_alpn_protocols(["h2"])
    if cluster is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=cluster.ca.crt.decode())
    return context
