"""A machine as pytest-testinfra sees it, by the shell on its console.

testinfra is needed only when `open_host` is called. How commands and outputs go over the console is the matter of
`hil.console.shell`; here is only what testinfra wants of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.console.console import Console
from hil.console.shell import ShellSession
from hil.errors import MissingPart

if TYPE_CHECKING:
    from testinfra.host import Host


def open_host(console: Console, prompt: bytes | None, *, image: str) -> Host:
    """A testinfra host whose commands run in the shell on a console.

    Args:
        console: of the machine, booted.
        prompt: what the shell prints when it waits for a command; None where the image has no shell.
        image: the image's name, for messages.

    Raises:
        MissingPart: the image has no shell, or pytest-testinfra is not installed.
    """
    if prompt is None:
        raise MissingPart(
            f"{console.name} has no `host`: image {image!r} is not known to have a shell on its console",
            hint="run this test on an image with a shell (kind: probe); a Talos node is asked by node.talos",
        )
    try:
        from hil.host.backend import host_of
    except ModuleNotFoundError as error:
        if error.name != "testinfra":
            raise
        raise MissingPart(
            f"{console.name} has no `host`: pytest-testinfra is not installed",
            hint="pip install 'hil[testinfra]', or in a checkout: pip install '.[testinfra]'",
        ) from error
    return host_of(console.name, ShellSession(console, prompt))
