"""The port that the user's own programs switch."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick
from support.process_table import over

from hil.clock import Deadline
from hil.config.environment import EnvValue
from hil.config.model import FileContext
from hil.power.command import Config, create, parse_state
from hil.power.port import PortAbsent, PortGarbled, PortRefused, PortSilent, PowerState


def soon() -> Deadline:
    return Deadline.after(5.0)


def config(**keys: tuple[str, ...]) -> Config:
    return Config(kind="command", **{"on": ("true",), "off": ("true",), **keys})


@pytest.fixture
def relay(tmp_path: Path) -> Config:
    """A relay that is a file, switched by a shell script beside the rig file, given by a relative path."""
    script = tmp_path / "relay.sh"
    script.write_text(
        '#!/bin/sh\ncd "$(dirname "$0")"\nif [ "$1" ]; then echo "$1" > is; else echo "it is:"; cat is; fi\n'
    )
    script.chmod(0o755)
    return Config.model_validate(
        {"kind": "command", "on": ("./relay.sh", "on"), "off": ("./relay.sh", "off"), "state": ("./relay.sh",)},
        context=FileContext(tmp_path),
    )


def test_switches_and_reads_back(relay: Config) -> None:
    port = create(relay)
    for on in (True, False):
        port.switch(on, deadline=soon())
        assert port.read(deadline=soon()).value == ("on" if on else "off")
    assert port.reads_back


def test_without_a_state_program_it_is_unknown() -> None:
    port = create(config())
    port.switch(True, deadline=soon())
    assert (port.read(deadline=soon()), port.reads_back) == (PowerState.UNKNOWN, False)


def test_how_it_fails(tmp_path: Path) -> None:
    with pytest.raises(PortAbsent, match="hil-no-such-program cannot be started"):
        create(config(on=("hil-no-such-program",))).switch(True, deadline=soon())
    with pytest.raises(PortRefused, match="sh exited with 3") as caught:
        create(config(off=("sh", "-c", "echo no relay here >&2; exit 3"))).switch(False, deadline=soon())
    assert caught.value.evidence == ("no relay here",)
    # A script that crashes exits with 1, which is no state.
    with pytest.raises(PortRefused, match="exited with 1"):
        create(config(state=("false",))).read(deadline=soon())
    with pytest.raises(PortGarbled, match="says neither on nor off"):
        create(config(state=("echo", "maybe"))).read(deadline=soon())


def test_one_that_hangs_is_killed_with_what_it_started(tmp_path: Path) -> None:
    left = tmp_path / "pid"
    hangs = ("sh", "-c", f'sleep 600 & echo $! > "{left}"; wait')
    for patience in (0.5, 5, 50):  # a busy host may not have come to the program's second line by then
        with pytest.raises(PortSilent, match=rf"had not ended after {patience} s"):
            create(config(on=hangs)).switch(True, deadline=Deadline.after(patience))
        if left.exists() and left.read_text():
            break
    assert over(int(left.read_text()), Deadline.after(20))


@given(st.text(max_size=40))
@settings(max_examples=unless_quick(50))
def test_the_state_is_the_last_line_alone(output: str) -> None:
    state = parse_state(output)
    assert (state is not None) == (output.strip().split("\n")[-1].strip().casefold() in {"on", "off", "unknown"})
    assert parse_state(f"{output}\n OFF \n\n") is PowerState.OFF


def test_no_argument_is_from_the_environment() -> None:
    with pytest.raises(ValueError, match="every user of a host sees") as caught:
        config(on=("curl", EnvValue("hunter22", "PDU_PASSWORD")))
    assert "hunter22" not in str(caught.value)
    assert [thing.name for thing in config(on=("relay", "on 1")).things()] == ["command relay 'on 1'"]
