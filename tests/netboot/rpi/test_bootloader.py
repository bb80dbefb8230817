"""A board's bootloader is listened to in each boot: its UART from power-on, dnsmasq's log from then on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bench import Bench
from support.rpi_lines import LEASE, MAC, NETWORK, SERIAL, STARTED, missing
from support.wire import Wire

from hil.clock import WallAnchor
from hil.config.rpi import RpiConfig
from hil.console.stream import Chunk
from hil.console.transcript import Transcript
from hil.errors import InfrastructureError
from hil.keeper.status import StreamStatus
from hil.netboot.rpi.bootloader import listening
from hil.timeline.timeline import Timeline

PRINTED = STARTED + LEASE
CONFIG = RpiConfig(model="cm4", serial=SERIAL, firmware="twin:firmware")
DNSMASQ = StreamStatus(received=len(PRINTED), incarnation=1, live=True, recording_error=None, unheard=0)


class Keeper:
    """Has dnsmasq's log, or has none."""

    def __init__(self, **known: StreamStatus) -> None:
        self.known = known
        self.wire = Wire()

    def streams(self) -> dict[str, StreamStatus]:
        return self.known

    def attach(self, name: str, *, start: int | None = 0) -> Wire:
        assert (name, start) == ("dnsmasq", 0)
        return self.wire


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    keeper = Keeper(dnsmasq=DNSMASQ)
    yield keeper
    keeper.wire.hang_up()
    keeper.wire.close()


def test_a_machine_that_is_no_raspberry_pi_has_none(keeper: Keeper) -> None:
    assert listening(keeper, "n1", MAC, None, "10.0.2.100") is None  # type: ignore[arg-type]


def test_without_a_dnsmasq_of_ours_its_uart_tells_all() -> None:
    listen = listening(Keeper(), "n1", MAC, CONFIG, "10.0.2.100")  # type: ignore[arg-type]
    assert listen is not None
    transcript = Transcript()
    bootloader = listen(transcript, 0, 0)
    transcript.append(Chunk(7, 1, 0, NETWORK + b"Link ready\r\n"))
    assert ([mark.stage for mark in bootloader.take()], bootloader.fileno()) == (["link"], None)
    # Nobody heard what it asked, so nobody says that it did not.
    assert bootloader.trouble(Timeline(0, WallAnchor.take()), str, late=True) is None
    bootloader.close()


def test_of_a_wire_that_nobody_hears_nothing_is_said() -> None:
    listen = listening(Keeper(), "n1", MAC, CONFIG, "10.0.2.100")  # type: ignore[arg-type]
    assert listen is not None
    silent = listen(Transcript(), 0, 0)
    found = silent.trouble(Timeline(0, WallAnchor.take()), str, late=True)
    assert found is not None
    assert found.words == "nothing came from its console"
    silent.close()


def test_a_node_has_it_from_its_power_on_and_its_trouble_is_the_benchs(tmp_path: Path, keeper: Keeper) -> None:
    bench = Bench(tmp_path)
    bench.keeper.known = keeper.known
    bench.bootloader = listening(keeper, "n1", MAC, CONFIG, "10.0.2.100")  # type: ignore[arg-type]
    keeper.wire.says(PRINTED + LEASE + missing("0badc0de/start4.elf"))
    node = bench.node()
    bench.will_say(NETWORK + b"Link ready\r\n")
    with pytest.raises(InfrastructureError, match=r"n1, after .*: it asks for its files in the folder 0badc0de/"):
        node.boot(within=20)
    assert node.boots[-1].to_json()["verdict"] == "broken"
    stages = [(mark.stage, mark.source) for mark in node.boots[-1].timeline]
    assert sorted(stages) == [("link", "console"), ("power", "hil"), ("rom-lease", "dnsmasq")]
    node.close()
    # It is let go with the node.
    assert keeper.wire.fileno() == -1
    bench.close()
