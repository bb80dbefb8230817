"""What stands where hil asks Talos's API: it finds what a test says, answers what a test gives, and asks nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from hil.clock import NANOSECONDS, Deadline, now_ns
from hil.readiness.talos import probe as talos_probe
from hil.readiness.talos.access import Access
from hil.readiness.talos.changes import Applied, Change, TalosEvent
from hil.readiness.talos.observation import MachineStatus, Mode, Observation

READY = Observation(
    5,
    Mode.CONFIGURED,
    "127.0.0.1:50000",
    status=MachineStatus("running", True, ()),
    version="v1.13.9",
    hostname="n1",
    services={},
    boot_id="boot-1",
    roles=("os:admin",),
)


class ApiInMemory:
    """In the place of TalosApi; `made` has all of them, the newest last."""

    made: list[ApiInMemory]

    def __init__(self, node: str, reach: Callable[[], Access]) -> None:
        self.node, self.reach = node, reach
        self._latest: Observation | None = None
        self.age = 0.0
        self.deaf = False
        self.rounds = 0
        self.seen: list[Change] = []
        self.asked: list[object] = []
        self.answers: dict[str, bytes] = {}
        self.on_reboot: Callable[[], None] = lambda: None
        ApiInMemory.made.append(self)

    @property
    def latest(self) -> Observation | None:
        """What a test has put there, found `age` seconds ago."""
        at_ns = now_ns() - round(self.age * NANOSECONDS)
        began_ns = 0 if self.deaf else at_ns
        return None if self._latest is None else replace(self._latest, at_ns=at_ns, began_ns=began_ns)

    @latest.setter
    def latest(self, found: Observation | None) -> None:
        self._latest = found

    def changes(self) -> list[Change]:
        taken, self.seen = self.seen, []
        return taken

    def ask_now(self) -> None:
        self.rounds += 1

    def forget(self) -> None:
        self.latest = None
        self.asked.append("forget")

    def close(self) -> None:
        self.asked.append("close")

    def observe(self, deadline: Deadline) -> Observation:
        assert self.latest is not None
        return self.latest

    def boot_id(self, deadline: Deadline) -> str:
        assert isinstance(self.observe(deadline).boot_id, str)
        return str(self.observe(deadline).boot_id)

    def dmesg(self, deadline: Deadline) -> bytes:
        return self.answers["dmesg"]

    def logs(self, service: str, deadline: Deadline, *, tail: int | None = None) -> bytes:
        self.asked.append((service, tail))
        return self.answers["logs"]

    def events(self, deadline: Deadline) -> Sequence[TalosEvent]:
        return (TalosEvent(1, "e1", "SequenceEvent", "boot starts"),)

    def machine_config(self, deadline: Deadline) -> bytes:
        return self.answers["machine_config"]

    def apply_config(self, data: bytes, deadline: Deadline, *, mode: str = "auto", dry_run: bool = False) -> Applied:
        self.asked.append((data, mode, dry_run))
        return Applied(mode, "done", ())

    def reboot(self, deadline: Deadline) -> None:
        self.asked.append("reboot")
        self.on_reboot()


@contextmanager
def apis_in_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ApiInMemory]]:
    """Each probe of Talos that is made in the block asks by one of these."""
    with monkeypatch.context() as patched:
        patched.setattr(talos_probe, "TalosApi", ApiInMemory)
        ApiInMemory.made = []
        yield ApiInMemory.made
