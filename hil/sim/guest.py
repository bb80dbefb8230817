"""A board that is a QEMU guest: power is its process. Forwards its UART's bytes and interprets none.

Each power-on is a new process, and losing power ends it as a pulled plug does (SIGKILL). A QEMU that ends by itself
is a board that has shut itself down. It gets two listening unix sockets that this process is connected to before it
runs, so that no byte is lost and nobody else can connect: their names are gone by then.

Where a reset must go through more than QEMU has, QEMU runs with -no-reboot, and ends at a reset as at a shutdown;
which it was, its last event says (QEMU, qapi/run-state.json, SHUTDOWN).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

from hil.keeper.isolation import die_with_parent
from hil.sim.plan import Qemu
from hil.sim.player import Stage

_PIECE: Final = 1 << 16
# What is typed while QEMU does not read; a real UART holds 16 bytes.
_UNREAD: Final = 4096
_RESET: Final = re.compile(
    rb'"event": "SHUTDOWN".*"reason": "guest-reset"|"reason": "guest-reset".*"event": "SHUTDOWN"'
)


class GuestPlayer:
    """A QEMU process for each power-on; of one event loop.

    Args:
        plan: its command.
        stage: what is around it.
        directory: where its sockets have their names for a moment; nobody else's.
        on_reset: called when the guest has reset itself, which has ended QEMU; None where QEMU does a reset itself.
    """

    def __init__(self, plan: Qemu, stage: Stage, directory: Path, on_reset: Callable[[], None] | None = None) -> None:
        self._plan = plan
        self._on_reset = on_reset
        self._reset_itself = False
        self._stage = stage
        self._directory = directory
        self._session: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._serial: asyncio.StreamWriter | None = None

    def start(self) -> None:
        """Start QEMU, after those before have ended: two cannot have the same end of the segment."""
        self._session = asyncio.create_task(self._play())

    def stop(self) -> None:
        """Kill it."""
        if self._session is not None and not self._session.cancelling():
            self._session.cancel()
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    def typed(self, data: bytes) -> None:
        """To its UART; what QEMU leaves lying there for too long is lost."""
        if self._serial is not None and self._serial.transport.get_write_buffer_size() < _UNREAD:
            self._serial.write(data)

    async def close(self) -> None:
        """Kill it, and wait for its end."""
        self.stop()
        if self._session is not None:
            await asyncio.gather(self._session, return_exceptions=True)
        await self.ended()

    async def ended(self) -> None:
        """Wait until each QEMU that was told to end has."""
        async with self._turn:
            pass

    async def _play(self) -> None:
        try:
            async with self._turn:
                await self._run()
        except OSError as error:
            self._stage.say(f"bench twin: the guest cannot be started: {error}\r\n".encode())
            self._stage.halted()

    async def _run(self) -> None:
        """From power-on to the end of the process."""
        with ExitStack() as stack:
            listening = [stack.enter_context(_Socket(self._directory)) for _ in range(2)]
            serial, qmp = [await each.connect() for each in listening]
            for _, writer in (serial, qmp):
                stack.callback(writer.close)
            process = await self._spawn(*(each.fileno() for each in listening))
            for each in listening:
                each.close()
            self._process, self._serial = process, serial[1]
            try:
                await self._follow(process, serial[0], qmp)
            finally:
                self._serial = None
                if process.returncode is None:
                    with suppress(ProcessLookupError):
                        process.kill()
                await process.wait()

    async def _spawn(self, serial: int, qmp: int) -> asyncio.subprocess.Process:
        argv = [item.replace("{fd:serial}", str(serial)).replace("{fd:qmp}", str(qmp)) for item in self._plan.argv]
        argv += [] if self._on_reset is None else ["-no-reboot"]
        return await asyncio.create_subprocess_exec(
            *argv,
            env=None if self._plan.environment is None else dict(self._plan.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=(serial, qmp),
            # Where the keeper is no init of a PID namespace, a grandchild of it is ended by nothing else.
            preexec_fn=die_with_parent(),
        )

    async def _follow(
        self,
        process: asyncio.subprocess.Process,
        serial: asyncio.StreamReader,
        qmp: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        assert process.stderr is not None
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._forward(serial))
            tasks.create_task(self._answer(*qmp))
            words = tasks.create_task(_last(process.stderr))
        status = await process.wait()
        if status != 0:  # whoever is told to end it does not come here
            told = words.result().decode("utf-8", "replace").replace("\n", "\r\n")
            self._stage.say(f"bench twin: the guest ended with status {status}: {told}\r\n".encode())
        if self._on_reset is not None and self._reset_itself:
            self._on_reset()
        else:
            self._stage.halted()

    async def _forward(self, serial: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while data := await serial.read(_PIECE):
                self._stage.say(data)

    async def _answer(self, qmp: asyncio.StreamReader, to_qmp: asyncio.StreamWriter) -> None:
        """Leave QEMU's negotiation mode, and read its events (QEMU, docs/interop/qmp-spec)."""
        self._reset_itself = False
        with suppress(ConnectionError, ValueError):
            if await qmp.readline():
                to_qmp.write(json.dumps({"execute": "qmp_capabilities"}).encode() + b"\n")
            while line := await qmp.readline():
                self._reset_itself = self._reset_itself or _RESET.search(line) is not None


class _Socket:
    """A listening unix socket whose name is gone after the one connection that this process makes to it.

    The name is short, whatever the board is called: a unix socket's path has 107 bytes (unix(7)).
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / f"{token_hex(4)}.sock"
        self._socket = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> _Socket:
        try:
            before = os.umask(0o177)
            try:
                self._socket.bind(str(self._path))
            finally:
                os.umask(before)
            self._socket.listen(1)
        except OSError:
            self._socket.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await asyncio.open_unix_connection(str(self._path))
        finally:
            self._path.unlink()


async def _last(stream: asyncio.StreamReader) -> bytes:
    """The end of what a process says, read until its end."""
    said = b""
    while data := await stream.read(_PIECE):
        said = (said + data)[-1024:]
    return said
