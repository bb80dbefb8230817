"""The extensions of the simulated node that ship with hil: what each is, and what its configuration must say.

One is a folder of `fixtures/node/extensions` with `manifest.yaml` and NAME.yaml, in Talos's own formats, and a
program of its name in `fixtures/node/cmd`. Builds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from hil.errors import InfrastructureError
from hil.tools.gonode import module

ENVIRONMENT: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({"hello": {"HELLO_NAME": "hil"}})
"""Each extension's name, with the environment that its ExtensionServiceConfig sets where the bench makes one."""


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension that ships.

    Args:
        name: of the extension, its service and its program.
    """

    name: str

    @property
    def manifest(self) -> Path:
        """What it says of itself (machinery, extensions/metadata.go)."""
        return self._folder / "manifest.yaml"

    @property
    def service(self) -> Path:
        """How its service is run (machinery, extensions/services/services.go)."""
        return self._folder / f"{self.name}.yaml"

    @property
    def environment(self) -> Mapping[str, str]:
        """What its ExtensionServiceConfig sets where the bench makes one."""
        return ENVIRONMENT[self.name]

    @property
    def _folder(self) -> Path:
        return module() / "extensions" / self.name

    def version(self) -> str:
        """The version that its manifest gives.

        Raises:
            InfrastructureError: the manifest cannot be read, or gives none.
        """
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        try:
            document = YAML(typ="safe").load(self.manifest.read_text("utf-8"))
            version = document["metadata"]["version"]
        except (OSError, UnicodeDecodeError, YAMLError, KeyError, TypeError) as error:
            raise InfrastructureError(f"{self.manifest} cannot be read: {error}", hint="install hil again") from error
        if not isinstance(version, str):
            raise InfrastructureError(f"{self.manifest} gives no version", hint="write it as text, like 0.1.0")
        return version
