"""How a rig file says what machine configuration a Talos node gets, and how its API is asked. Asks nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field, PlainValidator, ValidationInfo

from hil.config.model import Model, RigFilePath, invalid, rig_path

GENERATED: Final = "generated"
"""The bench has Talos's own library make a configuration, with keys of its own, for each boot of the rig."""

NONE: Final = "none"
"""No configuration is served: Talos stays in maintenance mode."""


def _source(value: object, info: ValidationInfo) -> Path | str:
    if value in (GENERATED, NONE):
        return str(value)
    path = rig_path(value, info)
    if not path.is_file():
        raise invalid(f"there is no file {path}", f"write a file, `{GENERATED}` or `{NONE}`")
    return path


MachineConfigSource: TypeAlias = Annotated[
    Path | Literal["generated", "none"],
    PlainValidator(_source, json_schema_input_type=Literal["generated", "none"] | Annotated[str, Field(min_length=1)]),
]
"""Where a machine configuration comes from: a file, `generated`, or `none`."""


class TalosAccess(Model):
    """How the API of Talos on a node is asked."""

    talosconfig: RigFilePath | None = Field(
        default=None,
        description="the talosconfig that opens it; not needed where the bench made the machine configuration",
    )
    context: str | None = Field(
        default=None, description="which of its contexts; its own choice when left out", min_length=1
    )
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=50000, description="the TCP port of its API (apid)")
