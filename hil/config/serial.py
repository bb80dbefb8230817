"""A node's `console:` in a rig file: which serial line, and how it is set. Opens nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from hil.config.devices import At, DeviceName, device_path, has_port, is_twin
from hil.config.model import Fault, HostPort, Model
from hil.config.things import Thing, device, endpoint


class ConsoleConfig(Model):
    """The serial line that a machine's console is on: of this host (`device`), or of a serial server (`at`)."""

    device: DeviceName | None = Field(None, description="a serial line of this host")
    at: At | None = Field(None, description="a port of a serial server, host:port")
    protocol: Literal["rfc2217", "raw"] = Field(
        "rfc2217", description="what the serial server speaks: rfc2217 (which sets the speed), or raw bytes"
    )
    baud: Annotated[int, Field(ge=50, le=4_000_000)] = Field(115200, description="bits per second")
    parity: Literal["N", "E", "O"] = Field("N", description="none, even or odd")
    stop_bits: Annotated[int, Field(ge=1, le=2)] = Field(1, description="1 or 2")
    rtscts: bool = Field(default=False, description="hardware flow control")

    def faults(self) -> Iterator[Fault]:
        """Neither of the two places, or both; a serial server without its port, which no standard gives."""
        if (self.device is None) == (self.at is None):
            yield Fault((), "a console is on one serial line", "write `device:` or `at:`, one of them")
        if self.at is not None and not is_twin(self.at) and not has_port(self.at):
            yield Fault(("at",), f"{self.at!r} names no port", f"write it like {self.at}:2217")

    def things(self) -> tuple[Thing, ...]:
        """The line, which has one reader; the twin's is nobody else's anyway."""
        if self.device is not None:
            return () if is_twin(self.device) else (device(device_path(self.device), "console", "device"),)
        if self.at is None or is_twin(self.at):
            return ()
        return (endpoint(HostPort.parse(self.at), "console", "at"),)
