"""Names of extension services: Talos takes any, and a service whose name is misspelt waits for ever.

The list is of extensions that were published (github.com/siderolabs/extensions), for a hint; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from hil.config.suggest import nearest
from hil.config.tree import quoted
from hil.lint.documents import EXTENSION_SERVICE, Document
from hil.lint.finding import Finding, Severity

KNOWN: Final = frozenset(
    (
        *("cachefilesd", "cloudflared", "frr", "iscsid", "lldpd", "metal-agent", "multipathd", "nebula", "netbird"),
        *("newt", "nut-client", "nvidia-fabricmanager", "nvidia-persistenced", "openziti", "qemu-guest-agent"),
        *("rpc-statd", "rpcbind", "stargz-snapshotter", "tailscale", "talos-vmtoolsd", "tgtd", "zerotier"),
        *("xen-guest-agent",),
    )
)
SIMULATED: Final = frozenset({"hello", "spin"})
"""Those of the simulated node alone (fixtures/node/extensions)."""
_PREFIX: Final = "ext-"


def check(documents: Sequence[Document]) -> Iterator[Finding]:
    """Names that no extension service is known to have."""
    for document in documents:
        entry = document.at("name")
        if document.kind != EXTENSION_SERVICE or entry is None or not document.name:
            continue
        name, place = document.name, entry.node.place
        if name in KNOWN | SIMULATED:
            continue
        if name.startswith(_PREFIX):
            # Talos adds the prefix itself (internal/app/machined/pkg/system/services/extension.go).
            message = f"Talos names the service {_PREFIX}{name[:60]}: the prefix is its own"
            hint = f"write {name.removeprefix(_PREFIX)[:60]}"
            yield Finding(Severity.WARNING, "extension-name", place, message, hint, name[:60])
            continue
        near = nearest(name, KNOWN)
        hint = f"did you mean {near!r}?" if near else "an extension of your own is right as it is"
        message = f"hil knows no extension service {quoted(name)}"
        yield Finding(Severity.NOTE, "extension-name", place, message, hint, name[:60])
