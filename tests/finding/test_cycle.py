"""One relay is switched, and is as it was found afterwards, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest
from support.port_config import PortConfig

from hil.clock import Deadline, now_ns
from hil.console.stream import Chunk
from hil.console.transcript import Transcript
from hil.errors import InfrastructureError
from hil.finding.cycle import NotPutBack, Pace, Relay, found_state, heard_cycle, left_on
from hil.finding.ears import Ears
from hil.finding.evidence import Heard
from hil.power.port import PortSilent, PowerState

QUICK = Pace(before=0, quiet=0, within=0.02, linger=0)


class Contact:
    """A port that remembers what it was told; `obeys` says what it reads back."""

    name = "contact"
    reads_back = True

    def __init__(self, state: PowerState) -> None:
        self.state = state
        self.told: list[bool] = []
        self.before: Callable[[bool], None] = lambda on: None
        self.obeys = True

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        self.before(on)
        self.told.append(on)
        if self.obeys and self.state is not PowerState.UNKNOWN:
            self.state = PowerState.ON if on else PowerState.OFF
        return PowerState.UNKNOWN

    def read(self, *, deadline: Deadline) -> PowerState:
        return self.state

    def close(self) -> None:
        pass


class Stub:
    """Ears with one console, "a", which boots as soon as the contact is switched on."""

    def __init__(self, contact: Contact) -> None:
        self.transcripts = {"a": Transcript()}
        self.contact = contact
        self.on_listen: Callable[[], None] = lambda: None

    def listen(self, deadline: Deadline) -> None:
        self.on_listen()
        transcript = self.transcripts["a"]
        if self.contact.told[-1:] == [True] and not transcript.end:
            transcript.append(Chunk(now_ns(), 1, 0, b"U-Boot 2024.01\r\n"))


def tried(contact: Contact, ears: Stub, *, leave: str = "off", pace: Pace = QUICK) -> Heard:
    config = PortConfig.model_validate({"kind": "plain", "off_at_least": 0, "leave": leave})
    relay = Relay("relay1", config, contact)
    left = left_on(config, found_state(contact))
    return heard_cycle(relay, cast(Ears, ears), pace, left=left)["a"].heard


@pytest.mark.parametrize(
    ("found", "leave", "told"),
    [
        (PowerState.ON, "off", [False, True, True]),
        (PowerState.OFF, "on", [False, True, False]),
        (PowerState.UNKNOWN, "off", [False, True, False]),
        (PowerState.UNKNOWN, "on", [False, True, True]),
        (PowerState.UNKNOWN, "as_found", [False, True, False]),
    ],
)
def test_it_is_left_as_found_or_as_the_rig_says_where_it_cannot_tell(
    found: PowerState, leave: str, told: list[bool]
) -> None:
    contact = Contact(found)
    assert tried(contact, Stub(contact), leave=leave) is Heard.REBOOTED
    assert contact.told == told


def test_ctrl_c_in_the_dark_leaves_it_as_found() -> None:
    contact = Contact(PowerState.ON)
    ears = Stub(contact)

    def interrupt() -> None:
        if contact.told:
            raise KeyboardInterrupt

    ears.on_listen = interrupt
    with pytest.raises(KeyboardInterrupt):
        tried(contact, ears)
    assert contact.told == [False, True]


def test_who_talks_in_the_dark_is_heard_though_the_host_stalls_there() -> None:
    contact = Contact(PowerState.ON)
    ears = Stub(contact)
    looks = 0

    def stalls() -> None:
        nonlocal looks
        looks += contact.told == [False]
        if looks == 3 and not ears.transcripts["a"].end:  # two went by while the host stalled, and nobody could speak
            ears.transcripts["a"].append(Chunk(now_ns(), 1, 0, b"still talking\r\n"))

    ears.on_listen = stalls
    assert tried(contact, ears, pace=replace(QUICK, quiet=0.3)) is Heard.TALKED


def test_one_that_reads_back_wrong_is_told_again_how_it_was() -> None:
    contact = Contact(PowerState.ON)
    contact.obeys = False
    with pytest.raises(InfrastructureError, match="was switched off and reads back on") as caught:
        tried(contact, Stub(contact))
    assert not isinstance(caught.value, NotPutBack)
    assert contact.told == [False, True]


def test_one_that_cannot_be_put_back_says_how_it_should_be() -> None:
    contact = Contact(PowerState.OFF)

    def silent(on: bool) -> None:
        if contact.told[-1:] == [True]:
            raise PortSilent("no answer", hint="look at its plug")

    contact.before = silent
    with pytest.raises(NotPutBack, match="relay1 was to be left off, and was not: no answer") as caught:
        tried(contact, Stub(contact))
    assert "look at its plug" in caught.value.hint
