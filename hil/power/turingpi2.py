"""The kind `turingpi2`: a slot of a Turing Pi 2, switched by its management board's API.

`GET /api/bmc?opt=set&type=power&node1=1` switches, `opt=get&type=power` asks; the answers are
`{"response":[{"result":"ok"}]}` and `{"response":[{"result":[{"node1":"1",...}]}]}` (Turing Pi documentation, "BMC
API", firmware 2.0.3; turing-machines/bmcd, src/api/legacy.rs, `set_node_power` and `get_node_power`, and
src/api/into_legacy_response.rs). It is HTTPS with a certificate that the board has made itself, and Basic
authentication (the same page, "Authentication"; bmcd, src/main.rs); port 80 only sends there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from hil.clock import Deadline
from hil.config.channels import channel_at
from hil.config.devices import At, host_port
from hil.config.model import Secret
from hil.config.power import PowerConfig
from hil.config.things import Thing
from hil.power.http_channel import HttpRelay, obeyed
from hil.power.http_device import HttpDevice, patiently
from hil.power.http_json import Document, document
from hil.power.port import PortGarbled, PortRefused, PowerState

PORT: Final = 443

_PATH: Final = "/api/bmc"
_STATES: Final = {"1": PowerState.ON, "0": PowerState.OFF, "Unknown": PowerState.UNKNOWN}


class Config(PowerConfig):
    """One slot."""

    kind: Literal["turingpi2"] = Field(description="a slot of a Turing Pi 2, by its management board")
    at: At = Field(description="the management board's name or address; port 443 where none is written")
    channel: Annotated[int, Field(ge=1, le=4)] = Field(description="the slot, from 1 on: node1 to node4 of its API")
    user: Annotated[str, Field(pattern=r"^[^:]{1,64}$")] = Field("root", description="who may switch it")
    password: Secret | None = Field(
        None, description="that user's password, as `!env NAME`; left out where it asks for none"
    )
    certificate: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$"), AfterValidator(str.lower)] | None = Field(
        None, description="the SHA-256 of its certificate, 64 hex digits; where none is written, any is taken"
    )

    def things(self) -> tuple[Thing, ...]:
        """The slot; the board has three others."""
        return channel_at(self.at, PORT, "at", self.channel)


@dataclass(frozen=True, slots=True)
class TuringPi2Port(HttpRelay[HttpDevice]):
    """The protocol PowerPort over one slot. Keeps nothing open."""

    @property
    def name(self) -> str:
        """The slot and the board."""
        return f"slot {self.channel} of {self.device.what}"

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        """Switch, and ask then: the answer to a switching is "ok" whatever the slots do.

        Raises:
            PortAbsent, PortSilent, PortGarbled: as they say, the last two after three tries.
            PortRefused: a wrong password, another certificate; or the slot stays as it was.
        """
        patiently(lambda soon: self._set(on, soon), deadline=deadline)
        state = self.read(deadline=deadline)
        if state is PowerState.UNKNOWN:
            return state
        hint = "see the board's own page: a slot that is being flashed, or is held in reset, is not switched"
        return obeyed(self.name, on, says=state is PowerState.ON, hint=hint)

    def read(self, *, deadline: Deadline) -> PowerState:
        """Ask the slot's state; UNKNOWN where the board itself does not know. Errors as in `switch`."""
        return patiently(self._state, deadline=deadline)

    def _set(self, on: bool, deadline: Deadline) -> None:
        said = self._ask({"opt": "set", "type": "power", f"node{self.channel}": str(int(on))}, deadline).text("result")
        if said != "ok":
            raise PortRefused(
                f"{self.name}: it was told to switch, and says {self.device.words(said)!r}",
                hint="see the log of bmcd on the board",
            )

    def _state(self, deadline: Deadline) -> PowerState:
        slots = self._ask({"opt": "get", "type": "power"}, deadline).element("result", 0)
        said = "" if slots is None else slots.text(f"node{self.channel}")
        if said not in _STATES:
            raise PortGarbled(
                f"{self.name}: it says {self.device.words(said)!r} of it, which is neither 0 nor 1",
                hint="see whether its firmware is 2.0 or later: hil knows no older one",
            )
        return _STATES[said]

    def _ask(self, query: dict[str, str], deadline: Deadline) -> Document:
        """The first element of what it responds, which has all of it."""
        found = document(self.device, self.device.ask(_PATH, query, deadline=deadline)).element("response", 0)
        if found is None:
            raise PortGarbled(f"{self.device.what}: its response is empty", hint="see the log of bmcd on the board")
        return found


def create(config: Config) -> TuringPi2Port:
    """The port of a rig's section. Nothing is asked yet."""
    from hil.power.http_login import Basic
    from hil.power.http_tls import Tls

    secret = "" if config.password is None else config.password.reveal()
    login = None if config.password is None else Basic(config.user, secret)
    what = f"Turing Pi 2 {config.at}"
    device = HttpDevice(host_port(config.at, PORT), what, login, secret, Tls(config.certificate))
    return TuringPi2Port(device, config.channel)
