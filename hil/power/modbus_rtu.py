"""The kind `modbus-rtu`: a coil of a device on a serial line, mostly RS485, which other devices may share.

The line is opened, locked and set by `hil.power.line`; pymodbus gets it as it is, and opens none itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from hil.clock import Deadline
from hil.config.channels import channel_on
from hil.config.devices import DeviceName
from hil.config.power import PowerConfig
from hil.config.things import Thing
from hil.power.exchange import one_try
from hil.power.line import HeldLine, Settings, held
from hil.power.modbus import CoilPort, Trace, need_pymodbus

if TYPE_CHECKING:
    from pymodbus.client import ModbusSerialClient


class Config(PowerConfig):
    """One coil."""

    kind: Literal["modbus-rtu"] = Field(description="a relay that is a coil of a Modbus device on a serial line")
    device: DeviceName = Field(description="the serial line, mostly a USB adapter for RS485")
    address: Annotated[int, Field(ge=1, le=247)] = Field(1, description="the device's Modbus address on the line")
    channel: Annotated[int, Field(ge=0, le=65535)] = Field(description="the coil's address, from 0 on")
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = Field(9600, description="bits per second")
    parity: Literal["N", "E", "O"] = Field("N", description="none, even or odd")
    stop_bits: Annotated[int, Field(ge=1, le=2)] = Field(1, description="1 or 2")

    def things(self) -> tuple[Thing, ...]:
        """The coil: other rigs may have the others, and other devices on the line."""
        return channel_on(self.device, f"{self.address}:{self.channel}")


class _Serial:
    """What pymodbus's client asks of a serial.Serial, over a line that is ours already. Closes nothing.

    Args:
        line: held for this one try.
        deadline: of the try.
    """

    is_open = True

    def __init__(self, line: HeldLine, deadline: Deadline) -> None:
        self._line = line
        self._deadline = deadline

    @property
    def in_waiting(self) -> int:
        """How many bytes have come."""
        return self._line.waiting()

    def read(self, size: int) -> bytes:
        """What has come, which pymodbus has counted before; never waits."""
        return self._line.receive(deadline=Deadline.after(0)) if size else b""

    def write(self, data: bytes) -> int:
        """All of it."""
        self._line.send(data, deadline=self._deadline)
        return len(data)


def create(config: Config) -> CoilPort:
    """The port; nothing is opened.

    Raises:
        InfrastructureError: pymodbus is not installed.
    """
    need_pymodbus()
    settings = Settings(config.baud, config.parity, config.stop_bits)

    @contextmanager
    def connect(seen: Trace, deadline: Deadline) -> Iterator[ModbusSerialClient]:
        from pymodbus.client import ModbusSerialClient

        with held(config.device, settings, deadline=deadline) as line:
            soon = one_try(deadline)
            wait = soon.remaining() or 0.0
            client = ModbusSerialClient(
                str(line.path), baudrate=config.baud, timeout=wait, retries=0, trace_packet=seen
            )
            client.socket = _Serial(line, soon)
            yield client

    return CoilPort(
        f"coil {config.channel} of device {config.address} on {config.device}", connect, config.address, config.channel
    )
