"""A rig's `twin:` section: how the bench twin behaves where the rig names devices of it. Starts none."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hil.config.model import Model, Size


class TwinConfig(Model):
    """The bench twin, which stands in for the devices that the rig names `twin:...`."""

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = Field(
        default=1, description="of all its chance; the same seed and the same doings give the same bytes and figures"
    )
    # Of a CM4 module the smallest has 1 GiB (Raspberry Pi, Compute Module 4 datasheet, "Introduction"); it has four
    # cores, of which QEMU's TCG on a small host can feed two.
    cpus: Annotated[int, Field(ge=1, le=64)] = Field(
        default=2, description="virtual CPUs of each board that is a guest"
    )
    memory: Size = Field(default=1 << 30, description="memory of each board that is a guest")
    speed: Annotated[float, Field(ge=0, le=1000)] = Field(
        default=0.0,
        description="of its serial lines: 1 as a wire of that baud rate, 2 twice that, 0 as fast as the board speaks",
    )
