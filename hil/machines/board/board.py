"""A board: its supply, its console, its meter, each by what the rig names. Knows no kind of relay, and no twin.

What is recorded of it belongs to the boot that is under way: at each power-on its console, its meter and its packets
begin new recordings in that boot's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from hil.clock import Deadline, now_ns
from hil.config.devices import device_path
from hil.config.model import HostPort
from hil.config.serial import ConsoleConfig
from hil.console.spec import NoPort, PortSpec, Rfc2217Port, SerialPort, TcpPort
from hil.errors import MissingPart
from hil.machine import Doors, Events, Machine, Meter, Power, SerialConsole
from hil.machines.board.config import MADE_UP, Config
from hil.machines.board.line_events import LineEvents
from hil.machines.board.packets import BoardPackets
from hil.machines.board.witnesses import ConsoleWitness, MeterWitness
from hil.machines.place import Place
from hil.power.port import Delayed, PowerPort
from hil.power.sampler import Sampler
from hil.power.samples import FILE
from hil.switching import Acted, PowerState, Witness
from hil.timeline.stages import stages_of

_READS_WITHIN: Final = 5.0
_LOOKS_EVERY: Final = 2.0


def create(config: Config, place: Place) -> Machine:
    """A machine whose supply is as it was found, its console and meter recorded from now on.

    Args:
        config: the node's keys in the rig file, with real device files and addresses.
        place: what the bench gives it.

    Raises:
        InfrastructureError: its console cannot be opened.
    """
    supply = place.supply
    console = BoardConsole(place, config.console)
    metering = None if supply.meter is None else BoardMeter(place)
    parts: dict[type[object], object] = {}
    witnesses: list[Witness] = []
    if config.address is not None or not config.attach:
        parts[Doors] = BoardDoors(config, place)
    if metering is not None:
        parts[Meter] = metering
        witnesses.append(
            MeterWitness(lambda: metering.sampler, metering.meter, supply.dark_below, supply.off_at_least)
        )
    if config.console is not None:
        parts[SerialConsole] = console
        witnesses.append(ConsoleWitness(place.keeper, console.stream, supply.off_at_least))
    line_events = LineEvents(place.keeper, console.stream)
    parts[Events] = line_events
    packets = BoardPackets(place) if is_watched(config, place) else None
    # The packets first: their process takes longest to come up.
    recorded = [each for each in (packets, console, metering) if each is not None]

    def record(folder: Path) -> None:
        for each in recorded:
            each.begin(folder)
        if packets is not None:
            packets.await_ready()

    def close() -> None:
        line_events.close()
        if metering is not None:
            metering.close()
        if packets is not None:
            packets.close()

    if supply.port is not None:
        parts[Power] = BoardPower(supply.port, place, record)
    return Machine(
        name=place.node,
        kind="board",
        identity=place.identity,
        console_argument=config.console_argument,
        console_stream=console.stream,
        control_stream=None,
        parts=parts,
        close=close,
        facts=_facts(place, console),
        witnesses=tuple(witnesses),
        look_every=_LOOKS_EVERY,
        stages=stages_of(None if config.rpi is None else config.rpi.model),
        attach=record if config.attach else None,
    )


class BoardPower:
    """The protocol Power over a power port.

    Args:
        port: switches the supply.
        place: what the bench gave.
        record: begins the recordings of a boot, in its folder.
    """

    def __init__(self, port: PowerPort, place: Place, record: Callable[[Path], None]) -> None:
        self._port = port
        self._place = place
        self._record = record

    @property
    def reads_back(self) -> bool:
        """Whether the port can tell its state."""
        return self._port.reads_back

    def on(self, *, deadline: Deadline) -> Acted:
        """Begin the boot's recordings, then switch on; its moment is just before the device was told to."""
        self._record(self._place.session.folder)
        return self._act(True, deadline)

    def off(self, *, deadline: Deadline) -> Acted:
        """Switch off; its moment is just before the device was told to."""
        return self._act(False, deadline)

    def state(self) -> PowerState:
        """What the port reads back now."""
        return self._port.read(deadline=Deadline.after(_READS_WITHIN))

    def _act(self, on: bool, deadline: Deadline) -> Acted:
        asked = now_ns()
        state = self._port.switch(on, deadline=deadline)
        return Acted(self._port.told_ns if isinstance(self._port, Delayed) else asked, state)


