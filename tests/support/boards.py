"""A rig of QEMU guests as one of boards on the bench twin: a relay board, a plug that measures, a serial line each.

A board comes up with its firmware, or is a Compute Module 4, whose own bootloader fetches that first. So a test that
was written for a guest runs on boards, unchanged. Asserts nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, get_args

_GUEST_ONLY = ("kind", "cpus", "memory", "disks")
_SEGMENT = {"kind": "bridge", "nic": "twin:lan"}
_PI_SEGMENT = {"kind": "interface", "nic": "twin:lan", "listen": "500ms"}
Machine = Literal["guest", "board", "cm4"]
MACHINES: tuple[Machine, ...] = get_args(Machine)
_SHIPPED: Mapping[Machine, str] = {"guest": "virt", "board": "board-twin", "cm4": "cm4-twin"}
_machine: ContextVar[Machine] = ContextVar("machine", default="guest")


@contextmanager
def on_machines(machine: Machine) -> Iterator[None]:
    """In this block `as_asked` makes such machines of guests."""
    token = _machine.set(machine)
    try:
        yield
    finally:
        _machine.reset(token)


def as_asked(rig: Mapping[str, object]) -> Mapping[str, object]:
    """The rig as it is, or, within `on_machines`, its guests as those machines; a rig of other machines stays."""
    nodes: Mapping[str, Mapping[str, object]] = rig.get("nodes", {})  # type: ignore[assignment]
    if not all(node.get("kind") == "qemu" for node in nodes.values()):
        return rig
    made = {"guest": lambda rig: rig, "board": boards_of, "cm4": modules_of}
    return made[_machine.get()](rig)


def are_guests() -> bool:
    """Whether `as_asked` leaves a rig of guests as it is."""
    return _machine.get() == "guest"


def shipped_rig() -> str:
    """The name of the rig that ships with such a machine."""
    return _SHIPPED[_machine.get()]


def modules_of(rig: Mapping[str, object]) -> dict[str, object]:
    """The same rig with a Compute Module 4 of the twin for each guest; argument as `boards_of`."""
    found = boards_of(rig)
    nodes: Mapping[str, Mapping[str, object]] = found["nodes"]  # type: ignore[assignment]
    segment: Mapping[str, object] = rig.get("segment", {})  # type: ignore[assignment]
    return {
        **found,
        "segment": {**segment, **_PI_SEGMENT},
        "nodes": {name: {**node, "rpi": module(number)} for number, (name, node) in enumerate(nodes.items(), 1)},
    }


def module(number: int) -> dict[str, object]:
    """A Compute Module 4's own section, with the twin's stand-in for its firmware."""
    return {"model": "cm4", "serial": f"10c2a4{number:02x}", "firmware": "twin:firmware"}


def boards_of(rig: Mapping[str, object]) -> dict[str, object]:
    """The same rig with a board of the twin for each guest.

    Args:
        rig: its nodes are QEMU guests; its segment is `user`, or left out.
    """
    nodes: Mapping[str, Mapping[str, object]] = rig["nodes"]  # type: ignore[assignment]
    segment: Mapping[str, object] = rig.get("segment", {})  # type: ignore[assignment]
    macs = {name: f"02:00:5e:10:00:{number:02x}" for number, name in enumerate(nodes, 1)}
    return {
        **rig,
        "segment": {**segment, **_SEGMENT},
        "twin": {"memory": "512MiB"},
        "power": {f"relay-{name}": relay(number) for number, name in enumerate(nodes, 1)},
        "meters": {f"plug-{name}": {"kind": "shelly2", "at": f"twin:plug-{name}", "channel": 0} for name in nodes},
        "nodes": {
            name: {
                "mac": macs[name],
                **{key: value for key, value in node.items() if key not in _GUEST_ONLY},
                "kind": "board",
                "power": f"relay-{name}",
                "meter": f"plug-{name}",
                "console": {"device": f"twin:uart-{name}"},
            }
            for name, node in nodes.items()
        },
    }


def relay(channel: int) -> dict[str, object]:
    """One channel of the twin's relay board."""
    return {"kind": "lcus", "device": "twin:relay", "channel": channel}
