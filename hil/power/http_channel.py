"""A channel of a plug or relay that is asked over HTTP: what the power ports and meters of such kinds share.

What is asked, and what an answer means, is for the kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from hil.config.devices import host_port
from hil.config.model import Secret
from hil.power.http_device import HttpDevice
from hil.power.port import PortRefused, PowerState

if TYPE_CHECKING:
    from hil.power.http_login import Login

PORT: Final = 80

D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class HttpChannel(Generic[D]):
    """One channel of a device. Keeps nothing open.

    Args:
        device: asks it.
        channel: of it, as the device counts.
    """

    device: D
    channel: int

    def close(self) -> None:
        """Nothing is open between exchanges."""


@dataclass(frozen=True, slots=True)
class HttpRelay(HttpChannel[D]):
    """One relay of a device; a kind adds how it is asked."""

    @property
    def reads_back(self) -> bool:
        """It tells what its relay was last told, not what the contact does."""
        return True


def obeyed(relay: str, on: bool, *, says: bool, hint: str) -> PowerState:
    """The state of a relay that answers a command with its new state.

    Args:
        relay: its name, for the message.
        on: what it was told.
        says: what it answered.
        hint: what to do about one that stays as it was.

    Raises:
        PortRefused: it stays as it was.
    """
    if says is not on:
        raise PortRefused(
            f"{relay}: it was told to switch {'on' if on else 'off'}, and says that it is not", hint=hint
        )
    return PowerState.of(on)


def device_at(at: str, maker: str, password: Secret | None, login: Callable[[str], Login] | None = None) -> HttpDevice:
    """The device of a section, as its power port and its meter ask it.

    Args:
        at: an `At` that is none of the twin's.
        maker: what the device is called in messages, before its address.
        password: None where it has none.
        login: makes of the password what shows that we may ask; None where it stands in what is asked.
    """
    secret = "" if password is None else password.reveal()
    shown = None if password is None or login is None else login(secret)
    return HttpDevice(host_port(at, PORT), f"{maker} {at}", shown, secret)
