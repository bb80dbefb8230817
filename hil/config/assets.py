"""What is behind Matchbox's /assets/: a directory, and files beside it, each named by path or URL. Fetches none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from hil.config.file_source import NamedFile
from hil.config.model import Fault, Model, RigDirectory, invalid, shown_as

_PREFIX: Final = "/assets/"
# What needs no escape in a URL (RFC 3986, 2.3), and so is the same in a profile, in Matchbox and in a file system.
_PATH: Final = r"[A-Za-z0-9._~+-]+(?:/[A-Za-z0-9._~+-]+)*"


def _asset_path(text: str) -> str:
    if text.startswith(_PREFIX):
        raise invalid(f"{text[:100]!r} begins with {_PREFIX}, which is understood", f"write {text[8:100]}")
    if re.fullmatch(_PATH, text) is None or {".", ".."} & set(text.split("/")):
        hint = "write what comes after /assets/ in the profile, as talos/v1.13.9/vmlinuz"
        raise invalid(f"{text[:100]!r} is not the path of an asset", hint)
    return text


def _assets(value: object) -> object:
    return {"dir": value} if isinstance(value, str | Path) else value


AssetPath: TypeAlias = Annotated[str, AfterValidator(_asset_path), shown_as(_PATH, "talos/v1.13.9/vmlinuz")]
"""The path of a file behind /assets/."""


class AssetsConfig(Model):
    """What is behind /assets/."""

    dir: RigDirectory | None = Field(
        default=None, description="a directory of files; assets/ of the Matchbox tree, if it is there, when left out"
    )
    files: dict[AssetPath, NamedFile] = Field(
        default={},
        description="files that are not in the directory, each by its path behind /assets/: a path of this host, or"
        " url and sha256",
    )

    def faults(self) -> Iterator[Fault]:
        """A path that is a file and a folder at once."""
        for path in self.files:
            for folder in map(str, PurePosixPath(path).parents):
                if folder in self.files:
                    yield Fault(("files", path), f"{folder!r} is a file here, so nothing can be in it", "rename one")


WrittenAssets: TypeAlias = Annotated[
    AssetsConfig,
    BeforeValidator(_assets, json_schema_input_type=Annotated[str, Field(min_length=1)] | AssetsConfig),
]
"""An AssetsConfig that a file may also write as its directory alone."""
