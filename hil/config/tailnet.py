"""A rig's `tailnet:` section: a control server of the user's own, instead of the bench's. Asks none."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from hil.config.model import Model, RigPath, Secret, invalid, shown_as

_URL: Final = r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?/?"


def _url(text: str) -> str:
    if re.fullmatch(_URL, text) is None:
        raise invalid(
            f"{text[:80]!r} is not the address of a control server", "write it like https://headscale.example:443"
        )
    return text.rstrip("/")


class TailnetConfig(Model):
    """The tailnet that the rig's nodes join.

    Without this section the bench has one of its own. A machine on a `user` segment reaches nothing beyond the bench
    but what the segment's `egress` lists, and asks no name server; for a control server of one's own it needs both

        segment:
          kind: user
          egress:
            - {at: 10.0.2.101:443, to: headscale.example:443}

    and the server's name for that address, in the machine configuration (`machine.network.extraHostEntries`); and the
    same for each relay that the server names.
    """

    url: Annotated[str, AfterValidator(_url), shown_as(_URL, "https://headscale.example:443")] = Field(
        description="the control server, as machines find it"
    )
    auth_key: Secret = Field(
        description="what nodes join with, as `!env NAME`; one that can be used again if there are several nodes"
    )
    api_key: Secret | None = Field(
        default=None, description="an API key, as `!env NAME`, where the server is a headscale that may be asked"
    )
    peer: RigPath | None = Field(
        default=None,
        description="the LocalAPI socket of a tailscaled of this host that is in the tailnet; "
        "/var/run/tailscale/tailscaled.sock, if it is there, when left out",
    )
