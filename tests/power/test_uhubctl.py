"""The port of a USB hub: what uhubctl prints, as users showed it, and a program in its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.examples import unless_quick

from hil.clock import Deadline
from hil.power.port import PortAbsent, PortGarbled, PowerState
from hil.power.uhubctl import Config, create, parse_ports

ON, OFF, UNKNOWN = PowerState.ON, PowerState.OFF, PowerState.UNKNOWN

# labgrid, examples/usbpower/README.rst.
LABGRID = """\
Current status for hub 1-2 [05e3:0608 USB2.0 Hub, USB 2.10, 4 ports]
  Port 1: 0100 power
Sent power off request
New status for hub 1-2 [05e3:0608 USB2.0 Hub, USB 2.10, 4 ports]
  Port 1: 0000 off
"""
# docs.balena.io, "USB", BalenaFin.
BALENA = """\
Current status for hub 1-1 [0424:9514, USB 2.00, 5 ports]
  Port 1: 0503 power highspeed enable connect [0424:ec00]
  Port 2: 0100 power
  Port 3: 0100 power
  Port 4: 0103 power enable connect [0a12:0001]
  Port 5: 0503 power highspeed enable connect [0781:5567]
"""
# github.com/mvp/uhubctl, issue 613: one port of each of a hub's two halves, of the four that are shown there.
BOTH_HALVES = """\
Current status for hub 2-1.3 [2109:0822 VIA Labs, Inc. USB3.1 Hub, USB 3.20, 4 ports, ppps]
  Port 1: 02a0 power 5gbps Rx.Detect
Sent power off request
New status for hub 2-1.3 [2109:0822 VIA Labs, Inc. USB3.1 Hub, USB 3.20, 4 ports, ppps]
  Port 1: 00a0 off
Current status for hub 1-1.4 [2109:2822 VIA Labs, Inc. USB2.0 Hub, USB 2.10, 4 ports, ppps]
  Port 1: 0000 off
Sent power off request
New status for hub 1-1.4 [2109:2822 VIA Labs, Inc. USB2.0 Hub, USB 2.10, 4 ports, ppps]
  Port 1: 0000 off
"""
# As the Debian package's 2.5.0 prints it, seen on a host without a hub.
NO_HUB = "No compatible devices detected at location 1-1!\nRun with -h to get usage info.\n"


@pytest.mark.parametrize(
    ("output", "port", "states"),
    [
        (LABGRID, 1, {"1-2": OFF}),
        (BALENA, 4, {"1-1": ON}),
        (BOTH_HALVES, 1, {"2-1.3": OFF, "1-1.4": OFF}),
        (BALENA, 6, {}),
        ("Current status for hub 3 [x]\n  Port 1: 0001 connect [1:2]\n", 1, {"3": UNKNOWN}),
        (NO_HUB, 1, None),
        ("  Port 1: 0100 power\n", 1, None),
    ],
)
def test_what_it_prints(output: str, port: int, states: dict[str, PowerState] | None) -> None:
    assert parse_ports(output, port) == states


@given(
    st.text("Current status for hub 1-.[]\nPort 2:0power off", max_size=120) | st.text(max_size=60), st.integers(1, 3)
)
@example(BALENA, 2)
@settings(max_examples=unless_quick(60))
def test_the_parser_takes_any_text(output: str, port: int) -> None:
    for hub, state in (parse_ports(output, port) or {}).items():
        assert hub in output
        assert state is UNKNOWN or f" {'power' if state is ON else 'off'}" in output


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that prints as uhubctl does of hub 1-1 and of its other half, and keeps their state in files."""
    program = tmp_path / "uhubctl"
    program.write_text(
        """#!/bin/sh
cd "$(dirname "$0")"
echo "$@" >> asked
show() {
  for half in 2-1 1-1; do
    echo "$1 status for hub $half [2109:2822 VIA Labs, Inc. USB2.0 Hub, USB 2.10, 4 ports, ppps]"
    echo "  Port $4: $(cat "$half")"
  done
}
if [ "$6" ]; then
  show Current "$@" && echo "Sent power $6 request"
  case $6 in on) word="0100 power" ;; off) word="0000 off" ;; esac
  echo "$word" > 1-1; [ -e stuck ] || echo "$word" > 2-1
  show New "$1" "$2" "$3" "$4"
else
  show Current "$@"
fi
""".replace('"  Port $4:', '"  Port $5:')
    )
    program.chmod(0o755)
    for half in ("1-1", "2-1"):
        (tmp_path / half).write_text("0503 power highspeed enable connect [0424:ec00]\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def test_switches_both_halves_and_reads_them(hub: Path) -> None:
    port = create(Config(kind="uhubctl", hub="1-1", port=2))
    assert port.read(deadline=Deadline.after(5)) is ON
    port.switch(False, deadline=Deadline.after(5))
    assert port.read(deadline=Deadline.after(5)) is OFF
    assert (hub / "asked").read_text().splitlines() == ["-l 1-1 -p 2", "-l 1-1 -p 2 -a off", "-l 1-1 -p 2"]


def test_one_half_that_stays_on_is_on_and_said_so(hub: Path) -> None:
    (hub / "stuck").touch()
    with pytest.raises(PortGarbled, match="told to switch off, and the hub says on"):
        create(Config(kind="uhubctl", hub="1-1", port=2)).switch(False, deadline=Deadline.after(5))
    assert len((hub / "asked").read_text().splitlines()) == 3


def test_a_hub_that_is_not_there(hub: Path) -> None:
    (hub / "uhubctl").write_text(f"#!/bin/sh\necho '{NO_HUB}' >&2\nexit 1\n")
    with pytest.raises(PortAbsent, match="uhubctl exited with 1") as caught:
        create(Config(kind="uhubctl", hub="1-1", port=2)).read(deadline=Deadline.after(5))
    assert caught.value.evidence[0] == "No compatible devices detected at location 1-1!"
