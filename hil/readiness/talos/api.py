"""The API of Talos on one node, for synchronous callers: what is found in the background, and single questions.

Nothing of gRPC is imported before a TalosApi is made, and then in its thread.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, TypeVar

from hil.clock import Deadline, now_ns
from hil.errors import HilBug, NodeError, UsageError
from hil.readiness.talos.archive import unpacked
from hil.readiness.talos.board import Board
from hil.readiness.talos.changes import Applied, Change, TalosEvent
from hil.readiness.talos.observation import Observation, unreachable
from hil.readiness.talos.patience import Patience
from hil.readiness.talos.trouble import Kind, Trouble
from hil.readiness.talos.worker import Ended, Worker

if TYPE_CHECKING:
    from hil.readiness.talos.access import Access
    from hil.readiness.talos.calls import Calls
    from hil.readiness.talos.session import Session

T = TypeVar("T")

MODES = ("auto", "no-reboot", "reboot", "staged", "try")
"""How a machine configuration can be applied (machinery, api/machine, ApplyConfigurationRequest.Mode)."""

_ADMIN, _OPERATOR, _READER = "os:admin", "os:operator", "os:reader"


class TalosApi:
    """Asks one node in the background, from its making to `close`.

    Args:
        node: as the rig calls it, for messages.
        reach: how the API is reached now; called in another thread, for each connection anew. It may raise what a door
            raises.
        patience: how long things may take.
    """

    def __init__(self, node: str, reach: Callable[[], Access], patience: Patience | None = None) -> None:
        self._node = node
        self._reach = reach
        self._patience = patience or Patience()
        self._board = Board()
        self._session: Session | None = None
        self._worker = Worker(self._main, f"talos:{node}", self._board.end)

    async def _main(self) -> None:
        from hil.readiness.talos.session import Session

        self._session = Session(self._reach, self._board, self._patience)
        await self._session.run()

    def close(self) -> None:
        """Stop asking. Safe to call twice."""
        self._worker.close()

    def __enter__(self) -> TalosApi:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def latest(self) -> Observation | None:
        """What was last found, without waiting; None before anything was."""
        return self._board.latest

    def forget(self) -> None:
        """The machine starts anew: what was found of it before no longer counts."""
        self._board.forget()

    def ask_now(self) -> None:
        """Have a round begin at once, or after the one that is under way; nothing when it was closed."""
        self._worker.post(self._ask_now)

    def changes(self) -> list[Change]:
        """What was seen to change since the last call, each with its moment."""
        return self._board.take_changes()

    def observe(self, deadline: Deadline) -> Observation:
        """Ask now, and wait for what comes of it.

        Raises:
            UsageError: it was closed.

        Returns:
            what a round found that began after this call; or why Talos is not reached, once that is no matter of time,
            or the deadline has passed.
        """
        called = now_ns()
        self.ask_now()
        self._check_running()

        def fresh() -> Observation | None:
            found = self._board.latest
            if found is None or found.began_ns < called:
                return None
            return None if found.trouble is not None and not found.reached and found.trouble.passing else found

        found = self._board.wait(fresh, deadline)
        self._check_running()
        if found is None:
            trouble, latest = self._too_late(deadline), self._board.latest
            found = unreachable(now_ns(), self._node if latest is None else latest.place, trouble)
        return found

    def wait_for_change(self, deadline: Deadline) -> bool:
        """Wait until something is found, or has changed, since `changes` was called last; whether that came."""
        return self._board.wait_for_news(deadline)

    def events(self, deadline: Deadline) -> Sequence[TalosEvent]:
        """What Talos says has happened since it started, oldest first; it remembers about a thousand events.

        Raises:
            NodeError: it does not answer.
        """
        found = self.observe(deadline)
        if not found.reached:
            raise (found.trouble or self._too_late(deadline)).error(self._node)
        return self._board.events()

    def boot_id(self, deadline: Deadline) -> str:
        """The kernel's boot ID, asked now. Raises NodeError or UsageError as every question does."""
        return self._ask("say its boot ID", _ADMIN, lambda calls: calls.boot_id(), deadline)

    def dmesg(self, deadline: Deadline) -> bytes:
        """The kernel's log."""
        return self._ask("read the kernel's log", _READER, lambda calls: calls.dmesg(), deadline)

    def logs(self, service: str, deadline: Deadline, *, tail: int | None = None) -> bytes:
        """What a service has logged.

        Args:
            service: its id, as "kubelet" or "ext-tailscale".
            deadline: of the answer.
            tail: only so many of its last lines.
        """
        return self._ask(f"read the logs of {service}", _READER, lambda calls: calls.logs(service, tail), deadline)

    def machine_config(self, deadline: Deadline) -> bytes:
        """The machine configuration in use, as YAML. It holds the cluster's keys: it belongs into no record."""
        return self._ask("read the machine configuration", _ADMIN, lambda calls: calls.machine_config(), deadline)

    def read(self, path: str, deadline: Deadline) -> bytes:
        """A file of the node.

        Args:
            path: where it lies there.
            deadline: of the answer.
        """
        return self._ask(f"read {path}", _ADMIN, lambda calls: calls.read(path), deadline)

    def kubeconfig(self, deadline: Deadline) -> bytes:
        """An administrator's kubeconfig of the node's cluster, as YAML. It holds a key: it belongs into no record.

        Raises:
            NodeError: what came is no archive with a kubeconfig in it; else as every question does.
        """
        packed = self._ask("hand out a kubeconfig", _ADMIN, lambda calls: calls.kubeconfig(), deadline)
        found = unpacked(packed)
        if found is None:
            raise NodeError(
                f"{self._node}: Talos was asked for a kubeconfig and sent something else ({len(packed)} bytes)",
                hint="see whether `talosctl kubeconfig` gets one; give the rig a kubeconfig file otherwise",
            )
        return found

    def apply_config(self, data: bytes, deadline: Deadline, *, mode: str = "auto", dry_run: bool = False) -> Applied:
        """Give Talos a machine configuration.

        Args:
            data: it, as YAML.
            deadline: of the answer.
            mode: one of MODES.
            dry_run: only say what would be done.

        Raises:
            UsageError: there is no such mode, or the talosconfig may not.
            NodeError: Talos refuses the configuration, with its own words, or does not answer.
        """
        if mode not in MODES:
            raise UsageError(f"there is no mode {mode!r} of applying", hint=f"one of: {', '.join(MODES)}")
        what = "apply a machine configuration"
        return self._ask(what, _ADMIN, lambda calls: calls.apply(data, mode, dry_run=dry_run), deadline, reads=False)

    def reboot(self, deadline: Deadline) -> None:
        """Tell Talos to reboot; returns when it says that it will. A changed boot ID proves it."""
        self._ask("reboot it", _OPERATOR, lambda calls: calls.reboot(), deadline, reads=False)

    def shutdown(self, deadline: Deadline) -> None:
        """Tell Talos to shut down; returns when it says that it will."""
        self._ask("shut it down", _OPERATOR, lambda calls: calls.shutdown(), deadline, reads=False)

    def _check_running(self) -> None:
        """Raises UsageError when it was closed, HilBug when it ended otherwise."""
        if self._worker.failure is not None:
            what = f"asking Talos on {self._node} ended by a fault of hil: {self._worker.failure!r}"
            raise HilBug(what, hint="report it with this message") from self._worker.failure
        if self._worker.ended:
            raise self._closed()

    def _closed(self) -> UsageError:
        return UsageError(f"Talos on {self._node} is asked no more: it was closed", hint="ask before it is closed")

    def _ask_now(self) -> None:
        if self._session is not None:
            self._session.ask_now()

    def _ask(
        self,
        what: str,
        needed: str,
        ask_it: Callable[[Calls], Coroutine[object, object, T]],
        deadline: Deadline,
        *,
        reads: bool = True,
    ) -> T:
        """One question, when there is a connection.

        Raises:
            UsageError: the talosconfig may not ask it, or does not open this node; or it was closed.
            NodeError: the node does not answer, or says no.
            InfrastructureError: the door to the node is not open.
        """
        from hil.readiness.talos.question import NotAnswered, Question, ask

        self._check_running()

        async def asked() -> T:
            assert self._session is not None
            return await ask(self._session, Question(ask_it, what, needed, reads))

        try:
            return self._worker.call(asked, deadline)
        except NotAnswered as no:
            raise no.trouble.error(self._node) from no
        except Ended:
            self._check_running()
            raise self._closed() from None
        except TimeoutError:
            raise self._too_late(deadline).error(self._node) from None

    def _too_late(self, deadline: Deadline) -> Trouble:
        """Why nothing came in time, as far as that is known."""
        latest = self._board.latest
        if latest is not None and not latest.reached and latest.trouble is not None:
            return latest.trouble
        place = self._node if latest is None else latest.place
        return Trouble(
            Kind.STALLED,
            f"{place} gave no answer within {deadline}",
            "read the node's console for how far its boot came, and whether it hangs",
            f"no answer within {deadline}",
        )
