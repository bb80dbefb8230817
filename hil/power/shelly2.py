"""The kind `shelly2`: relays and plugs of Shelly's second generation and later (Plus, Pro, Gen3, Gen4), by their RPC.

`POST /rpc` takes a request frame `{"id": 1, "method": "Switch.Set", "params": {"id": 0, "on": true}}` and answers with
that id and a `result` or an `error`; `GET /rpc/Switch.GetStatus?id=0` answers the status alone (Shelly Technical
Documentation, Gen2: "RPC Channels", "RPC Protocol", "Switch"). A password is HTTP's Digest authentication with
SHA-256, and its user is always admin (the same: "Authentication").
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from hil.clock import Deadline
from hil.config.channels import channel_at
from hil.config.devices import At
from hil.config.model import Model, Secret
from hil.config.power import PowerConfig
from hil.config.things import Thing
from hil.power.http_channel import PORT, HttpRelay, device_at
from hil.power.http_device import Answer, HttpDevice, patiently
from hil.power.http_json import Document, document
from hil.power.http_login import Digest
from hil.power.port import PortGarbled, PortRefused, PowerState

USER: Final = "admin"
_FRAME: Final = 1


class Shelly2Place(Model):
    """Where a device of the second generation or later is, and which of its switches is meant."""

    at: At = Field(description="its name or address")
    channel: Annotated[int, Field(ge=0, le=99)] = Field(0, description="which switch of it, from 0 on")
    password: Secret | None = Field(None, description="the password, as `!env NAME`; left out where it has none")


class Config(Shelly2Place, PowerConfig):
    """One switch."""

    kind: Literal["shelly2"] = Field(description="a Shelly of the second generation or later: Plus, Pro, Gen3, Gen4")

    def things(self) -> tuple[Thing, ...]:
        """The switch; the device may have others."""
        return channel_at(self.at, PORT, "at", self.channel)


@dataclass(frozen=True, slots=True)
class Shelly2Port(HttpRelay[HttpDevice]):
    """The protocol PowerPort over one switch. Keeps nothing open."""

    @property
    def name(self) -> str:
        """The switch and the device."""
        return f"switch {self.channel} of {self.device.what}"

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        """Switch; it acknowledges with the state that it had before, which says nothing.

        Raises:
            PortAbsent, PortSilent, PortGarbled: as they say, the last two after three tries.
            PortRefused: a wrong password, no such switch, an overload.
        """
        patiently(lambda soon: self._set(on, soon), deadline=deadline)
        return PowerState.UNKNOWN

    def read(self, *, deadline: Deadline) -> PowerState:
        """Ask the switch's state. Errors as in `switch`."""

        def output(soon: Deadline) -> bool:
            return status(self.device, self.channel, soon)[0].flag("output")

        return PowerState.of(patiently(output, deadline=deadline))

    def _set(self, on: bool, deadline: Deadline) -> None:
        frame = {"id": _FRAME, "method": "Switch.Set", "params": {"id": self.channel, "on": on}}
        answer = self.device.ask("/rpc", body=json.dumps(frame).encode(), deadline=deadline)
        reply = document(self.device, answer)
        if reply.number("id") != _FRAME:
            raise PortGarbled(
                f"{self.name}: it answers another request than this one", hint="see whether a proxy stands in between"
            )
        if "error" in reply:
            raise _error(self.device, self.name, reply.section("error"))
        reply.section("result").flag("was_on")


def device_of(place: Shelly2Place) -> HttpDevice:
    """The device of a section, as its power port and its meter ask it."""
    return device_at(place.at, "Shelly", place.password, lambda password: Digest(USER, password))


def status(device: HttpDevice, channel: int, deadline: Deadline) -> tuple[Document, Answer]:
    """The status of one switch, asked once.

    Args:
        device: which.
        channel: of it, from 0 on.
        deadline: by when.

    Raises:
        PortAbsent, PortSilent, PortGarbled, PortRefused: as they say.
    """
    answer = device.ask("/rpc/Switch.GetStatus", {"id": str(channel)}, deadline=deadline)
    found = document(device, answer)
    if "code" in found:
        raise _error(device, f"switch {channel} of {device.what}", found)
    if found.number("id") != channel:
        raise PortGarbled(
            f"switch {channel} of {device.what}: it answers for another switch", hint="ask it by hand, with curl"
        )
    return found, answer


def create(config: Config) -> Shelly2Port:
    """The port of a rig's section. Nothing is asked yet."""
    return Shelly2Port(device_of(config), config.channel)


def _error(device: HttpDevice, name: str, error: Document) -> PortRefused:
    """What an error of the RPC is: `{"code": -105, "message": "Argument 'id', value 4 not found!"}`."""
    return PortRefused(
        f"{name}: it says: {device.words(error.text('message'))} ({error.number('code'):g})",
        hint="see whether the rig file's `channel:` is one of its switches",
    )
