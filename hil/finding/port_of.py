"""The port of a serial line that is listened to. Opens nothing."""

from __future__ import annotations

from hil.config.devices import device_path
from hil.config.model import HostPort
from hil.config.serial import ConsoleConfig
from hil.console.spec import PortSpec, SerialPort, TcpPort


def port_of(config: ConsoleConfig) -> PortSpec:
    """The port of a console whose device or address is a real one."""
    if config.device is not None:
        return SerialPort(str(device_path(config.device)), config.baud, config.parity, config.stop_bits, config.rtscts)
    assert config.at is not None, "a console is on one of the two"
    at = HostPort.parse(config.at)
    return TcpPort(at.host, at.port)
