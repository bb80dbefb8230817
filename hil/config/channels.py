"""What a power port that is one channel of a device takes for itself alone: that channel, so that other rigs may have
the others. Of the bench twin's devices, which each bench has for itself, it takes nothing. Opens nothing.
"""

from __future__ import annotations

from hil.config.devices import device_path, host_port, is_twin
from hil.config.things import Thing, device, endpoint


def channel_at(at: str, default_port: int, key: str, channel: str | int) -> tuple[Thing, ...]:
    """A channel of a device that is reached over the network.

    Args:
        at: an `At`.
        default_port: where it names no port.
        key: which key of the port's section names the channel, or all of the device.
        channel: of the device.
    """
    if is_twin(at):
        return ()
    return (endpoint(host_port(at, default_port), key, channel=channel),)


def channel_on(line: str, channel: str | int) -> tuple[Thing, ...]:
    """A channel of a device on a serial line of this host, which the section's key `channel` names.

    Args:
        line: a `DeviceName`.
        channel: of the device.
    """
    if is_twin(line):
        return ()
    return (Thing(f"{device(device_path(line)).name}:{channel}", ("channel",)),)
