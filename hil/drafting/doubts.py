"""What in a user's profiles will not do as it stands, said before any boot. Decides nothing of a rig."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from hil.drafting.nodes import DraftNode
from hil.drafting.reading import UsersTree
from hil.errors import Problem
from hil.services.matchbox.tree import Profile

_CONFIG: Final = "talos.config="
_GENERIC: Final = "/generic"
_LABEL: Final = re.compile(r"(?:^|&)([^=&]+)=")
_OTHER_ARCH: Final = re.compile(r"amd64|x86_64")
# The PL011 UART of QEMU's virt machine (QEMU docs/system/arm/virt.rst).
_CONSOLE: Final = "console=ttyAMA0"


def of_profile(users: UsersTree, profile: Profile) -> Iterator[Problem]:
    """What is odd in a profile by itself."""
    if not profile.kernel:
        spot = users.key(profile.file, "boot")
        yield spot.undecided(
            f"profile {profile.id!r} has no kernel, so it boots nothing", "add `kernel` to its `boot`"
        )
    for text in (profile.kernel, *profile.initrd):
        if other := _OTHER_ARCH.search(text):
            message = f"profile {profile.id!r} seems to be for {other[0]} machines"
            yield users.text(profile.file, text).undecided(message, "hil boots arm64: take its nodes out of the rig")
    if profile.kernel and not any(argument.partition(",")[0] == _CONSOLE for argument in profile.args):
        message = f"profile {profile.id!r} has no {_CONSOLE}"
        hint = "that is the console of a QEMU node; without it hil may see nothing of its kernel"
        yield users.key(profile.file, "boot", "args").undecided(message, hint)


def of_config_url(users: UsersTree, node: DraftNode, profile: Profile) -> Iterator[Problem]:
    """That the URL of the machine configuration does not say what the group selects by, so that another one comes.

    Matchbox chooses anew for each request, by the labels of that request alone (v0.11.0, matchbox/http/handlers.go).
    """
    for argument in profile.args:
        url = argument.removeprefix(_CONFIG)
        if url == argument or _GENERIC not in url:
            continue
        asked = {key.lower() for key in _LABEL.findall(url.partition("?")[2])}
        labels = {**node.selectors, "arch": "arm64"}
        got = users.tree.select({key: value for key, value in labels.items() if key in asked})
        if got is not None and got.id == node.group.id:
            continue
        finds = "no group" if got is None else f"the group {got.id!r}"
        message = (
            f"the configuration of {node.name} is asked for by {', '.join(sorted(asked)) or 'nothing'}: {finds} has it"
        )
        wanted = {key.lower(): value for key, value in node.group.selector.items()}
        missing = "&".join(
            f"{key}={value}" if key == "arch" else f"{key}=${{{key}}}"
            for key, value in sorted(wanted.items())
            if key not in asked
        )
        yield users.text(profile.file, argument).undecided(
            message, f"add what group {node.group.id!r} selects by: {missing}"
        )
