"""Groups and profiles of a Matchbox data directory: which of them a machine gets, and why it gets none.

Decides as Matchbox v0.11.0 does (matchbox/storage/storagepb/group.go and matchbox/server/server.go); reads
no directory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hil.config.rig import Where
from hil.config.suggest import did_you_mean
from hil.services.matchbox.json_place import find_key

_OCTETS: Final = (6, 8, 20)
_MAC: Final = re.compile(r"[0-9a-f]{2}(?:(?::[0-9a-f]{2})+|(?:-[0-9a-f]{2})+)|[0-9a-f]{4}(?:\.[0-9a-f]{4})+")
_SAID: Final = ("mac", "uuid", "serial", "hostname", "domain", "arch")


@dataclass(frozen=True, slots=True)
class Group:
    """Which machines get a profile.

    Args:
        id: the name of its file without ".json".
        profile: the id of the profile.
        selector: labels that a machine must send, all of them.
        file: where it is written.
        metadata: values for its profile's template.
    """

    id: str
    profile: str
    selector: Mapping[str, str]
    file: Path
    metadata: Mapping[str, object] = field(default_factory=dict, repr=False)

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether a machine with these labels is one of the group; a label that it does not send counts as ""."""
        return all(labels.get(key, "") == value for key, value in self.selector.items())

    def __str__(self) -> str:
        wants = ", ".join(f"{key}={value}" for key, value in sorted(self.selector.items()))
        return f"group {self.id!r} (profile {self.profile!r}) selects {wants or 'every machine'}"


@dataclass(frozen=True, slots=True)
class Profile:
    """What is booted.

    Args:
        id: the name of its file without ".json".
        kernel: URL or path of the kernel.
        initrd: URLs or paths of the initramfs archives, with iPXE's options before them if there are any.
        args: the kernel's arguments.
        file: where it is written.
        generic: the id of the template behind /generic; "" for none.
    """

    id: str
    kernel: str
    initrd: tuple[str, ...]
    args: tuple[str, ...]
    file: Path
    generic: str = ""


@dataclass(frozen=True, slots=True)
class Tree:
    """The groups and profiles of a data directory, by id."""

    groups: Mapping[str, Group]
    profiles: Mapping[str, Profile]

    def select(self, labels: Mapping[str, str]) -> Group | None:
        """The group that Matchbox takes: the one with most selectors, then the last by its selectors' text."""

        def order(group: Group) -> tuple[int, str]:
            pairs = sorted(group.selector.items())
            return len(pairs), ",".join(f"{key}={value}" for key, value in pairs)

        ordered = sorted(self.groups.values(), key=order, reverse=True)
        return next((group for group in ordered if group.selects(labels)), None)

    def explain_404(self, labels: Mapping[str, str]) -> str:
        """Why Matchbox has nothing for a machine, and which groups it has; some lines.

        Args:
            labels: what the machine said, as Matchbox's log has it.
        """
        group = self.select(labels)
        if group is not None and group.profile not in self.profiles:
            hint = did_you_mean(group.profile, self.profiles, what="profiles it has")
            return f"{group}, and this machine is one, but there is no profile {group.profile!r}; {hint}"
        if group is not None:
            return f"{group}, and this machine is one now: it was added after the machine had asked"
        said = [key for key in (*_SAID, *sorted(set(labels) - set(_SAID))) if labels.get(key)]
        labels_said = ", ".join(f"{key}={labels[key]}" for key in said) or "a machine without labels"
        groups = [str(group) for group in self.groups.values()] or ["there are no groups"]
        return "\n".join([f"no group selects {labels_said}", *groups])

    def find_args(self, profile: str) -> Where | None:
        """Where a profile's kernel arguments are written, or where they would be; None when it is not here."""
        found = self.profiles.get(profile)
        if found is None:
            return None
        text = found.file.read_text("utf-8", "replace")
        line, column = find_key(text, "boot", "args") or find_key(text, "boot") or (1, 1)
        return Where(found.file, line, column, text.splitlines()[line - 1] if text else "")


def normal_mac(text: str) -> str | None:
    """The address as Matchbox compares it, aa:bb:...; None when it is none (Go's net.ParseMAC)."""
    folded = text.lower()
    digits = re.sub(r"[:.-]", "", folded)
    if not _MAC.fullmatch(folded) or len(digits) // 2 not in _OCTETS:
        return None
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
