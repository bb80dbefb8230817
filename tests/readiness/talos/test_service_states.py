"""What the state of a service of Talos means, health that is left over from an earlier run included."""

from __future__ import annotations

import pytest

from hil.readiness.talos.observation import ServiceState
from hil.readiness.talos.proto import machine_pb2 as machine
from hil.readiness.talos.resources import services

UNKNOWN = machine.ServiceHealth(unknown=True)
GOOD = machine.ServiceHealth(healthy=True)
FAILING = machine.ServiceHealth(last_message="connection refused")
STOPPED = machine.ServiceHealth(last_message="service not running")


def state_of(state: str, health: machine.ServiceHealth, said: str = "said") -> ServiceState:
    events = machine.ServiceEvents(events=[machine.ServiceEvent(msg="before"), machine.ServiceEvent(msg=said)])
    info = machine.ServiceInfo(id="ext-hello", state=state, health=health, events=events)
    return services(machine.ServiceListResponse(messages=[machine.ServiceList(services=[info])]))["ext-hello"]


@pytest.mark.parametrize(
    ("state", "health", "expected", "running"),
    [
        ("Running", UNKNOWN, ServiceState("Running", None, "said"), True),
        ("Running", GOOD, ServiceState("Running", True, "said"), True),
        ("Running", FAILING, ServiceState("Running", False, "connection refused"), False),
        # An extension's service that crashed once and runs again: nothing has checked it since.
        ("Running", STOPPED, ServiceState("Running", None, "said"), True),
        ("Waiting", STOPPED, ServiceState("Waiting", None, "said"), False),
        ("Waiting", GOOD, ServiceState("Waiting", None, "said"), False),
        ("Waiting", UNKNOWN, ServiceState("Waiting", None, "said"), False),
    ],
)
def test_state(state: str, health: machine.ServiceHealth, expected: ServiceState, running: bool) -> None:
    found = state_of(state, health)
    assert found == expected
    assert found.running is running


def test_words_are_on_one_line() -> None:
    assert state_of("Waiting", STOPPED, "Waiting for\n\tnetwork").message == "Waiting for network"
