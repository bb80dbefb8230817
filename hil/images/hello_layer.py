"""The layer of the extension `hello`: one program of `fixtures/node/cmd`, which answers HTTP. Runs nothing."""

from __future__ import annotations

from hil.clock import Deadline
from hil.images import cpio
from hil.images.contents import ROOTFS, Contents
from hil.tools.cache import Cache
from hil.tools.gonode import guest_program
from hil.tools.progress import Progress


def contents(cache: Cache, *, progress: Progress, deadline: Deadline) -> Contents:
    """The program, built if it is not in the cache.

    Raises:
        InfrastructureError: it cannot be built.
    """
    program = guest_program("hello", cache, progress=progress, deadline=deadline)
    return Contents(lambda: [cpio.file(f"{ROOTFS}/hello/hello", program.read_bytes(), 0o755)], seen=(program,))
