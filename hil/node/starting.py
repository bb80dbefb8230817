"""How a boot of a node begins: what is served, its folder, power-on or attaching, and what watches it.

Waits for no readiness.
"""

from __future__ import annotations

from dataclasses import dataclass

from hil.boot import Boot
from hil.clock import WallAnchor, now_ns
from hil.console.console import Console
from hil.console.garble import Legibility
from hil.ended import ended_by_itself, unpowered
from hil.errors import MissingPart, UsageError
from hil.images.image import Image, Ready
from hil.machine import Doors, Machine, Meter, NotSwitched, Power, PowerState, SerialConsole
from hil.netboot.rpi.follow import DNSMASQ
from hil.node.fittings import Fittings, OnMark, nowhere
from hil.readiness.image import ImageReadiness
from hil.readiness.sign import PanelSign
from hil.report.folder import new_folder
from hil.report.power import Metered
from hil.silence import Silence
from hil.timeline.console_marks import ConsoleMarks
from hil.timeline.stages import ATTACHED, POWER
from hil.timeline.timeline import Mark, Timeline
from hil.watch import Watch
from hil.watched import ReadySign, Served

_OWN = "(its own)"


@dataclass(frozen=True, slots=True)
class Past:
    """What had come of a machine's console before a boot began; none of it is of that boot.

    Args:
        incarnation: the last one until then.
        received: bytes until then.
        dnsmasq: bytes that the segment's dnsmasq had printed until then.
    """

    incarnation: int = 0
    received: int = 0
    dnsmasq: int = 0


