"""A Turing Pi 2's management board: four slots, switched over HTTPS with a certificate that it has made itself.

Written from "BMC API" of the maker's documentation (firmware 2.0.3: paths, arguments, `{"response":[...]}`, Basic
authentication) and its "Usage" (rebooting the board takes the slots' power); the words of its refusals are those of
bmcd, src/api/legacy.rs, and src/authentication/authentication_service.rs. A slot that is told what it is already does
nothing. Not there: bearer tokens, the ban after five wrong passwords, USB, flashing, and the nodes' UARTs, which the
twin has elsewhere.
"""

from __future__ import annotations

import base64
from hmac import compare_digest
from typing import Final

from hil.sim.devices.certificate import self_signed
from hil.sim.devices.firmware import Firmware
from hil.sim.devices.http import Reply, Request, of_json
from hil.sim.devices.passwords import secret
from hil.sim.devices.tcp_device import TcpDevice
from hil.sim.devices.web_server import WebServer
from hil.sim.plan import DevicePlan

_CONNECTIONS: Final = 16
_SLOTS: Final = range(1, 5)
_REALM: Final = 'Basic realm="Access to Baseboard Management Controller"'
_SWITCHES: Final = {"1": True, "0": False}


class ManagementBoard:
    """What answers.

    Args:
        firmware: its slots, 1 to 4.
        login: user and password; None where nobody has to.
    """

    def __init__(self, firmware: Firmware, login: tuple[str, str] | None) -> None:
        self._firmware = firmware
        self._login = login

    def answer(self, request: Request) -> Reply | None:
        """Do what a request asks for; None says nothing."""
        refusal = self._unauthorized(request.headers.get("authorization"))
        if refusal:
            headers = {"WWW-Authenticate": _REALM}
            return Reply(refusal.encode(), status=401, kind="text/plain; charset=utf-8", headers=headers)
        if request.path != "/api/bmc" or request.method != "GET":
            return Reply(b"", status=404)
        option, kind = request.query.get("opt"), request.query.get("type")
        if option not in ("get", "set"):
            return _result("Missing `opt` parameter", status=400)
        if kind is None:
            return _result("Missing `type` parameter", status=400)
        if kind != "power":
            return _result(f"Invalid `type` parameter {kind}", status=400)
        return self._switch(request) if option == "set" else self._states()

    def _unauthorized(self, shown: str | None) -> str:
        """Why a request is not answered; "" where it is."""
        if self._login is None:
            return ""
        if shown is None:
            return "no authorization header provided"
        scheme, _, credentials = shown.partition(" ")
        if scheme != "Basic":
            return f"{scheme} authentication not supported"
        try:
            said = base64.b64decode(credentials, validate=True)
        except ValueError:  # no base64, or letters that ASCII has not
            return "error trying to parse credentials"
        return "" if compare_digest(said, ":".join(self._login).encode()) else "credentials incorrect"

    def _switch(self, request: Request) -> Reply | None:
        """Slots that are not named stay as they are; of several all or none are switched."""
        wanted: dict[int, bool] = {}
        for slot in _SLOTS:
            said = request.query.get(f"node{slot}")
            if said is None:
                continue
            if said not in _SWITCHES:
                return _result(f"Invalid value `{said}` for parameter `node{slot}`", status=400)
            wanted[slot] = _SWITCHES[said]
        if any(self._firmware.deaf(slot) for slot in wanted):
            return None
        for slot, on in wanted.items():
            self._firmware.switch(slot, on)
        return _result("ok", channel=next(iter(wanted), None))

    def _states(self) -> Reply:
        return _result([{f"node{slot}": str(int(self._firmware.state(slot))) for slot in _SLOTS}])


def _result(value: object, *, channel: int | None = None, status: int = 200) -> Reply:
    return of_json({"response": [{"result": value}]}, channel, status)


def create(plan: DevicePlan) -> TcpDevice:
    """A board; options `user`, `password_env`."""
    firmware = Firmware(plan, _SLOTS)
    password = secret(plan, "password")
    login = None if password is None else (str(plan.options.get("user") or "root"), password)
    server = WebServer(firmware, ManagementBoard(firmware, login).answer)
    return TcpDevice(plan.name, firmware, server.talk, connections=_CONNECTIONS, tls=self_signed("turingpi.local"))
