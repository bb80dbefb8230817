"""The simulated Talos node as a process of this host, for tests of what asks it."""

from __future__ import annotations

import contextlib
import json
import selectors
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.clock import Deadline


@dataclass(frozen=True)
class HostedNode:
    """A running node.

    Args:
        port: of its API, on 127.0.0.1.
        control: host and port of its control endpoint.
        fingerprint: of its key in maintenance mode.
        console: the file that has its console.
        process: it; SIGSTOP makes it hang.
    """

    port: int
    control: str
    fingerprint: str
    console: Path
    process: subprocess.Popen[bytes]

    def inject(self, fault: str) -> None:
        self._fault("PUT", fault)

    def clear(self, fault: str) -> None:
        self._fault("DELETE", fault)

    def _fault(self, method: str, fault: str) -> None:
        request = urllib.request.Request(f"http://{self.control}/faults/{fault}", method=method)
        with urllib.request.urlopen(request, timeout=5):
            pass


@contextlib.contextmanager
def hosted_node(
    program: Path,
    folder: Path,
    config: Path | None,
    *,
    faults: Sequence[str] = (),
    extensions: Path | None = None,
    step: str = "5ms",
) -> Iterator[HostedNode]:
    """Run a node until the block ends.

    Args:
        program: machined, for this host.
        folder: where its console goes.
        config: its machine configuration; None for maintenance mode.
        faults: from its start on.
        extensions: the root that has extensions.
        step: how long each step of its boot takes, as Go writes it.
    """
    words = ["-hosted", "-listen", "127.0.0.1:0", "-control", "127.0.0.1:0", "-step", step, "-hostname", "node1"]
    words += [] if config is None else ["-config", str(config)]
    words += ["-fault", ",".join(faults)] if faults else []
    words += [] if extensions is None else ["-extensions", str(extensions)]
    console = folder / "node-console.log"
    with console.open("wb") as log:
        process = subprocess.Popen([program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
    with process:
        try:
            said = json.loads(_first_line(process, Deadline.after(20)))
            port = int(said["listening"].rpartition(":")[2])
            yield HostedNode(port, said["control"], said["fingerprint"], console, process)
        finally:
            process.kill()


def _first_line(process: subprocess.Popen[bytes], deadline: Deadline) -> bytes:
    assert process.stdout is not None
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        assert ready.select(deadline.remaining()), "the node did not say where it listens"
    return process.stdout.readline()
