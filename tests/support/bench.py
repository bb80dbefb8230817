"""What a bench gives a node, in memory: its machine's hardware, a keeper, Matchbox's log, an image. Asserts little."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from support.hardware import Hardware
from support.wire import Wire

from hil.boot import Patience
from hil.clock import Deadline
from hil.console.transcript import Transcript
from hil.images.image import Asset, Image, Ready
from hil.keeper.status import StreamStatus
from hil.machines.place import Session
from hil.node import Fittings, Node
from hil.node.fittings import Asking as AsksNode
from hil.node.fittings import Sides
from hil.readiness.panel import Panel
from hil.timeline.timeline import Mark
from hil.watched import Bootloader

READY = Ready(re.compile(rb"login: "))


class Keeper:
    """What a node asks of a keeper."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.status: int | None = None
        self.hidden: set[str] = set()
        self.known: dict[str, StreamStatus] = {}
        self.read_from: list[int | None] = []

    def hide(self, secrets: Iterable[str]) -> None:
        self.hidden.update(secrets)

    def attach(self, stream: str, *, start: int | None = 0) -> Wire:
        assert stream == "console:n1"
        self.read_from.append(start)
        return self._wire

    def streams(self) -> dict[str, StreamStatus]:
        return self.known

    def recording_error(self, stream: str) -> str | None:
        return None

    def exit_status(self, stream: str) -> int | None:
        assert stream == "qemu:n1"
        return self.status


class Follower(Wire):
    """Matchbox's log for this node: it says nothing."""

    profile = "img"
    closed = False

    def take(self) -> list[Mark]:  # type: ignore[override]
        return []

    def close(self) -> None:
        self.closed = True
        super().close()


class Asking:
    """Asks a machine nothing, or what a test gives it."""

    simulated = ""

    def __init__(self) -> None:
        self.panel: Panel | None = None
        self.asked: list[str] = []
        self.sides = cast("Sides", None)

    def ports(self, image: Image | None) -> tuple[int, ...]:
        return () if image is None else image.ports

    def begin(self, image: Image | None, transcript: Transcript | None, over: int) -> Panel | None:
        self.asked.append(f"begin after {over}" if transcript is not None else "begin at once")
        return self.panel

    def end(self) -> None:
        self.asked.append("end")


@dataclass
class Bench:
    """What a node is given, and what came of it."""

    folder: Path
    from_images: bool = True
    own_ready: Ready | None = None
    image: str = "img"
    without: frozenset[type[object]] = frozenset()
    control: str | None = "qemu:n1"
    prompt: bytes | None = None
    joins: bool = False
    attached: bool = False
    served: list[str] = field(default_factory=list)
    followers: list[Follower] = field(default_factory=list)
    answers: dict[str, bytes] = field(default_factory=dict, repr=False)
    bootloader: Callable[[Transcript, int, int], Bootloader] | None = None

    def __post_init__(self) -> None:
        self.wire = Wire()
        self.hardware = Hardware(self.wire)
        self.keeper = Keeper(self.wire)
        self.session = Session(self.folder)
        self.quiet = Asking()
        self.asking: AsksNode = self.quiet

    def make_image(self, name: str) -> Image:
        asset = Asset("kernel", self.folder / "kernel", "0" * 64, "made up")
        said = re.compile(rb"Run /init")
        return Image(name, "files", asset, (), (), READY, said, prompt=self.prompt, tailnet=self.joins)

    def follow(self) -> Follower:
        self.followers.append(Follower())
        return self.followers[-1]

    def fetch(self, url: str, deadline: Deadline) -> bytes:
        return self.answers[url]

    def node(self) -> Node:
        fittings = Fittings(
            keeper=self.keeper,  # type: ignore[arg-type]
            folder=self.folder,
            patience=Patience(boot=20),
            serve=(lambda image: self.served.append(image.name)) if self.from_images else None,
            image=self.make_image,
            follow=self.follow if self.from_images else lambda: None,
            arguments=lambda profile: None,
            fetch=self.fetch,
            deaths=(),
            session=self.session,
            asking=self.asking,
            facts={"rig": "r"},
            bootloader=self.bootloader,
        )
        machine = self.hardware.machine(without=self.without, control=self.control, attached=self.attached)
        return Node("n1", machine, self.image, self.own_ready, fittings)

    def will_say(self, data: bytes) -> None:
        """At the next power-on."""
        self.hardware.says_at_power_on = data

    def close(self) -> None:
        """Free what it holds."""
        self.wire.hang_up()
        self.wire.close()
        self.hardware.close()
        for follower in self.followers:
            follower.hang_up()
            follower.close()
