"""A plug with the Tasmota firmware: commands by HTTP, login in the query, a meter of whole watts and volts.

Written from Tasmota's "Commands" page, its webserver's source (xdrv_01_webserver.ino, HandleHttpCommand: a login that
is wrong gets status 200 and a WARNING) and owners' captures of `Status 8`. Such a plug measures while its relay is off
only with `SetOption21 1`; this one is set so, and takes the command. Not there: toggling, Backlog, everything else.
"""

from __future__ import annotations

import re
from hmac import compare_digest
from math import sqrt
from time import gmtime, strftime
from typing import Final

from hil.sim.devices.firmware import Firmware
from hil.sim.devices.http import Reply, Request, of_json
from hil.sim.devices.metering import Metering
from hil.sim.devices.passwords import secret
from hil.sim.devices.tcp_device import TcpDevice
from hil.sim.devices.web_server import web_device
from hil.sim.plan import DevicePlan

_CONNECTIONS: Final = 4
_NEED: Final = {"WARNING": "Need user=<username>&password=<password>"}
_ENTER: Final = {"WARNING": "Enter command cmnd="}
_UNKNOWN: Final = {"Command": "Unknown"}
_WORDS: Final = {"on": True, "1": True, "true": True, "off": False, "0": False, "false": False}
_SENSORS: Final = ("8", "10")


class Tasmota:
    """What answers.

    Args:
        firmware: its contacts, from 1 on.
        metering: of the same channels.
        login: user and password; None where nobody has to.
    """

    def __init__(self, firmware: Firmware, metering: Metering, login: tuple[str, str] | None) -> None:
        self._firmware = firmware
        self._metering = metering
        self._login = login
        self._measures_when_off = True

    def answer(self, request: Request) -> Reply | None:
        """Do what a request asks for; None says nothing."""
        if request.path != "/cm":
            return Reply(b"File Not Found", status=404, kind="text/plain")
        arguments = request.arguments()
        if self._login is not None:
            said = arguments.get("user", ""), arguments.get("password", "")
            if not compare_digest("\0".join(said).encode(), "\0".join(self._login).encode()):
                return of_json(_NEED)
        found = re.fullmatch(r"([A-Za-z]+)([0-9]{0,3})(?:\s+(\S*))?\s*", arguments.get("cmnd", "").strip())
        if found is None:
            return of_json(_UNKNOWN if arguments.get("cmnd") else _ENTER)
        name, index, value = found[1].lower(), found[2], (found[3] or "").lower()
        if name == "power":
            return self._power(int(index or 1), value)
        if name == "status" and not index and value in _SENSORS:
            return of_json({"StatusSNS": {"Time": _time(self._metering.now), "ENERGY": self._energy()}})
        if name == "setoption" and index == "21":
            self._measures_when_off = _WORDS.get(value, self._measures_when_off)
            return of_json({"SetOption21": "ON" if self._measures_when_off else "OFF"})
        return of_json(_UNKNOWN)

    def _power(self, channel: int, value: str) -> Reply | None:
        if channel not in self._firmware.outlets or (value and value not in _WORDS):
            return of_json(_UNKNOWN)
        if self._firmware.deaf(channel):
            return None
        if value:
            self._firmware.switch(channel, _WORDS[value])
        name = "POWER" if len(self._firmware.outlets) == 1 else f"POWER{channel}"
        return of_json({name: "ON" if self._firmware.state(channel) else "OFF"}, channel)

    def _energy(self) -> dict[str, object]:
        """Values that each channel has of its own are lists where there are several."""
        channels = list(self._firmware.outlets)
        measures = self._measures_when_off or any(self._firmware.state(channel) for channel in channels)
        loads = [self._metering.load(channel) for channel in channels]

        def each(values: list[float], digits: int) -> object:
            shown = [_rounded(value if measures else 0.0, digits) for value in values]
            return shown[0] if len(shown) == 1 else shown

        watts, apparent = [load.watts for load in loads], [load.supply_volts * load.amperes for load in loads]
        factors = [watt / full if full else 0.0 for watt, full in zip(watts, apparent, strict=True)]
        reactive = [sqrt(max(0.0, full**2 - watt**2)) for watt, full in zip(watts, apparent, strict=True)]
        kilowatt_hours = sum(self._metering.watt_hours(channel) for channel in channels) / 1000
        volts = max(load.supply_volts for load in loads) if measures else 0.0
        return {
            "TotalStartTime": _time(0),
            "Total": round(kilowatt_hours, 3),
            "Yesterday": 0.0,
            "Today": round(kilowatt_hours, 3),
            "Power": each(watts, 0),
            "ApparentPower": each(apparent, 0),
            "ReactivePower": each(reactive, 0),
            "Factor": each(factors, 2),
            "Voltage": _rounded(volts, 0),
            "Current": each([load.amperes for load in loads], 3),
        }


def _rounded(value: float, digits: int) -> float:
    """Without a point where there are no decimals."""
    return round(value, digits) if digits else round(value)


def _time(seconds: float) -> str:
    """Of a clock that begins in 1970, and no time server to set it by."""
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(seconds))


def create(plan: DevicePlan) -> TcpDevice:
    """A plug; options `channels` (the highest number), `user`, `password_env`."""
    channels = range(1, max(1, int(plan.options.get("channels") or 1)) + 1)
    firmware, metering = Firmware(plan, channels), Metering(channels)
    password = secret(plan, "password")
    login = None if password is None else (str(plan.options.get("user") or "admin"), password)
    return web_device(
        plan.name, firmware, metering, Tasmota(firmware, metering, login).answer, connections=_CONNECTIONS
    )
