"""What must hold of a booted machine, as a rig file says it: for an image, or for a node of its own.

The keys are the rig's `expect:`, a file here for each side of a machine; the conditions made of them are in
`hil.readiness`. Asks no machine.
"""

from __future__ import annotations

from pydantic import Field

from hil.config.expect.cozystack import CozystackExpect
from hil.config.expect.kubernetes import KubernetesExpect
from hil.config.expect.overriding import overridden
from hil.config.expect.spin import ServesExpect, SpinExpect
from hil.config.expect.tailscale import TailscaleExpect
from hil.config.expect.talos import TalosExpect
from hil.config.model import Model

__all__ = [
    "CozystackExpect",
    "Expect",
    "KubernetesExpect",
    "ServesExpect",
    "SpinExpect",
    "TailscaleExpect",
    "TalosExpect",
    "overridden",
]


class Expect(Model):
    """What must hold of a booted machine."""

    talos: TalosExpect | None = Field(default=None, description="what must hold of a Talos node")
    tailscale: TailscaleExpect | None = Field(default=None, description="what must hold of Tailscale on it")
    spin: SpinExpect | None = Field(default=None, description="what must hold of Spin on it")
    kubernetes: KubernetesExpect | None = Field(default=None, description="what must hold of it in Kubernetes")
    cozystack: CozystackExpect | None = Field(default=None, description="what must hold of the CozyStack there")

    def sections(self, *, as_said: bool = False) -> dict[str, dict[str, object]]:
        """Each section of which something is expected, with its keys as JSON has them, those that are null too.

        Args:
            as_said: only the keys that were given, without those that have their defaults.
        """
        there = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            name: section.model_dump(mode="json", exclude_unset=as_said)
            for name, section in there.items()
            if isinstance(section, Model)
        }
