"""The rig keys of a QEMU node. Pydantic is imported here and nowhere else in this folder."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hil.config.model import Size
from hil.config.rig import NodeConfig


class Config(NodeConfig):
    """A QEMU `virt` guest that boots EDK2."""

    kind: Literal["qemu"] = Field(description="a QEMU virt guest")
    cpus: Annotated[int, Field(ge=1, le=64)] = Field(1, description="virtual CPUs")
    memory: Size = Field(1 << 30, description="the guest's memory, as 1GiB; EDK2 and a 30 MB kernel need 512MiB")
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = Field(
        (),
        description="TCP ports of the guest that a test reaches; the image's own ready port is always one",
    )
