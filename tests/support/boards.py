"""A rig of QEMU guests as one of boards on the bench twin: a relay board, a plug that measures, a serial line each.

So a test that was written for a guest runs on boards, unchanged. Asserts nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_GUEST_ONLY = ("kind", "cpus", "memory", "disks")
_SEGMENT = {"kind": "bridge", "nic": "twin:lan"}
_on_boards: ContextVar[bool] = ContextVar("on boards", default=False)


@contextmanager
def on_boards() -> Iterator[None]:
    """In this block `as_asked` makes boards of guests."""
    token = _on_boards.set(True)
    try:
        yield
    finally:
        _on_boards.reset(token)


def as_asked(rig: Mapping[str, object]) -> Mapping[str, object]:
    """The rig as it is, or, within `on_boards`, its guests as boards."""
    return boards_of(rig) if _on_boards.get() else rig


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
