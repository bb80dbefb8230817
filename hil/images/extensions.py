"""The extensions of the simulated node that ship with hil: what each is, and what its configuration must say.

One is a folder of `fixtures/node/extensions` with `manifest.yaml` and, if it has a service, NAME.yaml, in Talos's own
formats, and a module here that gives the rest of its layer. Builds nothing by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from hil.errors import InfrastructureError
from hil.images import compress, hello_layer, spin_layer, tailscale_layer
from hil.images.contents import Builder
from hil.tools.gonode import module


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension that ships.

    Args:
        name: of the extension, and of its service.
        contents: gives the files of its layer.
        environment: what its ExtensionServiceConfig sets where the bench makes one; none when it is empty.
        level: how hard its layer is compressed.
        ports: TCP ports of the machine that it answers on.
        modules: of the kernel, which it needs where they are no part of it.
        tailnet: whether it joins a tailnet, so that its configuration needs a control server's address and a key.
    """

    name: str
    contents: Builder
    environment: Mapping[str, str] = field(default_factory=dict)
    level: int = compress.QUICK
    ports: tuple[int, ...] = ()
    modules: tuple[str, ...] = ()
    tailnet: bool = False

    @property
    def manifest(self) -> Path:
        """What it says of itself (machinery, extensions/metadata.go)."""
        return self._folder / "manifest.yaml"

    @property
    def service(self) -> Path | None:
        """How its service is run (machinery, extensions/services/services.go); None without a service."""
        path = self._folder / f"{self.name}.yaml"
        return path if path.exists() else None

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


_TAILSCALE: Final = {
    "TS_ENABLE_HEALTH_CHECK": "true",
    "TS_ENABLE_METRICS": "true",
    "TS_LOCAL_ADDR_PORT": f"0.0.0.0:{tailscale_layer.HEALTH_PORT}",
    # Its logs are the bench's; Tailscale's own server for them is not reached.
    "TS_NO_LOGS_NO_SUPPORT": "true",
}

SHIPPED: Final[Mapping[str, Extension]] = MappingProxyType(
    {
        extension.name: extension
        for extension in (
            Extension("hello", hello_layer.contents, environment={"HELLO_NAME": "hil"}),
            Extension("spin", spin_layer.contents, level=compress.SMALL, ports=(spin_layer.PORT,)),
            Extension(
                "tailscale",
                tailscale_layer.contents,
                environment=_TAILSCALE,
                level=compress.SMALL,
                ports=(tailscale_layer.HEALTH_PORT,),
                modules=tailscale_layer.MODULES,
                tailnet=True,
            ),
        )
    }
)
"""Each extension that ships, by its name."""
