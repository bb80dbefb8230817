"""Where a node had its machine configuration from, by its kernel's log. Fetches nothing."""

from __future__ import annotations

import re
from typing import Final

from hil.console.transcript import printable

# Talos prints the URL that it asks, its variables replaced (siderolabs/talos v1.13.9,
# internal/app/machined/pkg/runtime/v1alpha1/platform/metal/metal.go).
_ASKED: Final = re.compile(rb'fetching machine config from: "([^"\s]{1,2000})"')
# A Talos that has its configuration on disk asks nobody; its kernel was told of the URL all the same (Linux,
# init/main.c, the line of the kernel's log that has its arguments).
_TOLD: Final = re.compile(rb"Kernel command line:[^\n]{0,8000}?\stalos\.config=([^\s]{1,2000})")


def config_url(log: bytes) -> str | None:
    """The URL of the machine configuration; None when the log does not say it.

    Args:
        log: of the kernel, as Talos gives it (dmesg).

    Returns:
        what Talos asked last; or what it was told to ask. That may have variables of Talos's in it, like ${uuid}.
    """
    for pattern in (_ASKED, _TOLD):
        if found := pattern.findall(log):
            return printable(found[-1])
    return None
