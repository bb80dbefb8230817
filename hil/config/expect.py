"""What must hold of a booted machine, as a rig file says it: for an image, or for a node of its own.

The keys are the rig's `expect:`; the conditions made of them are in `hil.readiness`. Asks no machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, ValidationError

from hil.config.model import Model, invalid
from hil.config.suggest import did_you_mean
from hil.errors import UsageError

Stage: TypeAlias = Literal["running", "maintenance"]
"""The stages of Talos in which a boot can come to rest (machinery, resources/runtime, MachineStage)."""


def _version(text: str) -> str:
    if re.fullmatch(r"v\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?", text) is None:
        raise invalid(f"{text[:40]!r} is no version of Talos", "write it like v1.13.9")
    return text


def _extension(text: str) -> str:
    if re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,62}", text) is None:
        raise invalid(f"{text[:40]!r} cannot be the name of an extension", "write its name alone, like tailscale")
    return text


Version: TypeAlias = Annotated[str, AfterValidator(_version)]
"""A version of Talos, as its API gives it: v1.13.9."""

ExtensionName: TypeAlias = Annotated[str, AfterValidator(_extension)]
"""The name in an extension's own metadata, as "tailscale"."""


class TalosExpect(Model):
    """What must hold of a Talos node; what is not given is not asked."""

    stage: Stage = Field(default="running", description="where its boot comes to rest: running, or maintenance")
    version: Version | None = Field(default=None, description="the version of Talos that runs")
    hostname: str | None = Field(default=None, description="what it calls itself", min_length=1)
    extensions: dict[ExtensionName, str] = Field(
        default={}, description='extensions that must be there, each with its version; "any" for any version'
    )
    services: tuple[ExtensionName, ...] = Field(
        default=(), description="extension services that must be running, without their ext-"
    )


class Expect(Model):
    """What must hold of a booted machine."""

    talos: TalosExpect | None = Field(default=None, description="what must hold of a Talos node")


def overridden(expect: TalosExpect, changes: Mapping[str, object]) -> TalosExpect:
    """The expectations with some of their keys changed, as a test or a command line says them.

    Args:
        expect: what holds otherwise.
        changes: keys of TalosExpect, each with its value; a list is as good as a tuple.

    Raises:
        UsageError: there is no such key, or a value cannot be.
    """
    if not changes:
        return expect
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in changes.items()}
    for key in given:
        if key not in TalosExpect.model_fields:
            hint = did_you_mean(key, TalosExpect.model_fields, what="keys of expect: {talos: ...}")
            raise UsageError(f"nothing called {key!r} can be expected of Talos", hint=hint)
    try:
        return TalosExpect.model_validate({**expect.model_dump(), **given})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        hint = str(first.get("ctx", {}).get("hint", "")) or "`hil rig check` explains the same keys in a rig file"
        raise UsageError(f"what is expected of Talos cannot be: {place}: {first['msg']}", hint=hint) from error
