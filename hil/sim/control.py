"""The twin's control socket: sets faults and tells the state, for tests and people. A driver never meets it.

A unix socket of this user alone. A request is a line of JSON, and so is its answer: {"ok": ...} or {"error": WHY,
"hint": WHAT TO DO}. {"do": "fault", "device": NAME, "fault": FAULT, "channel": NUMBER or null, "on": BOOLEAN};
{"do": "mend", "device": NAME} ends all of a device's faults; {"do": "state"}; {"do": "end"}.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hil.errors import HilError, UsageError
from hil.sim.twin import Twin

SOCKET: Final = "twin.sock"
"""Its name in the twin's folder."""


class Control:
    """Answers requests.

    Args:
        twin: what they are about.
        end: called for {"do": "end"}, after the answer.
    """

    def __init__(self, twin: Twin, end: Callable[[], None]) -> None:
        self._twin = twin
        self._end = end
        self._server: asyncio.Server | None = None
        self._path: Path | None = None

    async def start(self, directory: Path) -> Path:
        """Listen in a folder that no other user can enter; returns the socket's path.

        Raises:
            OSError: it cannot.
        """
        self._path = directory / SOCKET
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        self._path.chmod(0o600)
        return self._path

    def close(self) -> None:
        """Listen no more; the socket's name goes too."""
        if self._server is not None and self._path is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                answer, last = self._answered(line)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
                if last:
                    self._end()
        except (ConnectionError, ValueError):
            pass  # the client is gone, or its line is longer than any request
        finally:
            writer.close()

    def _answered(self, line: bytes) -> tuple[dict[str, object], bool]:
        """What is said to a request, and whether it ends the twin."""
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise UsageError("a request is an object", hint="see hil/sim/control.py")
            return {"ok": self._do(request)}, request.get("do") == "end"
        except HilError as error:
            return {"error": error.message, "hint": error.hint}, False
        except ValueError:
            return {"error": "a request is a line of JSON", "hint": "see hil/sim/control.py"}, False

    def _do(self, request: dict[str, object]) -> object:
        match request:
            case {"do": "state"}:
                return self._twin.state()
            case {"do": "end"}:
                return None
            case {"do": "mend", "device": str(device)}:
                self._twin.mend(device)
                return None
            case {"do": "fault", "device": str(device), "fault": str(fault), "on": bool(on)}:
                channel = request.get("channel")
                if channel is None or (isinstance(channel, int) and not isinstance(channel, bool)):
                    self._twin.fault(device, fault, channel, on=on)
                    return None
        raise UsageError(f"there is no such request: {json.dumps(request)[:200]}", hint="see hil/sim/control.py")
