"""What a bench gives a node besides its machine. Does nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hil.boot import Patience
from hil.clock import Deadline
from hil.config.expect import CozystackExpect, KubernetesExpect, SpinExpect, TailscaleExpect
from hil.console.deaths import Death
from hil.console.transcript import Transcript
from hil.images.image import Image
from hil.keeper.client import Keeper
from hil.machines.place import Session
from hil.readiness.panel import Judge, Panel
from hil.readiness.talos.probe import TalosProbe
from hil.timeline.timeline import Mark
from hil.timeline.trouble import Trouble
from hil.watched import Bootloader, Served

OnMark = Callable[[Mark], None]
"""Is told of each mark of a boot as it is seen."""


def ignore(mark: Mark) -> None:
    """Tell nobody."""
    del mark


def nowhere() -> None:
    """No machine is elsewhere."""


class Sides(Protocol):
    """The probes of one machine; each begins to ask when it is first needed."""

    @property
    def talos(self) -> TalosProbe:
        """Asks Talos."""
        ...

    @property
    def tailscale(self) -> Judge[TailscaleExpect]:
        """Asks about Tailscale."""
        ...

    @property
    def spin(self) -> Judge[SpinExpect]:
        """Asks about Spin."""
        ...

    @property
    def kubernetes(self) -> Judge[KubernetesExpect]:
        """Asks its cluster about it."""
        ...

    @property
    def cozystack(self) -> Judge[CozystackExpect]:
        """Asks its cluster about the CozyStack there."""
        ...


class Asking(Protocol):
    """Asks the node's own interfaces whether it is what it should be."""

    def ports(self, image: Image | None) -> tuple[int, ...]:
        """The TCP ports of the machine that it will ask, when it boots this image."""
        ...

    def begin(self, image: Image | None, transcript: Transcript | None, over: int) -> Panel | None:
        """Begin to ask a machine that has just been switched on, or attached to.

        Args:
            image: what it boots; None where that is not known.
            transcript: of its console; None where that shows no boot, so that it is asked at once.
            over: the console's incarnation that was over before.

        Returns:
            its panel, or None when nothing is expected of it.
        """
        ...

    def end(self) -> None:
        """Stop asking; the boot is over."""
        ...

    @property
    def sides(self) -> Sides:
        """The probes of the machine that is on. Raises UsageError when it is off."""
        ...

    @property
    def simulated(self) -> str:
        """What of the machine is simulated, in words, or ""."""
        ...


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
        fetch: what Matchbox answers to a URL as the machine would ask for it, by a deadline.
        deaths: words on its console that end a wait.
        session: told to the machine at each power-on.
        asking: asks its own interfaces.
        facts: for the record of each boot.
        bootloader: of a board that has one of its own before its firmware: what is known of it in a boot, given the
            transcript of its console, the console's incarnation that was over before, and how many bytes the segment's
            dnsmasq had printed until then; None for any other machine.
        elsewhere: why its machine cannot answer where it is asked, as far as its network shows it.
    """

    keeper: Keeper
    folder: Path
    patience: Patience
    serve: Callable[[Image], None] | None
    image: Callable[[str], Image]
    follow: Callable[[], Served | None]
    arguments: Callable[[str | None], tuple[str, tuple[str, ...]] | None]
    fetch: Callable[[str, Deadline], bytes]
    deaths: Sequence[Death]
    session: Session
    asking: Asking
    facts: Mapping[str, object]
    bootloader: Callable[[Transcript, int, int], Bootloader] | None = None
    elsewhere: Callable[[], Trouble | None] = nowhere
