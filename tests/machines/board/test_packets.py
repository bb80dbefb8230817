"""Which boards' packets are written down, and that each power-on has its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from hil.keeper.client import Keeper
from hil.machine import Identity
from hil.machines.board.board import is_watched
from hil.machines.board.config import Config
from hil.machines.board.packets import BoardPackets
from hil.machines.place import Cable, Place, Session
from hil.netboot.capture import wire
from hil.netboot.capture.choice import Capture
from hil.netboot.capture.process import Recording

MAC = "dc:a6:32:01:02:03"


@dataclass
class End:
    """A machine's end of a segment, as far as a capture asks it."""

    watch: str = "br0"

    def run(self, argv: Sequence[str]) -> list[str]:
        return ["nsenter", *argv]


@dataclass
class Log:
    """A capture process that tells what it is told."""

    said: list[str] = field(default_factory=list)

    def begin(
        self, recording: Recording, interface: str, mac: str, run: Callable[[Sequence[str]], Sequence[str]]
    ) -> Log:
        self.said.append(f"{recording.folder.name} {interface} {mac} {run(['x'])} {recording.secrets}")
        return self

    def await_ready(self) -> None:
        self.said.append("ready")

    def end(self) -> None:
        self.said.append("end")


def place_of(folder: Path, capture: Capture = "headers", watch: str = "br0") -> Place:
    identity = Identity(MAC, "", "")
    cable, keeper = cast("Cable", End(watch)), cast("Keeper", None)
    return Place("n1", keeper, folder, cable, identity, Session(folder), capture, lambda: ["key"])


@pytest.mark.parametrize(
    ("keys", "capture", "watch", "watched"),
    [
        ({"mac": MAC}, "headers", "br0", True),
        ({"mac": MAC}, "full", "lan0", True),
        ({"mac": MAC}, "off", "br0", False),
        # A segment inside QEMU, where no board is.
        ({"mac": MAC}, "headers", "", False),
        # It is on another network, or by what address it speaks nobody said.
        ({"mac": MAC, "address": "192.0.2.40"}, "headers", "br0", False),
        ({"mac": "52:54:00:01:02:03"}, "headers", "br0", False),
    ],
)
def test_what_is_on_the_segment_by_a_known_address_is_watched(
    tmp_path: Path, keys: dict[str, str], capture: Capture, watch: str, watched: bool
) -> None:
    more = {"kind": "board", "attach": True, "uuid": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "serial": "1"}
    config = Config.model_validate({**more, **keys})
    assert is_watched(config, place_of(tmp_path, capture, watch)) is watched


def test_each_power_on_ends_the_capture_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log()
    monkeypatch.setattr(wire, "begin", log.begin)
    packets = BoardPackets(place_of(tmp_path))
    for name in ("boot1", "boot2"):
        packets.begin(tmp_path / name)
        packets.await_ready()
    packets.close()
    packets.close()
    what = f"br0 {MAC} ['nsenter', 'x'] ('key',)"
    assert log.said == [f"boot1 {what}", "ready", "end", f"boot2 {what}", "ready", "end"]