class BoardConsole:
    """The part SerialConsole: a serial line that the keeper reads from now on.

    Args:
        place: what the bench gave.
        config: which line; None for a board without one, whose console is silent and no part of it.

    Raises:
        InfrastructureError: it cannot be opened, or another program holds it.
    """

    def __init__(self, place: Place, config: ConsoleConfig | None) -> None:
        self._place = place
        self._port = NoPort() if config is None else port_of(config)
        self.line = "none" if config is None else f"{config.device or config.at} at {config.baud} baud"
        self.stream = f"console:{place.node}"
        self.begin(place.session.folder / f"{place.node}-before")

    def begin(self, folder: Path) -> None:
        """The next incarnation, recorded in this folder."""
        folder.mkdir(exist_ok=True)
        self._place.keeper.open_console(self.stream, self._port, folder / "console", reopen=True)


class BoardMeter:
    """The part Meter: a meter that is sampled from now on.

    Args:
        place: what the bench gave, with a meter.
    """

    def __init__(self, place: Place) -> None:
        assert place.supply.meter is not None
        self._meter, self._every = place.supply.meter, place.supply.every
        self._name, self._simulated = place.supply.meter_name, place.supply.meter_simulated
        self._sampler: Sampler | None = None
        self.begin(place.session.folder / f"{place.node}-before")

    @property
    def meter(self) -> str:
        """The rig's name of it."""
        return self._name

    @property
    def sampler(self) -> Sampler:
        """The one that runs now."""
        assert self._sampler is not None
        return self._sampler

    @property
    def simulated(self) -> bool:
        """Whether it is the bench twin's."""
        return self._simulated

    def begin(self, folder: Path) -> None:
        """Sample into this folder from now on."""
        folder.mkdir(exist_ok=True)
        if self._sampler is not None:
            self._sampler.end()
        self._sampler = Sampler(self._meter, self._every, folder / FILE, simulated=self._simulated)
        self._sampler.begin()

    def close(self) -> None:
        """Stop sampling, and let go of the meter."""
        self.sampler.end()
        self._meter.close()


class BoardDoors:
    """The part Doors: the board's own TCP ports, by its address on the segment or on the user's network."""

    def __init__(self, config: Config, place: Place) -> None:
        self._config = config
        self._place = place

    @property
    def ports(self) -> tuple[int, ...]:
        """Those of the rig file, and those that what it boots wants reached."""
        return tuple(sorted({*self._config.ports, *self._place.session.ports}))

    def reach(self, port: int, *, deadline: Deadline) -> tuple[str, int]:
        """Where a client on the bench connects to for one of its ports."""
        if self._config.address is not None:
            return self._config.address, port
        return self._place.cable.reach(port, self._no_monitor, deadline=deadline)

    def _no_monitor(self, line: str) -> str:
        raise MissingPart(
            f"{self._place.node}: a segment that is inside QEMU reaches no board",
            hint="give the rig a segment of kind bridge",
        )


def port_of(config: ConsoleConfig) -> PortSpec:
    """The port of a console whose device or address is a real one."""
    line = config.parity, config.stop_bits, config.rtscts
    if config.device is not None:
        return SerialPort(str(device_path(config.device)), config.baud, *line)
    assert config.at is not None, "the rig file's check sees to one of the two"
    at = HostPort.parse(config.at)
    if config.protocol == "raw":
        return TcpPort(at.host, at.port)
    return Rfc2217Port(at.host, at.port, config.baud, *line)


def is_watched(config: Config, place: Place) -> bool:
    """Whether its packets are to be kept and can be: it is on the bench's segment, by a MAC address that is known."""
    on_segment = config.address is None and bool(place.cable.watch)
    return place.capture != "off" and on_segment and not config.mac.startswith(MADE_UP)


def _facts(place: Place, console: BoardConsole) -> Mapping[str, object]:
    port, meter = place.supply.port, place.supply.meter
    facts: dict[str, object] = {
        "power_port": None if port is None else port.name,
        "meter": None if meter is None else meter.name,
        "console": console.line,
    }
    return facts | ({"simulated": place.simulated} if place.simulated else {})
