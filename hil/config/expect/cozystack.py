"""What must hold of a CozyStack: the keys of `expect: {cozystack: ...}`. Asks no cluster."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from hil.config.expect.kubernetes import ObjectName
from hil.config.expect.overriding import Section


class CozystackExpect(Section):
    """What must hold of a CozyStack. The defaults are what its own end-to-end test waits for.

    Source: cozystack/cozystack, hack/e2e-install-cozystack.bats: the platform's Package, more than ten HelmReleases,
    two APIServices.
    """

    SECTION: ClassVar[str] = "cozystack"
    WHOSE: ClassVar[str] = "CozyStack"

    packages: tuple[ObjectName, ...] = Field(
        default=("cozystack.cozystack-platform",),
        description="Packages that must be there; all there are must be ready",
    )
    releases: int = Field(default=11, description="how many HelmReleases there must be at least", ge=0)
    api_services: tuple[ObjectName, ...] = Field(
        default=("v1alpha1.apps.cozystack.io", "v1alpha1.core.cozystack.io"),
        description="APIServices that must be available",
    )
