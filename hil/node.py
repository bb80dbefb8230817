"""What a test holds: a machine, its boots, and what can be asked of it. Knows no rig file and no pytest.

A node boots when it is first asked for something that needs a booted machine, so a boot belongs to the test that
needed it and a failing boot fails that test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.boot import Boot, Patience, Verdict
from hil.clock import Deadline, WallAnchor, hold, now_ns
from hil.console.console import Console
from hil.console.deaths import Death
from hil.errors import HilError, UsageError
from hil.images.image import Image, Ready
from hil.keeper.client import Keeper
from hil.machine import Doors, Machine, Nic, NotSwitched, PowerState, Reset
from hil.machines.place import Session
from hil.readiness.image import ImageReadiness
from hil.report.folder import new_folder
from hil.timeline.console_marks import ConsoleMarks
from hil.timeline.stages import LINK_DOWN, LINK_UP, POWER, RESET
from hil.timeline.timeline import Mark, Timeline
from hil.watch import Served, Silence, Watch, ended_by_itself

OnMark = Callable[[Mark], None]


def _ignore(mark: Mark) -> None:
    del mark


@dataclass(frozen=True)
class Fittings:
    """What a bench gives a node besides its machine.

    Args:
        keeper: what holds its console.
        folder: the bench's; each boot makes its own folder below.
        patience: how long things may take.
        serve: makes Matchbox serve an image to this node; None where the user's own tree decides.
        image: by name, made when it is first asked for.
        follow: a new follower of what Matchbox does for this node, or None where its log is not ours.
        arguments: where the kernel arguments of a profile stand, and what they are.
        deaths: words on its console that end a wait.
        session: told to the machine at each power-on.
        facts: for the record of each boot.
    """

    keeper: Keeper
    folder: Path
    patience: Patience
    serve: Callable[[Image], None] | None
    image: Callable[[str], Image]
    follow: Callable[[], Served | None]
    arguments: Callable[[str | None], tuple[str, tuple[str, ...]] | None]
    deaths: Sequence[Death]
    session: Session
    facts: Mapping[str, object]


class Node:
    """One machine of a rig, as a test uses it.

    Args:
        name: as the rig calls it.
        machine: what it is made of.
        image: the image's name; "" where the user's own tree decides.
        ready: what to call ready when no image says it.
        fittings: what the bench gives.
    """

    def __init__(self, name: str, machine: Machine, image: str, ready: Ready | None, fittings: Fittings) -> None:
        self.name = name
        self.machine = machine
        self.image = image
        self.boots: list[Boot] = []
        self._ready = ready
        self._fittings = fittings
        self._console: Console | None = None
        self._watch: Watch | None = None
        self._on = False
        self.power = NodePower(self)

    def boot(
        self, within: float | Deadline | None = None, *, image: str | None = None, on_mark: OnMark = _ignore
    ) -> Boot:
        """Switch the machine off if it is on, then on, and wait until it is ready.

        Args:
            within: seconds or a deadline, from power-on to ready; the rig's `boot_within` when not given.
            image: another image's name than the rig gives this node.
            on_mark: called with each mark as it is seen.

        Returns:
            The boot, whose verdict is READY.

        Raises:
            NodeError: it died, or is not ready in time.
            InfrastructureError: the bench failed.
            UsageError: another image was asked for where the user's own tree decides.
        """
        self.power.off()
        boot = self._start(self.image if image is None else image, on_mark)
        self.wait_ready(self._fittings.patience.boot if within is None else within, on_mark=on_mark)
        return boot

    def wait_ready(self, within: float | Deadline, *, on_mark: OnMark = _ignore) -> Boot:
        """Wait until the present boot is ready; for a machine that a test switched on itself.

        Args:
            within: seconds or a deadline.
            on_mark: called with each mark as it is seen.

        Raises:
            NodeError: it died, or is not ready in time.
            InfrastructureError: the bench failed.
            UsageError: the machine was never switched on.
        """
        boot, watch = self._present()
        try:
            watch.until_ready(Deadline.of(within), on_mark)
        except HilError as error:
            boot.fail(error)
            raise
        # What it says from here on is no longer part of its boot: the third firmware banner is then no loop.
        self.wire.rearm()
        boot.settle(Verdict.READY)
        return boot

    @property
    def booted(self) -> bool:
        """Whether the last boot became ready and the machine is still on."""
        return (
            bool(self.boots)
            and self.boots[-1].verdict is Verdict.READY
            and self.machine.power.state() is PowerState.ON
        )

    def ensure(self) -> Boot:
        """The present boot; boots first when there is none that became ready."""
        return self.boots[-1] if self.booted else self.boot()

    @property
    def console(self) -> Console:
        """The machine's console; boots first when need be."""
        self.ensure()
        return self.wire

    @property
    def wire(self) -> Console:
        """The console of a machine that may not have booted, for a test that watches a boot itself.

        Raises:
            UsageError: the machine was never switched on.
        """
        if self._console is None:
            raise UsageError(
                f"{self.name} was never switched on, so it has no console yet", hint="call node.power.on()"
            )
        return self._console

    @property
    def timeline(self) -> Timeline:
        """The marks of the present boot, taken in up to now; boots first when need be."""
        boot = self.ensure()
        self.take_in()
        return boot.timeline

    @property
    def nic(self) -> Nic:
        """Its network port."""
        return self.machine.part(Nic)  # type: ignore[type-abstract]

    @property
    def parts(self) -> frozenset[type[object]]:
        """The protocols that the machine's parts keep: `Nic in node.parts` asks."""
        return frozenset(self.machine.parts)

    def address(self, port: int) -> tuple[str, int]:
        """Where a client on the bench reaches the machine's TCP port; boots first when need be.

        Raises:
            MissingPart: no door leads there.
        """
        self.ensure()
        return self.machine.part(Doors).reach(port, deadline=self._fittings.patience.answering())  # type: ignore[type-abstract]

    def link(self, up: bool) -> None:
        """Plug the network cable in or pull it; the boot's timeline has it."""
        nic = self.nic
        boot, _ = self._present()
        asked = now_ns()
        nic.link(up, deadline=self._fittings.patience.answering())
        stage = LINK_UP if up else LINK_DOWN
        boot.timeline.add([Mark(stage.name, asked, now_ns() - asked, "hil", stage.doc)])

    def reset(self) -> None:
        """Start the machine again without taking its supply away; its next boot is on the same timeline.

        It is no death of the machine, and `wait_ready` waits for the boot that follows.
        """
        boot, watch = self._present()
        moment = self.machine.part(Reset).reset(deadline=self._fittings.patience.answering())  # type: ignore[type-abstract]
        boot.timeline.add([Mark(RESET.name, moment, now_ns() - moment, "hil", "reset was asked for")])
        watch.begin_again()

    def take_in(self) -> None:
        """Take in what the machine said meanwhile, and write the record; a machine that is off says nothing."""
        if self._watch is not None and self.boots:
            self._watch.take()
            if self._on:
                self._watch.must_be_alive()
            self.boots[-1].write()

    def close(self) -> None:
        """Let go of the machine's control channel and console; the keeper still has both."""
        if self.boots:
            self.boots[-1].leave()
        if self._watch is not None:
            self._watch.close()
        if self._console is not None:
            self._console.close()
        self.machine.close()

    def _present(self) -> tuple[Boot, Watch]:
        if self._watch is None or not self.boots:
            raise UsageError(f"{self.name} was never switched on", hint="call node.boot() or node.power.on()")
        return self.boots[-1], self._watch

    def _start(self, image_name: str, on_mark: OnMark = _ignore) -> Boot:
        """Power on, as a new boot with its own folder."""
        image = self._served_image(image_name)
        number = len(self.boots) + 1
        folder = new_folder(self._fittings.folder, f"{self.name}-boot{number}")
        ready = self._ready or (Ready() if image is None else image.ready)
        self._fittings.session.folder = folder
        self._fittings.session.ports = () if ready.http is None else (ready.http.port,)
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        follower = self._fittings.follow()
        over = 0 if self._console is None else self._console.transcript.incarnation
        if self._console is not None:
            self._console.bury()
        timeline = Timeline(now_ns(), WallAnchor.take())
        boot = Boot(number, self.name, image_name or "(the tree's)", self._facts(image), folder, timeline)
        self.boots.append(boot)
        try:
            self._switch_on(boot, on_mark)
        except HilError as error:
            if follower is not None:
                follower.close()
            boot.fail(error)
            raise
        self._watch = self._watching(boot, image, ready, follower, over)
        return boot

    def _switch_on(self, boot: Boot, on_mark: OnMark) -> None:
        """Power on; the boot's time counts from then."""
        try:
            moment = self.machine.power.on(deadline=self._fittings.patience.switching())
        except NotSwitched as error:
            if self.machine.control_stream is None:
                raise
            where = f"{self.name}, as it was switched on"
            raise ended_by_itself(where, self.machine, self._exit_status(), boot.folder) from error
        self._on = True
        boot.timeline = Timeline(moment, WallAnchor.take())
        mark = Mark(POWER.name, moment, now_ns() - moment, "hil", f"{self.machine.kind} switched on")
        boot.timeline.add([mark])
        boot.write()
        on_mark(mark)

    def _exit_status(self) -> int | None:
        stream = self.machine.control_stream
        return None if stream is None else self._fittings.keeper.exit_status(stream)

    def _served_image(self, name: str) -> Image | None:
        if not name:
            return None
        image = self._fittings.image(name)
        if self._fittings.serve is None:
            if name != self.image:
                raise UsageError(
                    f"{self.name}: image {name!r} was asked for, but the rig's Matchbox serves a tree of its own",
                    hint="leave `data:` and `url:` out of the rig's `matchbox:`, or change the tree",
                )
        else:
            self._fittings.serve(image)
        return image

    def _facts(self, image: Image | None) -> dict[str, object]:
        facts = dict(self._fittings.facts)
        if image is not None:
            facts["assets"] = [
                {"name": asset.name, "sha256": asset.sha256, "origin": asset.origin}
                for asset in (image.kernel, *image.initrds)
            ]
        return facts

    def _watching(self, boot: Boot, image: Image | None, ready: Ready, follower: Served | None, over: int) -> Watch:
        keeper, stream = self._fittings.keeper, self.machine.console_stream
        if self._console is None:
            self._console = Console(keeper.attach(stream), name=self.name, deaths=self._fittings.deaths)
        self._console.record = boot.folder / "console.log"
        transcript, arguments = self._console.transcript, self._fittings.arguments
        return Watch(
            boot=boot,
            machine=self.machine,
            console=self._console,
            marks=ConsoleMarks(transcript, after=over, userspace=None if image is None else image.userspace),
            served=follower,
            ready=ImageReadiness(ready, self.machine, transcript, after=over),
            silence=Silence(
                self.machine.console_argument, lambda: arguments(None if follower is None else follower.profile)
            ),
            recording=lambda: keeper.recording_error(stream),
            exit_status=self._exit_status,
            patience=self._fittings.patience,
        )


class NodePower:
    """The node's supply, as a test uses it: verified, and each power-on is a boot with its own record.

    Args:
        node: whose.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    def on(self) -> Boot:
        """Switch on without waiting for anything the machine does; returns the new boot, or the present one."""
        node = self._node
        return node.boots[-1] if self.state() is PowerState.ON and node.boots else node._start(node.image)

    def off(self) -> None:
        """Take the supply away, with no warning to the machine."""
        self._node._on = False
        self._node.machine.power.off(deadline=self._node._fittings.patience.switching())

    def cycle(self, *, off_for: float = 0.0) -> Boot:
        """Off, stay off for `off_for` seconds, on; returns the new boot."""
        self.off()
        if off_for:
            hold(off_for)
        return self.on()

    def state(self) -> PowerState:
        """Read back from the device."""
        return self._node.machine.power.state()
