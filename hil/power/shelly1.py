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
from hil.config.devices import At, host_port, is_twin
from hil.config.model import Model, Secret
from hil.config.power import PowerConfig
from hil.config.things import Thing, endpoint
from hil.power.http_device import HttpDevice, patiently
from hil.power.http_json import document
from hil.power.http_login import Basic
from hil.power.port import PortRefused, PowerState

PORT = 80


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
        if is_twin(self.at):
            return ()
        return (endpoint(host_port(self.at, PORT), "at", channel=self.channel),)


@dataclass(frozen=True, slots=True)
class Shelly1Port:
    """The protocol PowerPort over one relay. Keeps nothing open.

    Args:
        device: which.
        channel: of it, from 0 on.
    """

    device: HttpDevice
    channel: int

    @property
    def name(self) -> str:
        """The relay and the device."""
        return f"relay {self.channel} of {self.device.what}"

    @property
    def reads_back(self) -> bool:
        """It tells what its relay was last told, not what the contact does."""
        return True

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        """Switch; the answer has the new state.

        Raises:
            PortAbsent, PortSilent, PortGarbled: as they say, the last two after three tries.
            PortRefused: a wrong password, no such relay; or it stays as it was, as after an overload.
        """
        state = patiently(lambda soon: self._ask({"turn": "on" if on else "off"}, soon), deadline=deadline)
        if state is not on:
            raise PortRefused(
                f"{self.name}: it was told to switch {'on' if on else 'off'}, and says that it is not",
                hint="look at its page in a browser: overload and overheating switch it off and keep it off",
            )
        return _as_state(state)

    def read(self, *, deadline: Deadline) -> PowerState:
        """Ask the relay's state. Errors as in `switch`."""
        return _as_state(patiently(lambda soon: self._ask({}, soon), deadline=deadline))

    def close(self) -> None:
        """Nothing is open between exchanges."""

    def _ask(self, query: dict[str, str], deadline: Deadline) -> bool:
        answer = self.device.ask(f"/relay/{self.channel}", query, deadline=deadline)
        return document(self.device, answer).flag("ison")


def device_of(place: Shelly1Place) -> HttpDevice:
    """The device of a section, as its power port and its meter ask it."""
    password = None if place.password is None else place.password.reveal()
    return HttpDevice(
        host_port(place.at, PORT),
        f"Shelly {place.at}",
        None if password is None else Basic(place.user, password),
        password or "",
    )


def create(config: Config) -> Shelly1Port:
    """The port of a rig's section. Nothing is asked yet."""
    return Shelly1Port(device_of(config), config.channel)


def _as_state(on: bool) -> PowerState:
    return PowerState.ON if on else PowerState.OFF
