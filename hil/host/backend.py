"""testinfra's backend `hil`: runs its commands in a ShellSession. Imports testinfra, and needs nothing of its plugin.

testinfra's modules ask a backend for two things: `run`, and the encoding of what that printed (pytest-testinfra
10.2.2, testinfra/backend/base.py).
"""

from __future__ import annotations

from weakref import WeakValueDictionary

import testinfra.backend
from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from hil.clock import Deadline
from hil.console.shell import ShellSession
from hil.errors import UsageError
from hil.host.modules import MODULES

WITHIN = 60.0
"""Seconds that a command may take when a test does not say."""

_sessions: WeakValueDictionary[str, ShellSession] = WeakValueDictionary()


class ConsoleBackend(BaseBackend):
    """Runs commands on a machine's console.

    Args:
        hostname: the node's name.
        session: its shell; None for the one that `host_of` was last given for this node, as behind
            `testinfra.get_host("hil://NODE")`.
        options: testinfra's own: sudo, sudo_user; the rest is not needed here.
    """

    NAME = "hil"

    def __init__(self, hostname: str, session: ShellSession | None = None, **options: object) -> None:
        super().__init__(hostname, sudo=bool(options.get("sudo")), sudo_user=_text(options.get("sudo_user")))
        self._session = session

    def run(self, command: str, *args: str, within: float = WITHIN, **_: object) -> CommandResult:
        """Run a command; what `host.run` of a test comes to.

        Args:
            command: for the machine's `sh -c`, with %s for each of the arguments.
            args: put in quoted.
            within: seconds for it and for the transfer of what it printed.

        Raises:
            NodeError: it did not end in time, or the machine died.
            InfrastructureError: the console's stream was closed.
            UsageError: no open node has this name, or no shell can be given such a command.
        """
        raw = self.get_command(command, *args).encode()
        ran = self._shell().run(raw, Deadline.after(within))
        return self.result(ran.status, raw, ran.stdout, ran.stderr)

    def get_encoding(self) -> str:
        """UTF-8; testinfra's own way asks the machine's Python, which an image with only a shell has not."""
        return "UTF-8"

    def set_host(self, host: Host) -> None:
        """Give the host the modules that ask a machine for no more than busybox has."""
        super().set_host(host)
        for name, module in MODULES.items():
            setattr(host, name, module.get_module(host))

    def _shell(self) -> ShellSession:
        session = self._session or _sessions.get(self.hostname)
        if session is None:
            raise UsageError(
                f"testinfra was asked for hil://{self.hostname}, but no machine of this name is open with a shell",
                hint="take `node.host` once before, and name the node as the rig file does",
            )
        return session


def host_of(name: str, session: ShellSession) -> Host:
    """A testinfra host on a session, which is from then on also what `hil://NAME` means to testinfra.

    Args:
        name: of the node.
        session: its shell.
    """
    _sessions[name] = session
    backend = ConsoleBackend(name, session)
    host = Host(backend)
    backend.set_host(host)
    return host


def _text(value: object) -> str | None:
    return None if value is None else str(value)


testinfra.backend.BACKENDS[ConsoleBackend.NAME] = f"{ConsoleBackend.__module__}.{ConsoleBackend.__qualname__}"
