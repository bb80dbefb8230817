"""One file that a rig names: by its path, or by a URL with the digest of what is there. Reads and fetches nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from hil.config.model import Model, RigFilePath, Sha256, invalid, shown_as

_URL: Final = r"https?://[^\s/]+/\S*[^\s/]"


def _source(value: object) -> object:
    return {"path": value} if isinstance(value, str | Path) else value


def _url(text: str) -> str:
    if not re.fullmatch(_URL, text):
        # The text is not shown: a URL may hold a password, from the environment.
        raise invalid("this is not the URL of a file", "write it like https://HOST/PATH/FILE")
    return text


class FileSource(Model):
    """One file: a path alone, or a path or a URL with the digest of what is there."""

    path: RigFilePath | None = Field(None, description="a file of this host")
    url: Annotated[str, AfterValidator(_url), shown_as(_URL)] | None = Field(
        None, description="where the file is fetched from, once"
    )
    sha256: Sha256 | None = Field(None, description="the SHA-256 digest that the file must have")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.url is None):
            raise invalid("a file has either a path or a url", "write one of the two")
        if self.url is not None and self.sha256 is None:
            raise invalid("a url needs its sha256", "what a server sends may change: pin it with sha256:")
        return self


WrittenSource: TypeAlias = Annotated[str, Field(min_length=1)] | FileSource
"""How a file may write one, for the JSON Schema: as a path, or with keys."""

NamedFile: TypeAlias = Annotated[FileSource, BeforeValidator(_source, json_schema_input_type=WrittenSource)]
"""A FileSource that a file may also write as its path alone."""
