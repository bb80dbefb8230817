"""What must hold of a Talos node: the keys of `expect: {talos: ...}`. Asks no machine."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field

from hil.config.expect.overriding import Section
from hil.config.model import invalid, shown_as

Stage: TypeAlias = Literal["running", "maintenance"]
"""The stages of Talos in which a boot can come to rest (machinery, resources/runtime, MachineStage)."""


_VERSION: Final = r"v\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?"
_EXTENSION: Final = r"[a-z0-9][a-z0-9._-]{0,62}"


def _version(text: str) -> str:
    if re.fullmatch(_VERSION, text) is None:
        raise invalid(f"{text[:40]!r} is no version of Talos", "write it like v1.13.9")
    return text


def _extension(text: str) -> str:
    if re.fullmatch(_EXTENSION, text) is None:
        raise invalid(f"{text[:40]!r} cannot be the name of an extension", "write its name alone, like tailscale")
    return text


Version: TypeAlias = Annotated[str, AfterValidator(_version), shown_as(_VERSION, "v1.13.9")]
"""A version of Talos, as its API gives it: v1.13.9."""

ExtensionName: TypeAlias = Annotated[str, AfterValidator(_extension), shown_as(_EXTENSION, "tailscale")]
"""The name in an extension's own metadata, as "tailscale"."""


class TalosExpect(Section):
    """What must hold of a Talos node; what is not given is not asked."""

    SECTION: ClassVar[str] = "talos"
    WHOSE: ClassVar[str] = "Talos"

    stage: Stage = Field(default="running", description="where its boot comes to rest: running, or maintenance")
    version: Version | None = Field(default=None, description="the version of Talos that runs")
    hostname: str | None = Field(default=None, description="what it calls itself", min_length=1)
    extensions: dict[ExtensionName, str] = Field(
        default={}, description='extensions that must be there, each with its version; "any" for any version'
    )
    services: tuple[ExtensionName, ...] = Field(
        default=(), description="extension services that must be running, without their ext-"
    )
