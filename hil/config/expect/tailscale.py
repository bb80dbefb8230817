"""What must hold of Tailscale on a node: the keys of `expect: {tailscale: ...}`. Asks no machine."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field

from hil.config.expect.overriding import Section
from hil.config.model import Seconds, invalid, shown_as

HEALTHZ_PORT: Final = 9002
"""Where Tailscale's container answers /healthz when it is told to (cmd/containerboot, TS_LOCAL_ADDR_PORT)."""

PingPath: TypeAlias = Literal["any", "direct", "relay"]
"""How a ping must have come back."""


_TAG: Final = r"tag:[A-Za-z][A-Za-z0-9-]*"


def _tag(text: str) -> str:
    if re.fullmatch(_TAG, text) is None:
        raise invalid(f"{text[:40]!r} is no tag of a tailnet", "write it like tag:bench")
    return text


Tag: TypeAlias = Annotated[str, AfterValidator(_tag), shown_as(_TAG, "tag:bench")]
"""A tag of a tailnet (tailscale v1.102.3, tailcfg/tailcfg.go, CheckTag)."""


def _network(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise invalid(f"{text[:60]!r} is not a network", "write it like 100.65.0.0/16") from None
    return text


NetworkText: TypeAlias = Annotated[str, AfterValidator(_network)]
"""A network of IPv4 or IPv6, as 10.244.0.0/16."""


class TailscaleExpect(Section):
    """What must hold of Tailscale on a node: that it is online in its tailnet, and what is given here."""

    SECTION: ClassVar[str] = "tailscale"
    WHOSE: ClassVar[str] = "Tailscale"

    hostname: str | None = Field(
        default=None, description="the name that it registers by, as TS_HOSTNAME says; else the node's", min_length=1
    )
    path: PingPath = Field(default="any", description="how a ping must come back: any, direct, or relay")
    tags: tuple[Tag, ...] = Field(default=(), description="tags that it must have, among others")
    key_valid_for: Seconds = Field(
        default=0.0, description="how long its node key must still be valid; one that never expires always is", ge=0
    )
    healthz: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=HEALTHZ_PORT,
        description="the TCP port of its container's /healthz; null where it has none, so that it is not asked",
    )
    networks: dict[str, tuple[NetworkText, ...]] = Field(
        default={},
        description="networks of its cluster that its machine configuration does not name, by what they are for, as"
        " join: [100.65.0.0/16]; like the others they must keep out of the tailnet's",
    )
