"""When a boot is at its end, as a rig file says it: for an image, or for a node of its own."""

from __future__ import annotations

import re
from typing import Annotated, Self, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from hil.config.model import Model, invalid


def _pattern(text: str) -> str:
    try:
        re.compile(text.encode())
    except re.error as error:
        raise invalid(
            f"{text!r} is no regular expression: {error}", "it is one of Python's; write \\. for a dot"
        ) from error
    return text


Pattern: TypeAlias = Annotated[str, AfterValidator(_pattern)]
"""A regular expression (Python's `re`) for the bytes of a console or of an HTTP body."""


class HttpReadyConfig(Model):
    """The HTTP request that a ready machine answers with 200."""

    port: int = Field(description="TCP port of the machine", ge=1, le=65535)
    path: str = Field("/", description="the path asked for", pattern=r"^/\S*$")
    body: Pattern | None = Field(None, description="a regular expression that the answer's body must hold")


class ReadyConfig(Model):
    """When a boot is at its end; with both keys, both must hold."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    console: Pattern | None = Field(None, description="a regular expression for the console")
    http: HttpReadyConfig | None = Field(None, description="a request that the machine answers")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.console is None and self.http is None:
            raise invalid("ready: names nothing to wait for", 'write console: "login: " or http: {port: 80}')
        return self
