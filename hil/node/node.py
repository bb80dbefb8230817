"""What a test holds: a machine, its boots, and what can be asked of it. Knows no rig file and no pytest.

A node boots when it is first asked for something that needs a booted machine, so a boot belongs to the test that
needed it and a failing boot fails that test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.boot import Boot, Patience, Verdict
from hil.clock import Deadline, now_ns
from hil.console.console import Console
from hil.errors import HilError, UsageError
from hil.images.image import Image, Ready
from hil.machine import Doors, Machine, Nic, PowerState, Reset
from hil.node.fittings import Asking, Fittings, OnMark, ignore
from hil.node.power import NodePower
from hil.node.sides import NodeSides
from hil.node.starting import Starting
from hil.timeline.stages import LINK_DOWN, LINK_UP, RESET
from hil.timeline.timeline import Mark, Timeline
from hil.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from testinfra.host import Host


class Node(NodeSides):
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
        self._starting = Starting(name, machine, ready, fittings)
        self._fittings = fittings
        self._console: Console | None = None
        self._watch: Watch | None = None
        self._booted_image: Image | None = None
        self._host: Host | None = None
        self._on = False
        self.power = NodePower(self)

    def boot(
        self, within: float | Deadline | None = None, *, image: str | None = None, on_mark: OnMark = ignore
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

    def hide(self, *secrets: str) -> None:
        """Let none of these reach a record or a message: for a password that a test types, before it types it.

        Args:
            secrets: the values; of fewer than six characters they are not hidden.

        Raises:
            InfrastructureError: the bench is closed.
        """
        self._fittings.keeper.hide(secrets)

    def wait_ready(self, within: float | Deadline, *, on_mark: OnMark = ignore) -> Boot:
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
        self._settle(boot)
        return boot

    def begin(self) -> Boot:
        """The present boot of a machine that is on, ready or not; switches it on first when it is off."""
        return self.boots[-1] if self.boots and self.machine.power.state() is PowerState.ON else self.power.on()

    def attend(self, deadline: Deadline) -> None:
        """Take in what arrives, for a moment that ends with the deadline at the latest.

        A boot that becomes ready meanwhile is settled, so one may wait for something else than its being ready.

        Raises:
            NodeError: the machine died.
            InfrastructureError: the bench failed.
            UsageError: the machine was never switched on.
        """
        boot, watch = self._present()
        try:
            if boot.verdict is not Verdict.RUNNING:
                watch.take()
                watch.must_be_alive()
            elif watch.is_ready():
                self._settle(boot)
        except HilError as error:
            boot.fail(error)
            raise
        watch.wait(deadline)

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
    def host(self) -> Host:
        """The machine as pytest-testinfra sees it, by the shell on its console; boots first when need be.

        Raises:
            MissingPart: its image has no shell there, or pytest-testinfra is not installed.
        """
        self.ensure()
        if self._host is None:
            from hil.host import open_host

            prompt = None if self._booted_image is None else self._booted_image.prompt
            self._host = open_host(self.wire, prompt, image=self.boots[-1].image)
        return self._host

    @property
    def asking(self) -> Asking:
        """Asks the machine's own interfaces."""
        return self._fittings.asking

    @property
    def fetch(self) -> Callable[[str, Deadline], bytes]:
        """What Matchbox answers to a URL as this machine would ask for it, by a deadline."""
        return self._fittings.fetch

    @property
    def patience(self) -> Patience:
        """How long things may take on this node."""
        return self._fittings.patience

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
        self._serve_again()
        moment = self.machine.part(Reset).reset(deadline=self._fittings.patience.answering())  # type: ignore[type-abstract]
        boot.timeline.add([Mark(RESET.name, moment, now_ns() - moment, "hil", "reset was asked for")])
        watch.begin_again()

    def expect_restart(self, why: str) -> None:
        """The machine is about to start again on purpose: it is no death, and its next boot is on the same timeline.

        Args:
            why: for the timeline.
        """
        boot, watch = self._present()
        boot.timeline.add([Mark(RESET.name, now_ns(), 0, "hil", why)])
        self._serve_again()
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
        self._let_go()
        if self._console is not None:
            self._console.close()
        self.machine.close()

    def _serve_again(self) -> None:
        """A key of a tailnet may be used once, so the next boot has a new one; all else that is served stays."""
        image = self._booted_image
        if self._fittings.serve is not None and image is not None and image.joins:
            self._fittings.serve(image)

    def _settle(self, boot: Boot) -> None:
        # What it says from here on is no longer part of its boot: the third firmware banner is then no loop.
        self.wire.rearm()
        boot.settle(Verdict.READY)

    def _present(self) -> tuple[Boot, Watch]:
        if self._watch is None or not self.boots:
            raise UsageError(f"{self.name} was never switched on", hint="call node.boot() or node.power.on()")
        return self.boots[-1], self._watch

    def _start(self, image_name: str, on_mark: OnMark = ignore) -> Boot:
        """Power on, as a new boot with its own folder."""
        starting = self._starting
        self._let_go()
        boot, image = starting.prepare(len(self.boots) + 1, image_name, self.image)
        self._booted_image, self._host = image, None
        follower = self._fittings.follow()
        over = 0 if self._console is None else self._console.transcript.incarnation
        if self._console is not None:
            self._console.bury()
        self.boots.append(boot)
        try:
            starting.switch_on(boot, on_mark)
        except HilError as error:
            if follower is not None:
                follower.close()
            boot.fail(error)
            raise
        self._on = True
        if self._console is None:
            self._console = starting.console()
        self._watch = starting.watch(boot, image, self._console, follower, over)
        return boot

    def _let_go(self) -> None:
        """Stop watching the boot that is over, and asking the machine anything; its record is complete now."""
        if self.boots:
            self.boots[-1].leave()
        self._fittings.asking.end()
        if self._watch is not None:
            self._watch.close()
            self._watch = None
