"""A host that refuses a bridge: what it says, and what to do about each refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.clock import Deadline
from hil.netboot.bridge import refusal
from hil.netboot.bridge.refusal import ask_host
from hil.netboot.lan.refusal import what_to_do
from hil.netns.namespace import Plan, Refused


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("/dev/net/tun: No such file or directory", "load the kernel's tun module"),
        ("/dev/net/tun: No such device", "load the kernel's tun module"),
        ("/dev/net/tun: Permission denied", "run as root, or let others open it (`sudo chmod 0666 /dev/net/tun`)"),
        ("/dev/net/tun: Operation not permitted", "give the container the device"),
        ("a bridge: Package not installed", "load the kernel's bridge module"),
        ("a bridge: Operation not permitted", "kernel.apparmor_restrict_unprivileged_userns=0"),
        ("Operation not permitted", "kernel.unprivileged_userns_clone=1"),
        ("No space left on device", "no disk is full: end what holds them, or raise it"),
    ],
)
def test_what_to_do(reason: str, advice: str) -> None:
    said = what_to_do(Refused(reason))
    assert advice in said
    assert "; or take the segment `user`, which needs nothing" in said
    assert what_to_do(Refused(reason), for_guests=False) == said.partition("; or take")[0]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (False, "works, as root"),
        (True, "works, in a user namespace"),
        (
            Refused("/dev/net/tun: Permission denied"),
            "not here (/dev/net/tun: Permission denied): run as root, or let",
        ),
    ],
)
def test_what_the_doctor_says(found: bool | Refused, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Plan] = []

    def allowed(plan: Plan, *, deadline: Deadline) -> bool | Refused:
        asked.append(plan)
        return found

    monkeypatch.setattr(refusal, "allowed", allowed)
    assert ask_host(deadline=Deadline.after(1)).startswith(said)
    assert [(plan.bridge, len(plan.taps), plan.root) for plan in asked] == [("br0", 1, True)]


def test_this_host_is_asked_for_real() -> None:
    said = ask_host(deadline=Deadline.after(20))
    assert said.startswith(("works, ", "not here ("))
    assert Path("/dev/net/tun").exists() or said.startswith("not here (/dev/net/tun: No such")
