"""The kind `tasmota`: relays and plugs with the Tasmota firmware, over its web requests.

`GET /cm?cmnd=Power<N>%20On` switches, `Power<N>` alone asks; the answer is `{"POWER": "ON"}` of a device with one
relay, else `{"POWER<N>": "ON"}`. A password stands in the request, as `user=` and `password=` (Tasmota documentation,
"Commands": "with Web Requests", "Control"; "JSON Status Responses"; SetOption26 numbers the only relay too).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from pydantic import Field

from hil.clock import Deadline
from hil.config.channels import channel_at
from hil.config.devices import At
from hil.config.model import Model, Secret
from hil.config.power import PowerConfig
from hil.config.things import Thing
from hil.power.http_channel import PORT, HttpRelay, device_at, obeyed
from hil.power.http_device import Answer, HttpDevice, patiently
from hil.power.http_json import Document, document
from hil.power.port import PortGarbled, PortRefused, PowerState

_STATES: Final = {"ON": True, "OFF": False}


class TasmotaPlace(Model):
    """Where a device with Tasmota is, and which of its relays is meant."""

    at: At = Field(description="its name or address")
    channel: Annotated[int, Field(ge=1, le=32)] = Field(1, description="which relay or meter of it, from 1 on")
    user: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        "admin", description="the user, where it has a web password"
    )
    password: Secret | None = Field(None, description="its web password, as `!env NAME`; left out where it has none")


class Config(TasmotaPlace, PowerConfig):
    """One relay."""

    kind: Literal["tasmota"] = Field(description="a relay or plug with the Tasmota firmware")

    def things(self) -> tuple[Thing, ...]:
        """The relay; the device may have others."""
        return channel_at(self.at, PORT, "at", self.channel)


@dataclass(frozen=True, slots=True)
class TasmotaDevice:
    """A device that is given commands.

    Args:
        http: asks it.
        login: what stands in each request, `user` and `password`; {} where it has no password.
    """

    http: HttpDevice
    login: Mapping[str, str] = field(repr=False)

    def command(self, words: str, deadline: Deadline) -> tuple[Document, Answer]:
        """Give it one command.

        Args:
            words: as "Power1 On".
            deadline: by when.

        Raises:
            PortAbsent, PortSilent, PortGarbled: as they say.
            PortRefused: a wrong password, or a command that this device does not have.
        """
        answer = self.http.ask("/cm", {**self.login, "cmnd": words}, deadline=deadline)
        found = document(self.http, answer)
        if "WARNING" in found:
            # Firmware before 8.2.3 says so with status 200.
            raise PortRefused(
                f"{self.http.what}: the password is wrong, or it wants one",
                hint="give it as `password: !env NAME`, as the device has it (Configuration, Configure Other)",
            )
        if "Command" in found:
            raise PortRefused(
                f"{self.http.what}: it does not take the command {words!r}: {self.http.words(found.text('Command'))}",
                hint="see whether the rig file's `channel:` is one of its relays",
            )
        return found, answer


@dataclass(frozen=True, slots=True)
class TasmotaPort(HttpRelay[TasmotaDevice]):
    """The protocol PowerPort over one relay. Keeps nothing open."""

    @property
    def name(self) -> str:
        """The relay and the device."""
        return f"relay {self.channel} of {self.device.http.what}"

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        """Switch; the answer has the new state.

        Raises:
            PortAbsent, PortSilent, PortGarbled: as they say, the last two after three tries.
            PortRefused: a wrong password, no such relay; or it stays as it was, as with PowerOnState 4.
        """
        word = "On" if on else "Off"
        says = patiently(lambda soon: self._ask(f"Power{self.channel} {word}", soon), deadline=deadline)
        hint = "look at its settings PowerOnState, Interlock and PulseTime, and at its limits of power"
        return obeyed(self.name, on, says=says, hint=hint)

    def read(self, *, deadline: Deadline) -> PowerState:
        """Ask the relay's state. Errors as in `switch`."""
        return PowerState.of(patiently(lambda soon: self._ask(f"Power{self.channel}", soon), deadline=deadline))

    def _ask(self, words: str, deadline: Deadline) -> bool:
        found, _ = self.device.command(words, deadline)
        key = f"POWER{self.channel}"
        if self.channel == 1 and key not in found:
            key = "POWER"
        if key not in found:
            raise PortGarbled(
                f"{self.name}: it answers for another relay than this one",
                hint="see how many relays it has: one with a single relay may take it for any number",
            )
        state = _STATES.get(found.text(key))
        if state is None:
            raise PortGarbled(
                f"{self.name}: it says {self.device.http.words(found.text(key))!r}, which is neither ON nor OFF",
                hint="give it back its own words: the commands `StateText1 OFF` and `StateText2 ON`",
            )
        return state


def device_of(place: TasmotaPlace) -> TasmotaDevice:
    """The device of a section, as its power port and its meter ask it."""
    secret = "" if place.password is None else place.password.reveal()
    login = {"user": place.user, "password": secret} if secret else {}
    return TasmotaDevice(device_at(place.at, "Tasmota", place.password), login)


def create(config: Config) -> TasmotaPort:
    """The port of a rig's section. Nothing is asked yet."""
    return TasmotaPort(device_of(config), config.channel)
