"""The control socket of a bench twin, from the outside: sets faults and asks for the state. Synchronous."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from hil.clock import Deadline
from hil.errors import InfrastructureError, UsageError

_ANSWER_SECONDS: Final = 5.0


class TwinControl:
    """A twin's control socket; a connection for each request.

    Args:
        path: of the socket.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def fault(self, device: str, fault: str, channel: int | None = None) -> None:
        """Begin a fault.

        Args:
            device: its name, without "twin:", or a board's.
            fault: of `hil.sim.device`; of a board with a bootloader also of `hil.sim.rom.faults`.
            channel: for that one alone; None for the whole device.

        Raises:
            UsageError: there is no such device, fault or channel.
            InfrastructureError: the twin does not answer.
        """
        self._ask({"do": "fault", "device": device, "fault": fault, "channel": channel, "on": True})

    def mend(self, device: str, fault: str | None = None, channel: int | None = None) -> None:
        """End a fault, or, where none is named, all of the device's. Errors as in `fault`."""
        if fault is None:
            self._ask({"do": "mend", "device": device})
        else:
            self._ask({"do": "fault", "device": device, "fault": fault, "channel": channel, "on": False})

    def unplug(self, device: str) -> None:
        """Pull a serial device. Errors as in `fault`."""
        self.fault(device, "unplugged")

    def plug(self, device: str) -> None:
        """Plug it in again. Errors as in `fault`."""
        self.mend(device, "unplugged")

    def state(self) -> Mapping[str, Mapping[str, Mapping[str, object]]]:
        """`boards` (volts, amperes, watts, powered, running, starts, resets, faults, lost, and how a bootloader ended)
        and `devices` (outlets, faults, lost), each by name. Errors as in `fault`."""
        return cast("Mapping[str, Mapping[str, Mapping[str, object]]]", self._ask({"do": "state"}))

    def end(self) -> None:
        """Have it end. Errors as in `fault`."""
        self._ask({"do": "end"})

    def _ask(self, request: Mapping[str, object]) -> object:
        deadline = Deadline.after(_ANSWER_SECONDS)
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(deadline.remaining())
                connection.connect(str(self.path))
                connection.sendall(json.dumps(request).encode() + b"\n")
                with connection.makefile("rb") as answers:
                    answer = json.loads(answers.readline())
        except (OSError, ValueError) as error:
            raise InfrastructureError(
                f"the bench twin at {self.path} does not answer: {error}",
                hint="it has ended, or never ran; start it again",
            ) from error
        if "error" in answer:
            raise UsageError(str(answer["error"]), hint=str(answer["hint"]))
        return answer["ok"]
