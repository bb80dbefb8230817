"""A Modbus relay board on a serial line, such as Waveshare's "Modbus RTU Relay": 9600 8N1, address 1 when new."""

from __future__ import annotations

from typing import Final

from hil.sim.devices.modbus import Coils, address_of, firmware_of
from hil.sim.devices.modbus_line import RtuCodec, wrong_sum
from hil.sim.devices.serial_device import SerialDevice
from hil.sim.plan import DevicePlan

_BAUD: Final = 9600


def create(plan: DevicePlan) -> SerialDevice:
    """A board; options `channels` (the highest coil), `address`, `baud`. Parity and stop bits are not looked at."""
    firmware = firmware_of(plan)
    codec = RtuCodec(Coils(firmware), address_of(plan))
    baud = int(plan.options.get("baud") or _BAUD)
    return SerialDevice(plan.name, firmware, codec, baud=baud, spoil=wrong_sum)
