"""What Matchbox does for one node, as marks and as the reason when it has nothing. Reads its log as it arrives."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hil.console.stream import Feed, FeedClosed
from hil.errors import InfrastructureError, NodeError
from hil.services.matchbox.tree import normal_mac
from hil.timeline.console_marks import STAMP_ERROR_NS
from hil.timeline.matchbox_log import Matched, NoMatch, parse_line
from hil.timeline.stages import CONFIG, PROFILE
from hil.timeline.timeline import Mark

# Matchbox's words for a machine whose /ipxe request nothing matches (matchbox/http/ipxe.go at v0.11.0).
_NOTHING = "No matching profile"


class MatchboxFollower:
    """Keeps the protocol `hil.watched.Served` for one boot of one node.

    Args:
        feed: the stream of Matchbox's output, from the boot's beginning on; closed by `close`.
        node: the node's name, for messages.
        mac: whose requests count, aa:bb:...; those of other machines are passed over.
        uuid: the same machine's SMBIOS UUID.
        explain: why Matchbox has nothing for a machine that said these labels.
    """

    def __init__(
        self, feed: Feed, *, node: str, mac: str, uuid: str, explain: Callable[[Mapping[str, str]], str]
    ) -> None:
        self._feed = feed
        self._node = node
        self._mac = mac
        self._uuid = uuid.lower()
        self._explain = explain
        self._rest = b""
        self.profile: str | None = None

    def fileno(self) -> int:
        """Readable when `take` may have something."""
        return self._feed.fileno()

    def close(self) -> None:
        """Stop reading; Matchbox goes on."""
        self._feed.close()

    def take(self) -> list[Mark]:
        """New marks: the profile that Matchbox chose, and the machine configuration that it gave.

        Raises:
            NodeError: Matchbox has no profile for this node.
            InfrastructureError: Matchbox has ended, or the keeper of the bench.
        """
        marks: list[Mark] = []
        try:
            chunks = self._feed.read()
        except FeedClosed as error:
            raise InfrastructureError(
                f"{self._node}: the keeper of this bench has ended, and with it Matchbox and the machines",
                hint="open the bench again; if its keeper ends again by itself, report this",
            ) from error
        for chunk in chunks:
            if not chunk.data:
                raise self._gone()
            *lines, self._rest = (self._rest + chunk.data).split(b"\n")
            for line in lines:
                marks += self._line(line, chunk.stamp_ns)
        return marks

    def _line(self, line: bytes, stamp_ns: int) -> list[Mark]:
        record = parse_line(line)
        if isinstance(record, NoMatch) and record.what == _NOTHING and self._is_ours(record.labels):
            raise NodeError(
                f"{self._node}: Matchbox has no profile for this machine (iPXE shows its 404):"
                f" {self._explain(record.labels)}",
                hint="add a group whose selector this machine meets, or mend the selector that should have met it",
            )
        if isinstance(record, Matched) and record.kind == "ipxe" and self._is_ours(record.labels):
            self.profile = record.profile
            evidence = f"profile {record.profile!r}" + (f" by group {record.group!r}" if record.group else "")
            return [Mark(PROFILE.name, stamp_ns, STAMP_ERROR_NS, "matchbox", evidence)]
        if isinstance(record, Matched) and record.kind == "generic" and self._is_ours(record.labels):
            return [Mark(CONFIG.name, stamp_ns, STAMP_ERROR_NS, "matchbox", f"/generic for group {record.group!r}")]
        return []

    def _is_ours(self, labels: Mapping[str, str]) -> bool:
        mac, uuid = normal_mac(labels.get("mac", "")), labels.get("uuid", "")
        if mac is None and not uuid:
            return True
        return mac == self._mac or (mac is None and uuid.lower() == self._uuid)

    def _gone(self) -> InfrastructureError:
        return InfrastructureError(
            f"{self._node}: Matchbox ended while this machine was booting",
            hint="read matchbox.log in the bench's folder for its last words; if there are none, the bench was ended"
            " from elsewhere (`hil bench end`)",
        )
