"""headscale's REST API: nodes, users, one-time keys. It starts no headscale, and shows no key in a message.

Paths are those of headscale v0.29.2 (proto/headscale/v1/headscale.proto); its next version may change them. What the
answers hold is read in `hil.services.tailnet.headscale_json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.services.tailnet.control import TailnetNode
from hil.services.tailnet.headscale_json import parse_key, parse_nodes, parse_nothing, parse_reason, parse_user
from hil.services.tailnet.http_access import Access

_API: Final = "/api/v1"

T = TypeVar("T")


class HeadscaleApi:
    """A headscale that can be asked; keeps the protocol `hil.services.tailnet.control.ControlServer`.

    Args:
        access: how it is reached.
        key: an API key of it (`headscale apikeys create`).
    """

    def __init__(self, access: Access, key: str) -> None:
        self._access = access
        self._key = key

    def __repr__(self) -> str:
        return f"HeadscaleApi({self._access.url!r})"

    @property
    def name(self) -> str:
        """As "headscale at https://10.0.2.100:8443"."""
        return f"headscale at {self._access.url}"

    @property
    def opening(self) -> tuple[Access, str]:
        """How it is reached, and the key that opens it: for another process of the same user, and for no record."""
        return self._access, self._key

    def nodes(self, deadline: Deadline) -> tuple[TailnetNode, ...]:
        """All nodes of all users.

        Raises:
            InfrastructureError: it cannot be asked, or does not answer as headscale does.
        """
        return self._ask("GET", "/node", parse_nodes, deadline)

    def create_user(self, name: str, deadline: Deadline) -> int:
        """Make a user, and give its number; errors as in `nodes`."""
        return self._ask("POST", "/user", parse_user, deadline, {"name": name})

    def one_time_key(
        self,
        user: int,
        *,
        valid_for: timedelta,
        deadline: Deadline,
        tags: Sequence[str] = (),
        ephemeral: bool = False,
    ) -> str:
        """A key with which one node can join, once.

        Args:
            user: whose the node will be, by number.
            valid_for: how long it can be used; a negative time makes a key that has expired.
            deadline: for the answer.
            tags: what the node will have, as "tag:bench"; a node with tags is nobody's.
            ephemeral: whether headscale forgets the node half an hour after it was last there.

        Raises:
            InfrastructureError: as `nodes`.
        """
        wanted = {
            "user": str(user),
            "reusable": False,
            "ephemeral": ephemeral,
            "expiration": (datetime.now(UTC) + valid_for).isoformat().replace("+00:00", "Z"),
            "aclTags": list(tags),
        }
        return self._ask("POST", "/preauthkey", parse_key, deadline, wanted)

    def delete_node(self, ident: int | str, deadline: Deadline) -> None:
        """Forget a node: it must join anew, with another key; errors as in `nodes`."""
        self._ask("DELETE", f"/node/{int(ident)}", parse_nothing, deadline)

    def expire_node(self, ident: int | str, deadline: Deadline) -> None:
        """End a node's key now: it stays known, and must log in anew; errors as in `nodes`."""
        self._ask("POST", f"/node/{int(ident)}/expire", parse_nothing, deadline)

    def _ask(
        self,
        method: str,
        path: str,
        read: Callable[[bytes], T],
        deadline: Deadline,
        document: Mapping[str, object] | None = None,
    ) -> T:
        body = None if document is None else json.dumps(document).encode()
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        answer = self._access.ask(method, _API + path, deadline=deadline, headers=headers, body=body)
        what = f"{self.name}: {method} {_API}{path}"
        if answer.status in (401, 403):
            raise InfrastructureError(
                f"{what} was refused ({answer.status}): the API key is not valid there",
                hint="make one with `headscale apikeys create`, and put it where the rig file's api_key takes it from",
            )
        if answer.status != 200:
            raise InfrastructureError(
                f"{what} was answered with {answer.status}: {parse_reason(answer.body)}",
                hint="see the control server's own log",
            )
        try:
            return read(answer.body)
        except ValueError as error:
            raise InfrastructureError(
                f"{what} was not answered as headscale v0.29.2 does: {error}",
                hint="see which version the control server is; hil reads the API of v0.29",
            ) from error
