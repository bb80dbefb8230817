"""The kind `shelly1`: relays and plugs of Shelly's first generation, over their HTTP interface.

`GET /relay/N?turn=on|off` switches and answers the relay's state, `GET /relay/N` answers it alone: `{"ison": true,
...}` (Shelly API Reference, Gen1, "Shelly1/1PM: /relay/0", "Shelly Plug/PlugS: /relay/0"). A password is HTTP's Basic
authentication (the same, "/settings/login").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from hil.clock import Deadline
from hil.config.channels import channel_at
from hil.config.devices import At
from hil.config.model import Model, Secret
from hil.config.power import PowerConfig
from hil.config.things import Thing
from hil.power.http_channel import PORT, HttpRelay, device_at, obeyed
from hil.power.http_device import HttpDevice, patiently
from hil.power.http_json import document
from hil.power.http_login import Basic
from hil.power.port import PowerState


class Shelly1Place(Model):
    """Where a device of the first generation is, and which of its channels is meant."""

    at: At = Field(description="its name or address")
    channel: Annotated[int, Field(ge=0, le=3)] = Field(0, description="which relay or meter of it, from 0 on")
    user: Annotated[str, Field(pattern=r"^[^:]{1,64}$")] = Field("admin", description="the user, where it has one")
    password: Secret | None = Field(None, description="the password, as `!env NAME`; left out where it has none")


class Config(Shelly1Place, PowerConfig):
    """One relay."""

    kind: Literal["shelly1"] = Field(description="a Shelly of the first generation")

    def things(self) -> tuple[Thing, ...]:
        """The relay; the device may have others."""
        return channel_at(self.at, PORT, "at", self.channel)


@dataclass(frozen=True, slots=True)
class Shelly1Port(HttpRelay[HttpDevice]):
    """The protocol PowerPort over one relay. Keeps nothing open."""

    @property
    def name(self) -> str:
        """The relay and the device."""
        return f"relay {self.channel} of {self.device.what}"

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        """Switch; the answer has the new state.

        Raises:
            PortAbsent, PortSilent, PortGarbled: as they say, the last two after three tries.
            PortRefused: a wrong password, no such relay; or it stays as it was, as after an overload.
        """
        says = patiently(lambda soon: self._ask({"turn": "on" if on else "off"}, soon), deadline=deadline)
        hint = "look at its page in a browser: overload and overheating switch it off and keep it off"
        return obeyed(self.name, on, says=says, hint=hint)

    def read(self, *, deadline: Deadline) -> PowerState:
        """Ask the relay's state. Errors as in `switch`."""
        return PowerState.of(patiently(lambda soon: self._ask({}, soon), deadline=deadline))

    def _ask(self, query: dict[str, str], deadline: Deadline) -> bool:
        answer = self.device.ask(f"/relay/{self.channel}", query, deadline=deadline)
        return document(self.device, answer).flag("ison")


def device_of(place: Shelly1Place) -> HttpDevice:
    """The device of a section, as its power port and its meter ask it."""
    return device_at(place.at, "Shelly", place.password, lambda password: Basic(place.user, password))


def create(config: Config) -> Shelly1Port:
    """The port of a rig's section. Nothing is asked yet."""
    return Shelly1Port(device_of(config), config.channel)
