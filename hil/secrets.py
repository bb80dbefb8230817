"""What is secret: in a rig, in hil's own environment, in a machine configuration or another file with keys.

Rather too much is taken for secret than too little, but not what a record is about: names of nodes, their addresses,
options of a service. docs/secrets.md says it for users. How it is hidden is in `hil.redaction`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from hil.config.environment import EnvValue
from hil.config.tree import environment_texts
from hil.readiness.talos.config_secrets import secret_part
from hil.readiness.talos.config_text import Leaf, NotAConfiguration, leaves
from hil.redaction.forms import SHORTEST
from hil.tools.progress import Progress, Step

if TYPE_CHECKING:
    from hil.config.rig import Rig

# As CI services and cloud tools name theirs: GITHUB_TOKEN, TS_AUTHKEY, AWS_SECRET_ACCESS_KEY, ...
_VARIABLE: Final = re.compile(
    r"(?i)(?:\A|_)(?:token|secret|password|passwd|passphrase|auth_?key|api_?key|access_?key|private_?key|credentials?)\Z"
)
_ENVIRONMENT: Final = frozenset({"env", "environment"})
# Keys, tokens and certificates are longer; "admin" and "8760h0m0s" are not.
_SHORTEST_IN_FILE: Final = 12


def of_environment(environment: Mapping[str, str]) -> set[str]:
    """The values of the variables whose names say that they are secret; a path is none.

    Args:
        environment: of hil's own process.
    """
    return {text for name, text in environment.items() if _VARIABLE.search(name) and not text.startswith("/")}


def of_rig(rig: Rig, environment: Mapping[str, str]) -> set[str]:
    """What is secret before anything of the rig runs: `!env` values, the environment's, keys of files it names.

    Args:
        rig: a loaded one.
        environment: of hil's own process.
    """
    found = {*rig.secrets.difference(_public(rig)), *of_environment(environment)}
    for node in rig.nodes.values():
        for file in (node.talos.talosconfig, node.kubernetes.kubeconfig):
            # One that cannot be read is a matter of whoever asks the node.
            with suppress(OSError):
                found |= of_file("" if file is None else file.read_text("utf-8", "replace"))
    return found


def _public(rig: Rig) -> set[str]:
    """`!env` values that a record cannot do without: names, kinds, addresses, and by what Matchbox knows a machine."""
    kinds = {
        rig.segment.kind,
        *(image.kind for image in rig.images.values()),
        *(node.kind for node in rig.nodes.values()),
    }
    known = {text for node in rig.nodes.values() for text in (node.mac, str(node.uuid))}
    segment = rig.tree.entries.get("segment")
    addresses = () if segment is None else environment_texts(segment.node)
    return {
        rig.name,
        *rig.images,
        *kinds,
        *addresses,
        *(value for value in rig.secrets if {value.lower(), value.lower().replace("-", ":")} & known),
    }


def hide_known(rig: Rig, hide: Callable[[Iterable[str]], None], progress: Progress) -> None:
    """Have all that is known to be secret hidden, before anything runs; and say which variables are not.

    Args:
        rig: what is about to be opened.
        hide: as `Keeper.hide`.
        progress: told of `!env` values that are too short to be hidden.
    """
    hide(of_rig(rig, os.environ))
    for variable in too_short(rig.secrets.difference(_public(rig))):
        progress(Step(f"the value of ${variable} is not hidden in records: it has fewer than {SHORTEST} characters"))


def too_short(secrets: Iterable[str]) -> list[str]:
    """The variables whose `!env` values are too short to be hidden, sorted.

    Args:
        secrets: `Rig.secrets`.
    """
    return sorted(
        {value.variable for value in secrets if isinstance(value, EnvValue) and len(value.strip()) < SHORTEST}
    )


@lru_cache(maxsize=64)
def of_file(text: str) -> frozenset[str]:
    """What is secret in a machine configuration, a talosconfig or a kubeconfig: keys, certificates, tokens, passwords.

    Args:
        text: its text; of one that is no YAML, nothing is known.
    """
    try:
        found = leaves(text.encode("utf-8", "surrogatepass"))
    except NotAConfiguration:
        return frozenset()
    return frozenset(value for leaf in found if (value := _secret(leaf)))


def _secret(leaf: Leaf) -> str:
    """What of a leaf is secret, or ""."""
    part = secret_part(leaf)
    if part is None:
        return ""
    name, value = part
    keys = [step for step in leaf.path if isinstance(step, str)]
    if name or _ENVIRONMENT & set(keys):
        # Most variables of an environment are no secrets, and would be found in many a line.
        return value if _VARIABLE.search(name.removesuffix("=") or keys[-1]) else ""
    return value if len(value) >= _SHORTEST_IN_FILE else ""