class Starting:
    """Begins the boots of one node.

    Args:
        name: as the rig calls the node.
        machine: what it is made of.
        ready: what to call ready when no image says it.
        fittings: what the bench gives.
    """

    def __init__(self, name: str, machine: Machine, ready: Ready | None, fittings: Fittings) -> None:
        self._name = name
        self._machine = machine
        self._own_ready = ready
        self._fittings = fittings

    def prepare(self, number: int, image_name: str, own_image: str) -> tuple[Boot, Image | None]:
        """The next boot, its image served and its folder made; the machine is still off.

        Args:
            number: of the boot, from 1.
            image_name: what it is to boot; "" where the user's own tree decides.
            own_image: what the node boots otherwise.

        Raises:
            UsageError: another image was asked for where the user's own tree decides.
            ConfigError, NodeError, InfrastructureError: the image cannot be made or served.
            MissingPart: ports of the machine are to be asked, and nothing leads to them.
        """
        image = self._served(image_name, own_image)
        ready = self._ready(image)
        ports = {*self._fittings.asking.ports(image), *(() if ready.http is None else (ready.http.port,))}
        self._must_reach(ports)
        folder = new_folder(self._fittings.folder, f"{self._name}-boot{number}")
        self._fittings.session.folder = folder
        self._fittings.session.ports = tuple(sorted(ports))
        timeline = Timeline(now_ns(), WallAnchor.take())
        shown = _OWN if self._machine.attached else image_name or "(the tree's)"
        return Boot(number, self._name, shown, self._facts(image), folder, timeline), image

    def switch_on(self, boot: Boot, on_mark: OnMark) -> None:
        """Power on; the boot's time counts from then.

        Raises:
            InfrastructureError: it does not read back on, or its process ended at once.
        """
        try:
            switched = self._machine.power.on(deadline=self._fittings.patience.switching())
        except NotSwitched as error:
            if self._machine.control_stream is None:
                raise
            where = f"{self._name}, as it was switched on"
            raise ended_by_itself(where, self._machine, self._exit_status(), boot.folder) from error
        if Meter in self._machine.parts:
            meter = self._machine.part(Meter)  # type: ignore[type-abstract]
            boot.metered = Metered(meter.sampler, meter.meter, meter.simulated)
        evidence = f"{self._machine.kind} switched on: {switched.proof}"
        self._begun(boot, Mark(POWER.name, switched.at_ns, switched.error_ns, "hil", evidence), on_mark)

    def attach(self, boot: Boot, on_mark: OnMark) -> None:
        """Record the machine from now on in the boot's folder; the boot's time counts from now.

        Raises:
            InfrastructureError: its power port reads off, or its console cannot be opened.
        """
        if Power in self._machine.parts and self._machine.power.state() is PowerState.OFF:
            raise unpowered(f"{self._name}, as it was attached to", self._machine, [boot.folder])
        attach, moment = self._machine.attach, now_ns()
        assert attach is not None, "only a machine that runs already is attached to"
        attach(boot.folder)
        evidence = f"{self._machine.kind} runs already; nothing of it was switched"
        self._begun(boot, Mark(ATTACHED.name, moment, now_ns() - moment, "hil", evidence), on_mark)

    def past(self) -> Past:
        """What there is of its console and of dnsmasq's log now.

        A board's console is read before it is switched on; a guest's is not there yet.
        """
        streams = self._fittings.keeper.streams()
        known, dnsmasq = streams.get(self._machine.console_stream), streams.get(DNSMASQ)
        printed = 0 if dnsmasq is None else dnsmasq.received
        return Past(dnsmasq=printed) if known is None else Past(known.incarnation, known.received, printed)

    def console(self, past: Past) -> Console:
        """A new reader of the machine's console, from the boot's beginning on."""
        feed = self._fittings.keeper.attach(self._machine.console_stream, start=past.received)
        return Console(feed, name=self._name, deaths=self._fittings.deaths, over=past.incarnation)

    def watch(self, boot: Boot, image: Image | None, console: Console, served: Served | None, past: Past) -> Watch:
        """What watches a boot that has begun.

        Args:
            boot: which.
            image: what it boots, where that is known.
            console: the machine's.
            served: follows Matchbox, where its log is ours.
            past: what had come of the console when the boot began.

        Raises:
            MissingPart: it is to be ready by words on its console, and no line leads to one.
        """
        over, bootloader = past.incarnation, self._fittings.bootloader
        keeper, stream, arguments = self._fittings.keeper, self._machine.console_stream, self._fittings.arguments
        console.record = boot.folder / "console.log"
        return Watch(
            boot=boot,
            machine=self._machine,
            console=console,
            marks=ConsoleMarks(console.transcript, after=over, userspace=None if image is None else image.userspace),
            served=served,
            ready=self._sign(boot, image, console, over),
            silence=Silence(
                self._machine.console_argument, lambda: arguments(None if served is None else served.profile)
            ),
            recording=lambda: keeper.recording_error(stream),
            exit_status=self._exit_status,
            patience=self._fittings.patience,
            legibility=Legibility(console.transcript, over),
            bootloader=None if bootloader is None else bootloader(console.transcript, over, past.dnsmasq),
            elsewhere=self._fittings.elsewhere if self._is_asked_there else nowhere,
        )

    def _sign(self, boot: Boot, image: Image | None, console: Console, over: int) -> ReadySign:
        # Whose console shows no boot is asked at once: nothing will ever say that a kernel runs.
        shows = SerialConsole in self._machine.parts and not boot.attached
        panel = self._fittings.asking.begin(image, console.transcript if shows else None, over)
        if panel is not None and self._own_ready is None:
            return PanelSign(panel, self._name)
        ready = self._ready(image)
        if ready.console is not None and SerialConsole not in self._machine.parts:
            raise MissingPart(
                f"{self._name}: it is ready by words on its console, and no line leads to that",
                hint="give the node a `console:` in the rig file, or say by `ready:` or `expect:` what else shows it",
            )
        return ImageReadiness(ready, self._machine, console.transcript, after=over)

    def _ready(self, image: Image | None) -> Ready:
        return self._own_ready or (Ready() if image is None else image.ready)

    def _must_reach(self, ports: set[int]) -> None:
        if ports and Doors not in self._machine.parts:
            listed = ", ".join(map(str, sorted(ports)))
            raise MissingPart(
                f"{self._name}: nothing leads to its ports {listed}, which are to be asked",
                hint="give the node its `address:` in the rig file, or expect nothing of what answers there",
            )

    def _served(self, name: str, own_image: str) -> Image | None:
        if self._machine.attached:
            if name != own_image:
                raise UsageError(
                    f"{self._name}: image {name!r} was asked for, but this machine is attached and boots its own",
                    hint="choose an image for a node without `attach: true`",
                )
            return None
        if not name:
            return None
        image = self._fittings.image(name)
        if self._fittings.serve is None:
            if name != own_image:
                raise UsageError(
                    f"{self._name}: image {name!r} was asked for, but the rig's Matchbox serves a tree of its own",
                    hint="leave `data:` and `url:` out of the rig's `matchbox:`, or change the tree",
                )
        else:
            self._fittings.serve(image)
        return image

    def _facts(self, image: Image | None) -> dict[str, object]:
        facts = dict(self._fittings.facts)
        if image is not None:
            facts["simulated"] = "; ".join(filter(None, (str(facts.get("simulated", "")), image.simulated)))
            facts["assets"] = [
                {"name": asset.name, "sha256": asset.sha256, "origin": asset.origin} for asset in image.assets
            ]
        return facts

    @property
    def _is_asked_there(self) -> bool:
        """Whether the machine's own ports are asked, at the address that it has on the segment."""
        return bool(self._fittings.session.ports) and not self._machine.attached

    def _exit_status(self) -> int | None:
        stream = self._machine.control_stream
        return None if stream is None else self._fittings.keeper.exit_status(stream)

    def _begun(self, boot: Boot, mark: Mark, on_mark: OnMark) -> None:
        """The boot's time counts from its first mark."""
        boot.timeline = Timeline(mark.at_ns, WallAnchor.take(), self._machine.stages)
        boot.timeline.add([mark])
        boot.write()
        on_mark(mark)
