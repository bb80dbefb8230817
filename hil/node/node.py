"""What a test holds: a machine, its boots, and what can be asked of it. Knows no rig file and no pytest.

A node boots when it is first asked for something that needs a booted machine, so a boot belongs to the test that
needed it and a failing boot fails that test. One whose machine runs already is attached to instead, and not switched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.boot import Boot, Patience, Verdict
from hil.clock import Deadline
from hil.console.console import Console
from hil.errors import UsageError
from hil.images.image import Image, Ready
from hil.machine import Machine, Power, PowerState
from hil.node.fittings import Asking, Fittings, OnMark, ignore
from hil.node.lines import NodeConsole
from hil.node.parts import NodeParts
from hil.node.power import NodePower
from hil.node.sides import NodeSides
from hil.node.starting import Starting
from hil.timeline.timeline import Timeline
from hil.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from testinfra.host import Host


class Node(NodeSides, NodeParts, NodeConsole):
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
        # What we know of its supply: that we switched it on and not off since, or that it ran before we came.
        self._on = machine.attached
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
            MissingPart: nothing switches it.
        """
        self.power.off()
        boot = self._start(self.image if image is None else image, on_mark)
        patience = self._fittings.patience.boot if within is None else within
        # A meter or a console that had to be asked whether it is on took some of that already.
        self.wait_ready(Deadline.of(patience, since_ns=boot.timeline.origin_ns), on_mark=on_mark)
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
        except Exception as error:
            boot.fail(error)
            raise
        self._settle(boot)
        return boot

    def attach(self, within: float | Deadline | None = None, *, on_mark: OnMark = ignore) -> Boot:
        """Take a machine that runs already as it is, and wait until what is expected of it holds; switches nothing.

        Args:
            within: seconds or a deadline; the rig's `boot_within` when not given.
            on_mark: called with each mark as it is seen.

        Returns:
            The boot, whose verdict is READY; or RUNNING, where nothing says when the machine is ready.

        Raises:
            NodeError: what is expected of it does not hold in time.
            InfrastructureError: the bench failed, or its power port reads off.
            UsageError: it is the bench that boots this machine, or a test has switched it off.
        """
        if not self.as_it_runs:
            raise UsageError(f"{self.name} is not a machine that runs already", hint="call node.boot()")
        boot = self.boots[-1] if self.boots and self._watch is not None else None
        if boot is None or boot.verdict is not Verdict.RUNNING:
            self._begin(self.image, self._starting.attach, on_mark)
        if self._present()[1].awaited:
            return self.wait_ready(self._fittings.patience.boot if within is None else within, on_mark=on_mark)
        self.attend(Deadline.after(0))
        return self.boots[-1]

    def begin(self) -> Boot:
        """The present boot of a machine that is on, ready or not; first switches it on when it is off.

        One that runs already is attached to.
        """
        if not self.as_it_runs:
            return self.power.on()
        if self._watch is None:
            self._begin(self.image, self._starting.attach, ignore)
        return self.boots[-1]

    def leave(self) -> None:
        """Let go of a machine that runs already, as it is: whatever needs it next attaches to it anew."""
        self._let_go()

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
        except Exception as error:
            boot.fail(error)
            raise
        watch.wait(deadline)

    @property
    def booted(self) -> bool:
        """Whether the last boot can be used: it became ready, and the machine is still on as far as anybody can tell.

        One that runs already, and of which nothing says when it is ready, can be used as it is.
        """
        if self._watch is None or not self.boots:
            return False
        verdict = self.boots[-1].verdict
        usable = verdict is Verdict.RUNNING and self.machine.attached and not self._watch.awaited
        return (usable or verdict is Verdict.READY) and self.runs

    @property
    def runs(self) -> bool:
        """Whether the machine is on: as its power port reads back, or else as far as we know. No proof of anything.

        A port that cannot be read back leaves it at what we did ourselves, which is enough to ask the machine.
        """
        if Power not in self.machine.parts:
            return self._on
        state = self.machine.power.state()
        return self._on if state is PowerState.UNKNOWN else state is PowerState.ON

    @property
    def as_it_runs(self) -> bool:
        """Whether the machine ran before we came, and no test has switched it off."""
        return self.machine.attached and self._on

    def ensure(self) -> Boot:
        """The present boot; boots first, or attaches, when there is none that became ready."""
        if self.booted:
            return self.boots[-1]
        return self.attach() if self.as_it_runs else self.boot()

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
    def timeline(self) -> Timeline:
        """The marks of the present boot, taken in up to now; boots first when need be."""
        boot = self.ensure()
        self.take_in()
        return boot.timeline

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
        if self._console is not None:
            self._console.rearm()
        boot.settle(Verdict.READY)

    def _present(self) -> tuple[Boot, Watch]:
        if self._watch is None or not self.boots:
            raise UsageError(f"{self.name} was never switched on", hint="call node.boot() or node.power.on()")
        return self.boots[-1], self._watch

    def _start(self, image_name: str, on_mark: OnMark = ignore) -> Boot:
        """Power on, as a new boot with its own folder."""
        boot = self._begin(image_name, self._starting.switch_on, on_mark)
        self._on = True
        return boot

    def _begin(self, image_name: str, act: Callable[[Boot, OnMark], None], on_mark: OnMark) -> Boot:
        """A new boot with its own folder, begun by an act: switching on, or attaching to what runs."""
        starting = self._starting
        self._let_go()
        boot, image = starting.prepare(len(self.boots) + 1, image_name, self.image)
        self._booted_image, self._host = image, None
        follower = None if self.machine.attached else self._fittings.follow()
        past = starting.past()
        if self._console is not None:
            self._console.bury(past.incarnation)
        self.boots.append(boot)
        try:
            act(boot, on_mark)
            if self._console is None:
                self._console = starting.console(past)
            self._watch = starting.watch(boot, image, self._console, follower, past)
        except Exception as error:
            if follower is not None:
                follower.close()
            boot.fail(error)
            raise
        return boot

    def _let_go(self) -> None:
        """Stop watching the boot that is over, and asking the machine anything; its record is complete now."""
        if self.boots:
            self.boots[-1].leave()
        self._fittings.asking.end()
        if self._watch is not None:
            self._watch.close()
            self._watch = None
