"""The kind `modbus-tcp`: a coil of a device that speaks Modbus over TCP, or of one behind a gateway that does.

Some boards and serial servers carry a serial line's frames over TCP instead, checksum and all: `framing: rtu`. A
connection for each exchange: such devices take few at a time (MODBUS Messaging on TCP/IP Implementation Guide V1.0b,
4.2.1), and other programs of the bench may need one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field

from hil.clock import Deadline
from hil.config.channels import channel_at
from hil.config.devices import At, host_port
from hil.config.power import PowerConfig
from hil.config.things import Thing
from hil.power.exchange import one_try
from hil.power.modbus import CoilPort, Trace, need_pymodbus
from hil.power.port import PortAbsent

if TYPE_CHECKING:
    from pymodbus.client import ModbusTcpClient

PORT: Final = 502  # IANA: mbap


class Config(PowerConfig):
    """One coil."""

    kind: Literal["modbus-tcp"] = Field(description="a relay that is a coil of a Modbus TCP device")
    at: At = Field(description="the device's or the gateway's name or address; port 502 where none is written")
    address: Annotated[int, Field(ge=0, le=255)] = Field(
        1, description="the device's Modbus address (unit identifier), which a gateway needs"
    )
    channel: Annotated[int, Field(ge=0, le=65535)] = Field(description="the coil's address, from 0 on")

    framing: Literal["tcp", "rtu"] = Field(
        "tcp", description="tcp: Modbus TCP's own frames; rtu: those of a serial line, carried over TCP"
    )

    def things(self) -> tuple[Thing, ...]:
        """The coil: other rigs may have the others."""
        return channel_at(self.at, PORT, "channel", f"{self.address}:{self.channel}")


def create(config: Config) -> CoilPort:
    """The port; nothing is opened.

    Raises:
        InfrastructureError: pymodbus is not installed.
    """
    need_pymodbus()
    name = f"coil {config.channel} of device {config.address} at {config.at}"

    @contextmanager
    def connect(seen: Trace, deadline: Deadline) -> Iterator[ModbusTcpClient]:
        from pymodbus import FramerType
        from pymodbus.client import ModbusTcpClient

        at = host_port(config.at, PORT)
        wait = one_try(deadline).remaining() or 0.0
        framer = FramerType.RTU if config.framing == "rtu" else FramerType.SOCKET
        with closing(
            ModbusTcpClient(at.host, port=at.port, framer=framer, timeout=wait, retries=0, trace_packet=seen)
        ) as client:
            if not client.connect():  # type: ignore[no-untyped-call]
                raise PortAbsent(
                    f"{name} cannot be reached: nothing takes a connection at {at}",
                    hint="see that it is on, and what its address is",
                )
            yield client

    return CoilPort(name, connect, config.address, config.channel)
