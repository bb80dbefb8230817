"""One device of the bench twin with a board behind its first contact, open for a test's own clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from support.virtual_time import run_virtually

from hil.sim.device import Device
from hil.sim.plan import BoardPlan, DevicePlan, Option, Plan
from hil.sim.twin import Twin

T = TypeVar("T")
WITHIN = 30.0
VIRTUALLY_WITHIN = 1e6
NAME = "device"


class Bench:
    """The twin, where its device is found, and what its contacts were told."""

    def __init__(self, twin: Twin, place: str, device: Device) -> None:
        self.twin = twin
        self.place = place
        self.device = device

    def on(self) -> list[int]:
        """The channels that were told to be on."""
        return [channel for channel, outlet in self.device.outlets.items() if outlet.commanded]

    def fault(self, name: str, channel: int | None = None) -> None:
        self.twin.fault(NAME, name, channel, on=True)

    def mend(self) -> None:
        self.twin.mend(NAME)


def with_device(
    directory: Path,
    kind: str,
    doing: Callable[[Bench], Awaitable[T]],
    *,
    channel: int | None = 1,
    virtually: bool = False,
    **options: Option,
) -> T:
    """What `doing` returns, done with a twin of this device; a board is fed by `channel`, or measured by 1.

    `virtually`: in no time; then no thread may be its client.
    """
    terminal = ((NAME, 1 if channel is None else channel),)
    board = BoardPlan(
        "node1", feeds=terminal if channel is not None else (), measured_by=terminal if channel is None else ()
    )
    plan = Plan(1, directory, (DevicePlan(NAME, kind, options),), (board,))

    async def run() -> T:
        twin = Twin(plan, lambda line: None)
        try:
            async with asyncio.timeout(VIRTUALLY_WITHIN if virtually else WITHIN):
                place = (await twin.start())[f"twin:{NAME}"]
                return await doing(Bench(twin, place, twin._seats[NAME].device))
        finally:
            await twin.close()

    return run_virtually(run()) if virtually else asyncio.run(run())


@dataclass(frozen=True)
class Answered:
    """What a web server said before it closed the connection; `head` by names in small letters."""

    status: int
    head: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401  # of a test's own asking
        return json.loads(self.body)


async def asked(place: str, method: str, path: str, body: bytes = b"", **headers: str) -> Answered:
    """Ask a web server, and read what it says to the end. Raises ConnectionError where it says nothing."""
    host, _, port = place.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        lines = {"Host": place, "Content-Length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        said = await reader.read()
    finally:
        writer.close()
    if not said:
        raise ConnectionError("it closed the connection")
    top, _, rest = said.partition(b"\r\n\r\n")
    first, *others = top.decode().split("\r\n")
    pairs = (line.split(": ", 1) for line in others)
    return Answered(int(first.split()[1]), {name.lower(): value for name, value in pairs}, rest)
