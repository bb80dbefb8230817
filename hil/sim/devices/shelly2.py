"""A Shelly plug of the second generation: JSON-RPC over HTTP, digest login, a meter that looks once a second.

Methods, fields and error codes are those of Shelly's API documents ("Switch", "Common Errors", "Authentication":
SHA-256 digest, user "admin"); the figures' steps are those of its examples (0.1 W, 0.1 V, 0.001 A).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from hil.sim.device import DevicePlace, Faults, Load, Outlet
from hil.sim.devices.http import HttpServer, Reply, Request
from hil.sim.devices.mood import Mood
from hil.sim.plan import DevicePlan

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

USER: Final = "admin"
_LOOK: Final = 1.0
_INVALID_ARGUMENT, _NO_HANDLER = -103, 404
_PAIR: Final = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


class RpcError(Exception):
    """What a method answers instead of a result.

    Args:
        code: as Shelly's "Common Errors" has it.
        message: for a person.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Shelly2:
    """See `hil.sim.device.Device`; its channels count from 0 and are on at power-up.

    Args:
        name: its plan's.
        channels: how many switches it has.
        password: of the user "admin"; "" for none.
    """

    def __init__(self, name: str, channels: int, password: str) -> None:
        self.name = name
        self.faults = Faults()
        self.outlets = {channel: Outlet(commanded=True) for channel in range(channels)}
        self._ident = f"shellyplusplugs-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
        self._password = password
        self._mood = Mood(self.faults, self.outlets)
        self._server = HttpServer(self.faults, self._mood, self._answer)
        self._seen = dict.fromkeys(self.outlets, Load())
        self._watt_hours = dict.fromkeys(self.outlets, 0.0)
        self._place: DevicePlace | None = None
        self._looking: asyncio.Task[None] | None = None

    async def start(self, place: DevicePlace) -> str:
        """Listen."""
        self._place = place
        self._look(0.0)
        self._looking = asyncio.create_task(self._look_on())
        return await self._server.start()

    async def close(self) -> None:
        """Stop listening."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self._server.close()

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            self._look(_LOOK)

    def _look(self, seconds: float) -> None:
        assert self._place is not None
        for channel in self.outlets:
            self._seen[channel] = self._place.load(channel)
            self._watt_hours[channel] += self._seen[channel].watts * seconds / 3600

    def _answer(self, request: Request) -> Reply:
        if request.path != "/rpc" and not request.path.startswith("/rpc/"):
            return Reply(b"Not Found", 404, kind="text/plain")
        if self._password and not self._may(request):
            return self._challenge()
        if request.path == "/rpc":
            return self._posted(request.body)
        method = request.path.removeprefix("/rpc/")
        try:
            return _reply(self._call(method, {name: _value(text) for name, text in request.query.items()}))
        except RpcError as error:
            return _reply({"code": error.code, "message": error.message}, 500)

    def _posted(self, body: bytes) -> Reply:
        try:
            frame = json.loads(body)
            ident, method, params = frame["id"], frame["method"], frame.get("params", {})
        except (ValueError, TypeError, KeyError, RecursionError):
            return _reply({"code": _INVALID_ARGUMENT, "message": "Invalid request"}, 500)
        head: dict[str, Json] = {"id": ident, "src": self._ident}
        try:
            if not isinstance(method, str) or not isinstance(params, dict):
                raise RpcError(_INVALID_ARGUMENT, "Invalid request")
            return _reply({**head, "result": self._call(method, params)})
        except RpcError as error:
            return _reply({**head, "error": {"code": error.code, "message": error.message}})

    def _call(self, method: str, params: Mapping[str, Json]) -> dict[str, Json]:
        if method == "Shelly.GetDeviceInfo":
            return {"id": self._ident, "model": "SNPL-00112EU", "gen": 2, "auth_en": bool(self._password)}
        if method not in ("Switch.Set", "Switch.GetStatus", "Switch.GetConfig"):
            raise RpcError(_NO_HANDLER, f"No handler for {method}")
        channel = params.get("id")
        if not isinstance(channel, int) or isinstance(channel, bool):
            raise RpcError(_INVALID_ARGUMENT, "Missing required argument 'id'!")
        if channel not in self.outlets:
            raise RpcError(-105, f"Argument 'id', value {channel} not found!")
        if method == "Switch.Set":
            return self._set(channel, params.get("on"))
        if method == "Switch.GetConfig":
            return {"id": channel, "name": None, "in_mode": "momentary", "initial_state": "on"}
        return self._status(channel)

    def _set(self, channel: int, on: Json) -> dict[str, Json]:
        if not isinstance(on, bool):
            raise RpcError(_INVALID_ARGUMENT, "Missing or bad argument 'on'!")
        before = self._mood.claims(channel)
        self._mood.command(channel, on)
        return {"was_on": before}

    def _status(self, channel: int) -> dict[str, Json]:
        seen = self._seen[channel]
        return {
            "id": channel,
            "source": "HTTP_in",
            "output": self._mood.claims(channel),
            "apower": round(seen.watts, 1),
            "voltage": round(seen.supply_volts, 1),
            "current": round(seen.watts / seen.supply_volts if seen.supply_volts else 0.0, 3),
            "aenergy": {"total": round(self._watt_hours[channel], 3), "by_minute": [0.0, 0.0, 0.0], "minute_ts": 0},
            "temperature": {"tC": 31.5, "tF": 88.7},
        }

    def _challenge(self) -> Reply:
        assert self._place is not None
        nonce = f"{self._place.random.getrandbits(32):08x}"
        login = f'Digest qop="auth", realm="{self._ident}", nonce="{nonce}", algorithm=SHA-256'
        return Reply(b"", 401, {"WWW-Authenticate": login}, "text/plain")

    def _may(self, request: Request) -> bool:
        """RFC 7616, section 3.4; of any nonce, as a plug that has just booted knows none of its former ones."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        said: dict[str, str] = {name: quoted or plain for name, quoted, plain in _PAIR.findall(rest)}
        needed = ("username", "realm", "nonce", "uri", "nc", "cnonce", "qop", "response")
        if scheme.lower() != "digest" or any(name not in said for name in needed) or said["uri"] != request.target:
            return False
        who = _sha256(f"{USER}:{self._ident}:{self._password}")
        what = _sha256(f"{request.method}:{said['uri']}")
        wanted = _sha256(f"{who}:{said['nonce']}:{said['nc']}:{said['cnonce']}:{said['qop']}:{what}")
        return said["username"] == USER and said["realm"] == self._ident and said["response"] == wanted


def _value(text: str) -> Json:
    """A value of a URL's query, which is JSON where it can be."""
    try:
        found: Json = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found


def _reply(document: Mapping[str, Json], status: int = 200) -> Reply:
    return Reply(json.dumps(document).encode(), status)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def create(plan: DevicePlan) -> Shelly2:
    """A plug with as many switches as the rig names, at least one; its password from the environment, if any."""
    highest, variable = plan.options.get("channels"), plan.options.get("password_env")
    channels = highest + 1 if isinstance(highest, int) else 1
    return Shelly2(plan.name, channels, os.environ.get(variable, "") if isinstance(variable, str) else "")
