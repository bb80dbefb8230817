"""A node's machine configuration as Matchbox serves it now, against what Talos on it has applied. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable

from hil.clock import Deadline
from hil.errors import NodeError, UsageError
from hil.readiness.talos.api import TalosApi
from hil.readiness.talos.config_diff import ConfigDiff, difference
from hil.readiness.talos.config_text import Leaf, NotAConfiguration, leaves
from hil.readiness.talos.config_url import config_url
from hil.readiness.talos.observation import Mode
from hil.services.matchbox.answer import without_query


def config_diff(node: str, api: TalosApi, fetch: Callable[[str, Deadline], bytes], *, within: float) -> ConfigDiff:
    """Compare them.

    Args:
        node: its name.
        api: asks its Talos.
        fetch: what Matchbox answers to a URL as the machine would ask for it, by a deadline.
        within: seconds for each answer.

    Raises:
        UsageError: the talosconfig has not the role os:admin, or the configuration is not the bench's to serve.
        NodeError: Matchbox serves none, or Talos has applied none, or does not answer.
        InfrastructureError: Matchbox does not answer.
    """
    url = _url(node, api, Deadline.after(within))
    if api.observe(Deadline.after(within)).mode is Mode.MAINTENANCE:
        raise NodeError(
            f"{node} is in maintenance mode: Talos has applied no machine configuration",
            hint="give it one: node.talos.apply_config(...), or a kernel argument talos.config= that leads to one",
        )
    where = without_query(url)
    # Both go where they are parsed by no name of their own: what shows local variables must not show them.
    served = _parsed(f"{node}: what Matchbox serves at {where}", lambda: fetch(url, Deadline.after(within)))
    applied = _parsed(f"{node}: what Talos says it has applied", lambda: api.machine_config(Deadline.after(within)))
    return difference(served, applied, where=where, node=node)


def _url(node: str, api: TalosApi, deadline: Deadline) -> str:
    """Where the node's configuration is served."""
    url = config_url(api.dmesg(deadline))
    if url is None:
        raise UsageError(
            f"{node}: its kernel's log has no URL of a machine configuration, so it is not known what is served to it",
            hint="boot it with the kernel argument talos.config=; the log of a node that runs for long has lost it",
        )
    if "${" in url:
        raise UsageError(
            f"{node}: Talos asked nobody for its configuration in this boot, and the URL that it was given has"
            f" variables that Talos alone fills in: {without_query(url)}",
            hint="compare in a boot in which Talos fetches its configuration: one without a configuration on its disk",
        )
    return url


def _parsed(what: str, get: Callable[[], bytes]) -> list[Leaf]:
    try:
        return leaves(get())
    except NotAConfiguration as error:
        raise NodeError(
            f"{what} is no machine configuration: {error}", hint="`hil lint config FILE` says what is wrong with one"
        ) from None
