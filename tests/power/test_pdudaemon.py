"""pdudaemon's HTTP listener: the requests of its README."""

from __future__ import annotations

import pytest
from support.http_devices import answering, says

from hil.clock import Deadline
from hil.power import pdudaemon
from hil.power.port import PortRefused, PowerState

SOON = 5.0

# pdudaemon's README (github.com/pdudaemon/pdudaemon), "Making a power control request":
#   curl "http://localhost:16421/power/control/on?hostname=192.168.10.2&port=1", and off; 200 accepted, 503 not.
# The words are those of release 1.1.1 (pdudaemon/httplistener.py), which says no with 500.
YES = says("OK - accepted request\n")


def port(at: str) -> pdudaemon.PdudaemonPort:
    return pdudaemon.create(pdudaemon.Config(kind="pdudaemon", at=at, hostname="192.168.10.2", port=1))


def test_switching_as_the_readme_has_it() -> None:
    with answering(YES) as twin:
        port(twin.at).switch(True, deadline=Deadline.after(SOON))
        port(twin.at).switch(False, deadline=Deadline.after(SOON))
        assert port(twin.at).read(deadline=Deadline.after(SOON)) is PowerState.UNKNOWN
    assert not port(twin.at).reads_back
    assert twin.lines == [f"GET /power/control/{word}?hostname=192.168.10.2&port=1" for word in ("on", "off")]


@pytest.mark.parametrize("status", ["503 Service Unavailable", "500 Internal Server Error"])
def test_a_no(status: str) -> None:
    with (
        answering(says("Invalid request\n", status)) as twin,
        pytest.raises(PortRefused, match="Invalid request") as no,
    ):
        port(twin.at).switch(True, deadline=Deadline.after(SOON))
    assert "`pdus`" in no.value.hint


def test_what_it_takes_is_the_units_port_behind_that_daemon() -> None:
    config = pdudaemon.Config(kind="pdudaemon", at="bench.lan", hostname="pdu01", port=4)
    assert [thing.name for thing in config.things()] == ["bench.lan:16421:pdu01:4"]
