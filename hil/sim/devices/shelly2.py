"""A plug of Shelly's second generation (Plus, Pro, Gen3, Gen4): JSON-RPC over HTTP, Digest, a meter.

Written from the vendor's Gen2 API pages: RPC Channels (the three ways to ask), RPC Protocol (frames), Switch, Shelly,
Authentication. Decimals are those of their examples. Not there: timers, websockets, what else a Shelly is set up with;
its clock is not set, so that its times are seconds since its start. HTTP statuses and texts of errors are as owners
report them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from hil.sim.devices.digest_login import DigestLogin
from hil.sim.devices.firmware import Firmware
from hil.sim.devices.http import Reply, Request, of_json
from hil.sim.devices.metering import MINUTE, Metering
from hil.sim.devices.passwords import secret
from hil.sim.devices.tcp_device import TcpDevice
from hil.sim.devices.web_server import web_device
from hil.sim.plan import DevicePlan

# "limited to 6" (RPC Channels).
_CONNECTIONS: Final = 6
_MAC: Final = "0200005E1001"
_ID: Final = f"shellyplusplugs-{_MAC.lower()}"
_INVALID: Final = -103
_NOT_FOUND: Final = -105
_OPEN: Final = ("/shelly", "/rpc/Shelly.GetDeviceInfo")


class _Refused(Exception):
    """A call that fails.

    Args:
        code: of the page "Common Errors".
        message: for a person.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.error: dict[str, object] = {"code": code, "message": message}
        self.status = 404 if code == 404 else 500


class _Silence(Exception):
    """The channel that a call is about says nothing."""


class Shelly2:
    """What answers.

    Args:
        firmware: its contacts, from 0 on.
        metering: of the same channels.
        login: None where no password is set.
    """

    def __init__(self, firmware: Firmware, metering: Metering, login: DigestLogin | None) -> None:
        self._firmware = firmware
        self._metering = metering
        self._login = login
        self._sources = dict.fromkeys(firmware.outlets, "init")
        self._methods: Mapping[str, Callable[[Mapping[str, object]], tuple[object, int | None]]] = {
            "Shelly.GetDeviceInfo": lambda arguments: (self._info(), None),
            "Switch.GetConfig": self._get_config,
            "Switch.GetStatus": self._get_status,
            "Switch.Set": self._set,
        }
        firmware.on_restart(self._restarted)

    def answer(self, request: Request) -> Reply | None:
        """Do what a request asks for; None says nothing."""
        frame = _object(request.body) if request.method == "POST" and request.body else {}
        opened = request.path in _OPEN or frame.get("method") == "Shelly.GetDeviceInfo"
        if self._login is not None and not opened and not self._login.admits(request):
            return Reply(b"", status=401, headers={"WWW-Authenticate": self._login.challenge()})
        try:
            if request.path == "/shelly":
                return of_json(self._info())
            if request.path == "/rpc" and request.method == "POST":
                return self._frame(frame)
            if request.path.startswith("/rpc/"):
                arguments = frame if request.method == "POST" else _of_query(request.query)
                return of_json(*self._call(request.path.removeprefix("/rpc/"), arguments))
        except _Refused as refused:
            return of_json(refused.error, status=refused.status)
        except _Silence:
            return None
        return Reply(b"Not Found", status=404, kind="text/plain")

    def _frame(self, frame: Mapping[str, object]) -> Reply:
        """A whole frame's answer is a frame, whatever it says."""
        method, arguments = frame.get("method"), frame.get("params", {})
        answer: dict[str, object] = {"id": frame.get("id"), "src": _ID}
        if isinstance(frame.get("src"), str):
            answer["dst"] = frame["src"]
        channel = None
        try:
            if not isinstance(method, str) or not isinstance(arguments, dict):
                raise _Refused(_INVALID, "Invalid request frame!")
            answer["result"], channel = self._call(method, arguments)
        except _Refused as refused:
            answer["error"] = refused.error
        return of_json(answer, channel)

    def _call(self, method: str, arguments: Mapping[str, object]) -> tuple[object, int | None]:
        handler = self._methods.get(method)
        if handler is None:
            raise _Refused(404, f"No handler for {method}")
        return handler(arguments)

    def _set(self, arguments: Mapping[str, object]) -> tuple[object, int | None]:
        channel, on = self._channel(arguments), arguments.get("on")
        if not isinstance(on, bool):
            raise _Refused(_INVALID, "Missing required argument 'on'!")
        before = self._firmware.state(channel)
        self._firmware.switch(channel, on)
        self._sources[channel] = "HTTP_in"
        return {"was_on": before}, channel

    def _get_config(self, arguments: Mapping[str, object]) -> tuple[object, int | None]:
        channel = self._channel(arguments)
        return {"id": channel, "name": None, "in_mode": "follow", "initial_state": "off", "auto_on": False,
                "auto_off": False}, channel  # fmt: skip

    def _get_status(self, arguments: Mapping[str, object]) -> tuple[object, int | None]:
        channel = self._channel(arguments)
        load = self._metering.load(channel)
        energy = {
            "total": round(self._metering.watt_hours(channel), 3),
            "by_minute": [round(spent * 1000, 3) for spent in self._metering.minutes(channel)],
            "minute_ts": int(self._metering.minute // MINUTE * MINUTE),
        }
        return {
            "id": channel,
            "source": self._sources[channel],
            "output": self._firmware.state(channel),
            "apower": round(load.watts, 1),
            "voltage": round(load.supply_volts, 1),
            "current": round(load.amperes, 3),
            "aenergy": energy,
            "temperature": {"tC": 36.4, "tF": 97.5},
        }, channel

    def _channel(self, arguments: Mapping[str, object]) -> int:
        channel = arguments.get("id")
        if not isinstance(channel, int) or isinstance(channel, bool):
            raise _Refused(_INVALID, "Missing required argument 'id'!")
        if channel not in self._firmware.outlets:
            raise _Refused(_NOT_FOUND, f"Argument 'id', value {channel} not found!")
        if self._firmware.deaf(channel):
            raise _Silence
        return channel

    def _info(self) -> dict[str, object]:
        secured = self._login is not None
        return {"name": None, "id": _ID, "mac": _MAC, "model": "SNPL-00112EU", "gen": 2, "ver": "1.0.0",
                "app": "PlusPlugS", "auth_en": secured, "auth_domain": _ID if secured else None}  # fmt: skip

    def _restarted(self) -> None:
        self._sources = dict.fromkeys(self._sources, "init")


def _object(body: bytes) -> dict[str, object]:
    """A JSON object; an empty one where the body is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _of_query(query: Mapping[str, str]) -> dict[str, object]:
    """Each value as JSON has it where it is such (true, 0), as text else."""
    arguments: dict[str, object] = {}
    for name, text in query.items():
        try:
            arguments[name] = json.loads(text)
        except (ValueError, RecursionError):
            arguments[name] = text
    return arguments


def create(plan: DevicePlan) -> TcpDevice:
    """A plug; options `channels` (the highest number), `password_env`."""
    channels = range(int(plan.options.get("channels") or 0) + 1)
    firmware, metering = Firmware(plan, channels), Metering(channels)
    password = secret(plan, "password")
    login = None if password is None else DigestLogin("admin", password, _ID)
    answer = Shelly2(firmware, metering, login).answer
    return web_device(plan.name, firmware, metering, answer, connections=_CONNECTIONS)
