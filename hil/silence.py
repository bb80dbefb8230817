"""What a console's silence means after iPXE has fetched everything: most often that the kernel speaks elsewhere.

Nothing is said before the silence is long and one of the served kernel arguments explains it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hil.boot import Boot
from hil.clock import NANOSECONDS, now_ns
from hil.console.console import Console
from hil.console.transcript import Transcript, printable
from hil.errors import NodeError
from hil.timeline.stages import INITRD_FETCHED, KERNEL_FETCHED
from hil.timeline.timeline import Mark

# The kernel's EFI stub prints by the firmware's console, whatever console= says (Linux efi-stub-helper.c, efi_puts).
_STUB: Final = "EFI stub: "


@dataclass(frozen=True, slots=True)
class Silence:
    """What a silent console after the fetch may mean.

    Args:
        argument: the kernel argument that this machine's console needs.
        arguments: where the arguments stand that were served, and what they are; asked only then.
    """

    argument: str
    arguments: Callable[[], tuple[str, tuple[str, ...]] | None]

    def error(self, boot: Boot, console: Console, seconds: float) -> NodeError | None:
        """Why the console is silent, where that is known; None while it need not be explained.

        Args:
            boot: whose timeline says whether all was fetched.
            console: the machine's.
            seconds: of silence that need no explanation.
        """
        transcript = console.transcript
        fetched = _last(boot, INITRD_FETCHED.name) or _last(boot, KERNEL_FETCHED.name)
        if fetched is None:
            return None
        quiet_ns = now_ns() - transcript.stamp_at(transcript.end - 1)
        if quiet_ns < seconds * NANOSECONDS or _kernel_spoke(transcript, fetched):
            return None
        served = self.arguments()
        if served is None or self.argument in (argument.split(",")[0] for argument in served[1]):
            return None
        where, arguments = served
        return NodeError(
            f"{boot.node}: silent console: iPXE has fetched everything, and nothing was said for {seconds:g} s; the"
            f" kernel arguments at {where} lack {self.argument}: {' '.join(arguments) or '(none)'}",
            hint=f"add {self.argument} to the arguments at {where}",
            evidence=[*console.tail(5), boot.folder],
        )


def _kernel_spoke(transcript: Transcript, fetched: Mark) -> bool:
    """Whether anything but the kernel's EFI stub has spoken since the last file was there."""
    said = printable(transcript.bytes(transcript.offset_after(fetched.at_ns), transcript.end))
    return any(line.strip() and not line.startswith(_STUB) for line in said.splitlines())


def _last(boot: Boot, stage: str) -> Mark | None:
    return next((mark for mark in reversed(list(boot.timeline)) if mark.stage == stage), None)
