"""The twin's devices: one file for each kind, found by the kind's name. Each speaks the bytes of a real device."""

from __future__ import annotations

import importlib
from typing import Final, cast

from hil.errors import UsageError
from hil.sim.device import Device
from hil.sim.plan import DevicePlan

CONSOLES: Final = {
    "rfc2217": "hil.sim.devices.rfc2217",
    "tcp": "hil.sim.devices.tcp",
    "uart": "hil.sim.devices.uart",
}
"""What a board's UART can be wired to: the kind and its module."""
KINDS: Final = {
    **CONSOLES,
    "hwmon": "hil.sim.devices.hwmon",
    "lcus": "hil.sim.devices.lcus",
    "modbus-rtu": "hil.sim.devices.modbus_rtu",
    "modbus-tcp": "hil.sim.devices.modbus_tcp",
    "poe": "hil.sim.devices.poe",
    "shelly1": "hil.sim.devices.shelly1",
    "shelly2": "hil.sim.devices.shelly2",
    "tasmota": "hil.sim.devices.tasmota",
    "turingpi2": "hil.sim.devices.turingpi2",
}
"""Every kind that has a model, and its module."""


def create(plan: DevicePlan) -> Device:
    """Make a device; nothing is opened.

    Raises:
        UsageError: its kind has no model; says which have.
    """
    module = KINDS.get(plan.kind)
    if module is None:
        have = ", ".join(sorted(set(KINDS) - set(CONSOLES)))
        raise UsageError(
            f"the bench twin has no model of the kind {plan.kind!r} (device {plan.name})",
            hint=f"it has: {have}",
        )
    return cast(Device, importlib.import_module(module).create(plan))
