"""A plug of Shelly's first generation: HTTP with Basic login, a meter without volts and amperes. Its clock is not set.

Written from the vendor's Gen1 API pages ("Shelly Plug/PlugS": /relay, /meter, /status) and owners' captures of them.
Energy is in watt-minutes, watts have two decimals. Not there: timers, toggling, settings.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hmac import compare_digest
from typing import Final

from hil.sim.devices.firmware import Firmware
from hil.sim.devices.http import Reply, Request, of_json
from hil.sim.devices.metering import Metering
from hil.sim.devices.passwords import secret
from hil.sim.devices.tcp_device import TcpDevice
from hil.sim.devices.web_server import web_device
from hil.sim.plan import DevicePlan

_CONNECTIONS: Final = 4
_ID: Final = "shellyplug-s-5E1002"
_WATT_MINUTES: Final = 60


class Shelly1:
    """What answers.

    Args:
        firmware: its contacts, from 0 on.
        metering: of the same channels.
        login: "user:password"; None where nobody has to.
    """

    def __init__(self, firmware: Firmware, metering: Metering, login: str | None) -> None:
        self._firmware = firmware
        self._metering = metering
        self._login = None if login is None else "Basic " + b64encode(login.encode()).decode()
        self._sources = dict.fromkeys(firmware.outlets, "")

    def answer(self, request: Request) -> Reply | None:
        """Do what a request asks for; None says nothing."""
        if request.path == "/shelly":
            count = len(self._firmware.outlets)
            secured = self._login is not None
            return of_json({"type": "SHPLG-S", "mac": "0200005E1002", "auth": secured, "fw": "20230913-113421/v1.14.0",
                            "num_outputs": count, "num_meters": count})  # fmt: skip
        said = request.headers.get("authorization", "")
        if self._login is not None and not compare_digest(said.encode(), self._login.encode()):
            challenge = {"WWW-Authenticate": f'Basic realm="{_ID}"'}
            return Reply(b"401 Unauthorized", status=401, kind="text/plain", headers=challenge)
        if request.path == "/status":
            channels = self._firmware.outlets
            return of_json({"relays": [self._relay(channel) for channel in channels],
                            "meters": [self._meter(channel) for channel in channels],
                            "uptime": int(self._metering.now)})  # fmt: skip
        found = re.fullmatch(r"/(relay|meter)/([0-9]{1,3})", request.path)
        if found is None or int(found[2]) not in self._firmware.outlets:
            return Reply(b"Not Found", status=404, kind="text/plain")
        channel = int(found[2])
        if self._firmware.deaf(channel):
            return None
        if found[1] == "meter":
            return of_json(self._meter(channel), channel)
        turn = request.arguments().get("turn")
        if turn in ("on", "off"):
            self._firmware.switch(channel, turn == "on")
            self._sources[channel] = "http"
        return of_json(self._relay(channel), channel)

    def _relay(self, channel: int) -> dict[str, object]:
        return {"ison": self._firmware.state(channel), "has_timer": False, "timer_started": 0, "timer_duration": 0,
                "timer_remaining": 0, "overpower": False, "source": self._sources[channel]}  # fmt: skip

    def _meter(self, channel: int) -> dict[str, object]:
        return {
            "power": round(self._metering.load(channel).watts, 2),
            "overpower": 0.0,
            "is_valid": True,
            "timestamp": int(self._metering.now),
            "counters": [round(spent * _WATT_MINUTES, 3) for spent in self._metering.minutes(channel)],
            "total": int(self._metering.watt_hours(channel) * _WATT_MINUTES),
        }


def create(plan: DevicePlan) -> TcpDevice:
    """A plug; options `channels` (the highest number), `user`, `password_env`."""
    channels = range(int(plan.options.get("channels") or 0) + 1)
    firmware, metering = Firmware(plan, channels), Metering(channels)
    password = secret(plan, "password")
    login = None if password is None else f"{plan.options.get('user') or 'admin'}:{password}"
    return web_device(
        plan.name, firmware, metering, Shelly1(firmware, metering, login).answer, connections=_CONNECTIONS
    )
