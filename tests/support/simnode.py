"""The simulated Talos node as a process of this host: ready in half a second, told of faults, ended with its block.

Its programs are built from `fixtures/node` when they have to be, so it belongs to the boot tier. Asserts nothing.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import IO

from hil.clock import Deadline, now_ns
from hil.console.stream import Chunk
from hil.console.transcript import Transcript
from hil.images.contents import ROOTFS
from hil.images.extensions import SHIPPED
from hil.readiness.talos.access import Access
from hil.readiness.talos.talosconfig import load
from hil.services import talos_config
from hil.services.talos_config import MachineConfig
from hil.tools.cache import Cache
from hil.tools.gonode import node_program
from hil.tools.progress import quiet

PATIENCE = 120.0
"""Seconds that anything may take on a host that is busy with something else."""

HELLO: Mapping[str, Mapping[str, str]] = {"hello": {"HELLO_NAME": "world"}}

_BUILT_WITHIN = 1800.0
_ENDS_WITHIN = 20.0


def program(name: str) -> Path:
    """A program of the simulated node for this host, built if need be: machined, talostool, hello."""
    return node_program(name, Cache(), progress=quiet, deadline=Deadline.after(_BUILT_WITHIN))


def make_config(
    folder: Path,
    *,
    hostname: str = "node1",
    secrets: Path | None = None,
    extension_configs: Mapping[str, Mapping[str, str]] = HELLO,
) -> MachineConfig:
    """A machine configuration of Talos's own generator, for a hosted node or a guest of QEMU's user network.

    Args:
        folder: made; its last part names the cluster.
        hostname: the node's.
        secrets: those of the cluster that it joins; None for one of its own.
        extension_configs: the environment of each extension service.
    """
    return talos_config.generate(
        program("talostool"),
        folder,
        cluster=folder.name,
        hostname=hostname,
        endpoint="https://10.0.2.15:6443",
        sans=["127.0.0.1", "10.0.2.15"],
        extension_configs=extension_configs,
        install_disk="/dev/vda",
        deadline=Deadline.after(PATIENCE),
        secrets=secrets,
    )


def make_client(
    file: Path, machine: MachineConfig, *, roles: Sequence[str] = ("os:admin",), expired: bool = False
) -> Path:
    """One more talosconfig of a node's cluster."""
    return talos_config.client(
        program("talostool"),
        file,
        machine,
        endpoint="127.0.0.1",
        deadline=Deadline.after(PATIENCE),
        roles=roles,
        expired=expired,
    )


def hello_layer(root: Path) -> Path:
    """The files of the extension hello as its layer brings them, for a host: it takes any port. Returns the root."""
    hello = SHIPPED["hello"]
    assert hello.service is not None
    service = hello.service.read_text().replace("HELLO_ADDRESS=:8081", "HELLO_ADDRESS=127.0.0.1:0")
    return _layer(root, "hello", service, "hello")


_SPIN = """\
name: spin
container: {entrypoint: /bin/wasmtime, environment: ["HELLO_ADDRESS=127.0.0.1:0", "HELLO_NAME=spin"]}
depends: [{network: [addresses]}]
restart: always
"""


def spin_layer(root: Path) -> Path:
    """Files of an extension spin that runs no WebAssembly: the program of hello is in its runtime's place."""
    part = root / "etc/cri/conf.d/10-spin.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_text('[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.spin]\n')
    return _layer(root, "spin", _SPIN, "bin/wasmtime")


def _layer(root: Path, name: str, service: str, path: str) -> Path:
    files = {
        f"etc/extensions.d/{name}.yaml": SHIPPED[name].manifest.read_bytes(),
        f"usr/local/etc/containers/{name}.yaml": service.encode(),
        f"{ROOTFS}/{name}/{path}": program("hello").read_bytes(),
    }
    for place, data in files.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_bytes(data)
    (root / ROOTFS / name / path).chmod(0o755)
    return root


@dataclass(frozen=True)
class Said:
    """The one line on the standard output of a hosted node.

    Args:
        listening: where its API is or will be, as "127.0.0.1:40001".
        control: where it is told of faults.
        fingerprint: of the key that it shows in maintenance mode, or "".
    """

    listening: str
    control: str
    fingerprint: str


