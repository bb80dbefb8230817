"""A machine of a tailnet that is none: the real containerboot and tailscaled, in the network of the bench's tailnet.

Its /healthz is reached from outside by a port of the loopback, and its log is what Talos would have of its service.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from pathlib import Path

from hil.clock import Deadline
from hil.keeper.client import Keeper
from hil.services.tailnet.private_net import PrivateNet

STREAM = "test:machine"
_HEALTHZ = "test:healthz"
# containerboot makes a link to tailscaled's socket in /var/run (cmd/containerboot/main.go): not in this host's.
_OWN_RUN = ("unshare", "--mount", "--", "sh", "-c", 'mount -t tmpfs tmpfs /run && exec "$0"')
_PORT = 9002
# Joins each connection of a listening unix socket to a port in the private network.
_INSIDE = f"""
import asyncio, socket, sys
async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
    finally:
        writer.close()
async def join(reader, writer):
    try:
        there = await asyncio.open_connection("127.0.0.1", {_PORT})
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))
    except OSError:
        pass
    finally:
        writer.close()
async def main():
    server = await asyncio.start_unix_server(join, sock=socket.socket(fileno=int(sys.argv[1])))
    await server.serve_forever()
asyncio.run(main())
"""


class Machine:
    """One machine, on and off.

    Args:
        keeper: owns what runs.
        net: where it runs.
        tailscaled: with its command line in it.
        containerboot: what Tailscale's container runs.
        folder: of its own, with a short path.
        ca_pem: the certificate authority that it trusts.
    """

    def __init__(
        self, keeper: Keeper, net: PrivateNet, tailscaled: Path, containerboot: Path, folder: Path, ca_pem: str
    ) -> None:
        self._keeper, self._net, self._containerboot, self._folder = keeper, net, containerboot, folder
        (folder / "bin").mkdir(parents=True)
        for name in ("tailscale", "tailscaled"):
            (folder / "bin" / name).symlink_to(tailscaled)
        (folder / "ca.crt").write_text(ca_pem)
        keeper.listen(_HEALTHZ, folder / "healthz.sock")
        argv = [sys.executable, "-I", "-c", _INSIDE, f"{{fd:{_HEALTHZ}}}"]
        keeper.spawn(_HEALTHZ, net.inside(argv), fds=[_HEALTHZ], kill=True)
        self._port = _Port(folder / "healthz.sock")

    def on(self, login_server: str, key: str, **environment: str) -> None:
        """Switch it on.

        Args:
            login_server: the control server's URL.
            key: to join by.
            environment: further variables of its container.
        """
        folder = self._folder
        made = {
            "PATH": f"{folder / 'bin'}:{os.defpath}",
            "HOME": str(folder),
            "SSL_CERT_FILE": str(folder / "ca.crt"),
            "TS_AUTHKEY": key,
            "TS_ENABLE_HEALTH_CHECK": "true",
            "TS_EXTRA_ARGS": f"--login-server={login_server}",
            "TS_ENABLE_METRICS": "true",
            "TS_HOSTNAME": "node1",
            "TS_LOCAL_ADDR_PORT": f"127.0.0.1:{_PORT}",
            "TS_LOGS_DIR": str(folder),
            "TS_NO_LOGS_NO_SUPPORT": "true",
            "TS_SOCKET": str(folder / "machine.sock"),
            "TS_STATE_DIR": str(folder / "state"),
            "TS_USERSPACE": "true",
            **environment,
        }
        argv = self._net.inside([*_OWN_RUN, str(self._containerboot)])
        self._keeper.spawn(STREAM, argv, cwd=folder, env=made, record=folder / "machine")

    def off(self, deadline: Deadline) -> None:
        """Switch it off; containerboot takes tailscaled along."""
        self._keeper.signal(STREAM, signal.SIGTERM)
        assert self._keeper.wait_exit(STREAM, deadline=deadline) is not None

    @property
    def runs(self) -> bool:
        """Whether its container runs."""
        return self._keeper.exit_status(STREAM) is None

    def log(self, lines: int, deadline: Deadline) -> bytes:
        """Its last lines; none before it was on."""
        path = self._folder / "machine.log"
        data = path.read_bytes() if path.exists() else b""
        return b"".join(data.splitlines(keepends=True)[-lines:])

    def healthz(self, deadline: Deadline) -> tuple[str, int]:
        """Where its /healthz is reached."""
        return self._port.place

    def close(self) -> None:
        """Nothing of this process's runs any more; what the keeper owns ends with it."""
        self._port.close()


class _Port:
    """A port of the loopback whose connections are joined to a unix socket, in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(self._join, "127.0.0.1", 0) as server:
            self.place: tuple[str, int] = server.sockets[0].getsockname()
            self._ready.set()
            await self._over.wait()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there, to_there = await asyncio.open_unix_connection(self._path)
            await asyncio.gather(_copy(reader, to_there), _copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except OSError:
        pass
    finally:
        writer.close()
