"""Kinds that are no machines: a package on sys.path with entry points, as a plugin of a user would be."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.rig_schema import refusals

from hil.config import kinds
from hil.config.rig import Rig, load_rig
from hil.config.schema import GROUPS, Schema, schema_of

ENTRY_POINTS = """\
[hil.machines]
stub = hil_stub_machine
needy = hil_stub_needy
hollow = hil_stub_hollow
untouched = hil_stub_untouched
[hil.segments]
wire = hil_stub_segment
[hil.images]
blob = hil_stub_image
"""

MODULES = {
    "hil_stub_machine": """
from typing import Annotated, Literal
from pydantic import Field, model_validator
from hil.config.model import HostPort, Secret, Sha256, Size, invalid
from hil.config.rig import NodeConfig

class Config(NodeConfig):
    kind: Literal["stub"] = Field(description="a stub")
    memory: Size = Field(default=1 << 30, description="its memory")
    cpus: int = Field(default=1, ge=1, le=8, description="its processors")
    fast: bool = Field(default=False, description="whether it hurries")
    speed: float = Field(default=1.0, description="how much")
    mode: Literal["slow", "medium"] = Field(default="slow", description="its mode")
    tags: tuple[str, ...] = Field(default=(), description="its labels", max_length=3)
    ports: tuple[int | float, ...] = Field(default=(), description="its ports")
    password: Secret | None = Field(default=None, description="its password")
    console: HostPort | None = Field(default=None, description="its console")
    digest: Sha256 | None = Field(default=None, description="its digest")

    @model_validator(mode="after")
    def _not_both(self):
        if self.fast and self.cpus == 8:
            raise invalid(f"{self.serial} cannot be fast with 8 processors")
        return self
""",
    "hil_stub_segment": """
from typing import Literal
from pydantic import Field
from hil.config.rig import SegmentConfig

class Config(SegmentConfig):
    kind: Literal["wire"] = Field(description="a wire")
""",
    "hil_stub_image": """
from typing import Literal
from pydantic import Field
from hil.config.model import RigPath
from hil.config.rig import ImageConfig

class Config(ImageConfig):
    kind: Literal["blob"] = Field(description="a blob")
    file: RigPath | None = Field(default=None, description="its file")
""",
    "hil_stub_needy": "import hil_no_such_package\n",
    "hil_stub_hollow": "Config = dict\n",
    "hil_stub_untouched": "raise AssertionError('a kind that no rig names was imported')\n",
}

Load = Callable[..., Rig]


@pytest.fixture(scope="session")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the stub package."""
    folder = tmp_path_factory.mktemp("kinds")
    info = folder / "hil_stub_kinds-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hil-stub-kinds\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(text)
    return folder


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


@pytest.fixture(scope="module", autouse=True)
def stub_kinds(stubs: Path) -> Iterator[None]:
    """The stub package, importable, though not for the tests of another folder that the same process runs."""
    with importable(stubs):
        yield


@pytest.fixture(scope="session")
def schema(stubs: Path) -> Schema:
    """The JSON Schema of hil's kinds and of the stubs, but for the one that nobody may import."""
    with importable(stubs):
        return schema_of({group: [name for name in kinds.names(group) if name != "untouched"] for group in GROUPS})


@pytest.fixture
def load(tmp_path: Path, schema: Schema) -> Load:
    """Write a rig file as rig.yaml and load it; what loads is right by the JSON Schema too."""

    def write_and_load(text: str | bytes, **environment: str) -> Rig:
        data = text.encode() if isinstance(text, str) else text
        (tmp_path / "rig.yaml").write_bytes(data)
        rig = load_rig("./rig.yaml", cwd=tmp_path, environment=environment)
        assert refusals(schema, data.decode(), environment) == []
        return rig

    return write_and_load
