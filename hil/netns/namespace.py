"""A network namespace of a bench's own as its users see it: make one, run programs in it, join what is on both sides.

It is held by a child of the keeper (`hil.netns.holder`) and ends with it, however that ends; it has no name, and
nothing of the host's own network is changed. Needs no program but nsenter(1). Knows no machine and no service.
"""

from __future__ import annotations

import json
import re
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.errors import InfrastructureError
from hil.keeper.client import Keeper
from hil.keeper.starting import await_ready, past
from hil.tools.process import run

ALLOW_NAMESPACES: Final = (
    "run as root; or allow user namespaces: on Ubuntu `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, on"
    " Debian `sudo sysctl kernel.unprivileged_userns_clone=1`, in a container give it CAP_SYS_ADMIN"
)
"""What to do where the kernel refuses a namespace."""

_HOLDER: Final = Path(__file__).with_name("holder.py")
_ANSWER: Final = re.compile(rb"^(?:ready (net|user) ([0-9]{1,10})|refused: ([^\n]*))\n", re.MULTILINE)
_LONGEST: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Plan:
    """What is in a namespace besides lo.

    Args:
        addresses: as "10.0.2.100/24"; on the bridge, or on lo where there is none.
        bridge: the name of a bridge; "" for none.
        taps: names of tap interfaces, which are its ports; each is one machine's.
        nics: interfaces of the host, which become its ports too for as long as the namespace lives; root's alone.
        root: whether programs in a user namespace are root there, as a DHCP server must be; else who they are outside.
    """

    addresses: tuple[str, ...]
    bridge: str = ""
    taps: tuple[str, ...] = ()
    nics: tuple[str, ...] = ()
    root: bool = False

    def to_json(self) -> str:
        """As the holder takes it."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Refused:
    """This host does not allow such a namespace.

    Args:
        reason: the kernel's, as "/dev/net/tun: Permission denied".
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Inside:
    """A TCP address in the namespace."""

    address: HostPort


@dataclass(frozen=True, slots=True)
class Outside:
    """A TCP address as this host has it; to listen at port 0 is to let the kernel choose."""

    host: str
    port: int


End = Inside | Outside | Path
"""Where a connection can end: a Path is a unix socket, which has no network of its own (unix(7))."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace that is held.

    Args:
        pid: a process that is in it, as its keeper numbers it.
        in_user_namespace: whether a user namespace goes around it.
        control: the unix socket by which its holder is told what to join.
    """

    pid: int
    in_user_namespace: bool
    control: Path

    def inside(self, argv: Sequence[str]) -> list[str]:
        """The command that runs a program in it; for a child of the same keeper.

        nsenter(1) becomes the program, so that the child is the program itself.
        """
        user = ["--user", "--preserve-credentials"] if self.in_user_namespace else []
        return ["nsenter", f"--target={self.pid}", *user, "--net", "--", *argv]

    def join(self, at: End, to: End, *, deadline: Deadline) -> tuple[str, int]:
        """Listen at one place, and join each connection that comes to another place, until the bench ends.

        Args:
            at: where to listen.
            to: asked anew for each connection; it need not be there before.
            deadline: for the holder's answer.

        Returns:
            Where it listens: the address and port; the path and 0 for a unix socket.

        Raises:
            InfrastructureError: it cannot listen there, or the holder does not answer.
        """
        said = self._ask({"at": _written(at), "to": _written(to)}, deadline)
        try:
            answer = json.loads(said)
        except ValueError:
            answer = {"error": "it has ended"}
        if "error" in answer:
            raise InfrastructureError(
                f"the holder of the bench's network cannot listen at {_shown(at)}: {answer['error']}",
                hint="two things of the rig may have the same address and port",
            )
        host, *port = answer["at"]
        return str(host), int(port[0]) if port else 0

    def _ask(self, request: object, deadline: Deadline) -> bytes:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(deadline.remaining())
                connection.connect(str(self.control))
                connection.sendall(json.dumps(request).encode() + b"\n")
                return connection.makefile("rb").read(_LONGEST)
        except OSError as error:
            raise InfrastructureError(
                f"the holder of the bench's network does not answer: {error}",
                hint="its last words are in the keeper's stream of that name; open the bench again",
            ) from error


def hold(keeper: Keeper, name: str, control: Path, plan: Plan, *, deadline: Deadline) -> Namespace | Refused:
    """Make a namespace.

    Args:
        keeper: owns it.
        name: the keeper's name for the process that holds it.
        control: where that one's unix socket is to be; at most 107 bytes.
        plan: what is in it.
        deadline: for the holder's answer; it takes 0.2 s.

    Returns:
        The namespace, or why the kernel refuses it.

    Raises:
        UsageError: the socket's path is too long.
        InfrastructureError: the holder does not start, or does not answer.
    """
    keeper.listen(name, control)
    since = past(keeper, name)
    keeper.spawn(name, [*_script(plan), f"{{fd:{name}}}"], fds=[name], kill=True)
    answer = await_ready(
        keeper,
        name,
        _ANSWER.search,
        what="the holder of the bench's private network",
        hint="report this with the lines above",
        since=since,
        deadline=deadline,
    )
    if answer[1] is None:
        return Refused(answer[3].decode("utf-8", "replace"))
    return Namespace(int(answer[2]), answer[1] == b"user", control)


def allowed(plan: Plan, *, deadline: Deadline) -> bool | Refused:
    """Whether this host allows such a namespace: makes one, and ends it.

    Args:
        plan: what would be in it.
        deadline: for the answer.

    Returns:
        Whether a user namespace has to go around it; or why the kernel refuses it.

    Raises:
        InfrastructureError: the holder does not start, or does not answer.
    """
    done = run(_script(plan), deadline=deadline)
    answer = _ANSWER.search(done.output.encode())
    if answer is None:
        raise InfrastructureError(
            "the holder of a private network says nothing", hint="report this", evidence=done.last_lines()
        )
    return Refused(answer[3].decode("utf-8", "replace")) if answer[1] is None else answer[1] == b"user"


def _script(plan: Plan) -> list[str]:
    return [sys.executable, "-I", "-S", "-E", str(_HOLDER), plan.to_json()]


def _written(end: End) -> list[str | int]:
    match end:
        case Inside(address):
            return ["in", address.host, address.port]
        case Outside(host, port):
            return ["out", host, port]
        case _:
            return ["unix", str(end)]


def _shown(end: End) -> str:
    match end:
        case Inside(address):
            return str(address)
        case Outside(host, port):
            return f"{host}:{port}"
        case _:
            return str(end)