class HostedNode:
    """One hosted node that runs.

    Args:
        process: it; standard error is its console.
        said: what it said first.
    """

    def __init__(self, process: subprocess.Popen[bytes], said: Said) -> None:
        self.process = process
        self.fingerprint = said.fingerprint
        host, _, port = said.listening.rpartition(":")
        self.host, self.port = host, int(port)
        self._control = said.control
        self._grown = threading.Condition()
        self._console = bytearray()
        self._stamped: list[tuple[int, bytes]] = []
        self.transcript = Transcript()
        assert process.stderr is not None
        self._reader = threading.Thread(target=self._read, args=(process.stderr,), daemon=True)
        self._reader.start()

    @property
    def address(self) -> str:
        """As `hil check` is given it."""
        return f"{self.host}:{self.port}"

    def access(self, talosconfig: Path | None, *, fingerprint: str | None = None) -> Access:
        """How it is reached and opened."""
        context = None if talosconfig is None else load(talosconfig).context()
        return Access(self.host, self.port, context, fingerprint)

    @property
    def console(self) -> str:
        """What its console has said."""
        with self._grown:
            return self._console.decode(errors="replace")

    def take_in(self) -> None:
        """Bring `transcript` up to date; the thread that calls this is the one that may look at it."""
        with self._grown:
            arrived, self._stamped = self._stamped, []
        for stamp_ns, data in arrived:
            self.transcript.append(Chunk(stamp_ns, 1, self.transcript.end, data))

    def wait_for(self, pattern: str, *, within: float = PATIENCE) -> re.Match[str]:
        """Wait until its console has a pattern.

        Raises:
            AssertionError: it ended, or the time is over, without it.
        """
        deadline = Deadline.after(within)
        with self._grown:
            while (found := re.search(pattern, self._console.decode(errors="replace"))) is None:
                if deadline.expired or not self._reader.is_alive():
                    raise AssertionError(f"{pattern!r} is not on the console:\n{self._console[-4000:].decode()}")
                self._grown.wait(min(0.5, deadline.remaining() or 0.0))
            return found

    def inject(self, fault: str) -> None:
        """Make it wrong, as "clock-off=24h"; one that panics may be gone before it has answered."""
        try:
            self._order("PUT", fault)
        except ConnectionResetError:
            if fault != "panic":
                raise

    def clear(self, fault: str) -> None:
        """Make it right again."""
        self._order("DELETE", fault)

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        self.process.stdout.close()

    def _order(self, method: str, fault: str) -> None:
        host, _, port = self._control.rpartition(":")
        connection = HTTPConnection(host, int(port), timeout=PATIENCE)
        try:
            connection.request(method, f"/faults/{fault}")
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise AssertionError(f"{method} {fault}: {answer.status} {body.decode()}")
        finally:
            connection.close()

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            while data := stream.read1(65536):  # type: ignore[attr-defined]
                with self._grown:
                    self._console += data
                    self._stamped.append((now_ns(), data))
                    self._grown.notify_all()
        with self._grown:
            self._grown.notify_all()


@contextmanager
def hosted(
    config: Path | None = None,
    *,
    faults: Sequence[str] = (),
    extensions: Path | None = None,
    arguments: Sequence[str] = (),
) -> Iterator[HostedNode]:
    """A hosted node, until the block ends.

    Args:
        config: its machine configuration; None for maintenance mode.
        faults: what is wrong from the start.
        extensions: the root of its extensions' layers.
        arguments: more flags of `machined`.
    """
    command: list[str | Path] = [program("machined"), "-hosted", "-control", "127.0.0.1:0", *arguments]
    command += [] if config is None else ["-config", config]
    command += ["-fault", ",".join(faults)] if faults else []
    command += [] if extensions is None else ["-extensions", extensions]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        if not first:
            assert process.stderr is not None
            raise AssertionError(f"machined did not start: {process.stderr.read().decode()}")
        node = HostedNode(process, Said(**json.loads(first)))
        try:
            yield node
        finally:
            node.close()
