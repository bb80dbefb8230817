"""The capture of a machine that is on a network interface of the bench, as a board is. The process is `process`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hil.netboot.capture.process import CaptureProcess, Recording


def begin(
    recording: Recording, interface: str, mac: str, run: Callable[[Sequence[str]], Sequence[str]]
) -> CaptureProcess:
    """Start the process; its `await_ready` waits until it takes packets.

    Args:
        recording: what is kept, and where.
        interface: on which the machine's packets are seen.
        mac: the machine's, aa:bb:cc:dd:ee:ff; what others send to each other is not kept.
        run: gives the command that runs a program where the interface is.

    Raises:
        InfrastructureError: the keeper has died.
    """
    process = CaptureProcess(recording)
    process.begin(["wire", interface, mac], run)
    return process
