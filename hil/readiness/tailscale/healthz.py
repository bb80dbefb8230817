"""What the port of Tailscale's container answers: /healthz, and how many complaints /metrics counts. Judges nothing.

/healthz says 200 from the first address that the node gets in its tailnet, and keeps to that when the control server
is gone or no relay answers (tailscale v1.102.3, kube/health/healthz.go): so it is one sign among others. /metrics is
there where TS_ENABLE_METRICS says so; it counts what `tailscale status` has under Health (health/usermetrics.go).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.services.tailnet.exchange import Answer, exchange, tcp

_HEALTHZ: Final = "/healthz"
_METRICS: Final = "/metrics"
_COMPLAINTS: Final = re.compile(rb'^tailscaled_health_messages\{type="warning"\} (\d{1,6})\s*$', re.MULTILINE)
# Seconds: an emulated node under load answers in less.
_FIRST_PATIENCE: Final = 1.0
_MORE_PATIENCE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Healthz:
    """One answer.

    Args:
        healthy: whether /healthz was 200.
        words: what it answered, or how the connection ended.
        complaints: how many complaints /metrics counts; None where it does not say.
    """

    healthy: bool
    words: str
    complaints: int | None = None


class HealthzAsker:
    """Asks one port over and over; a node that was not heard of yet is given up sooner, each time a little later.

    A connection that was made before the node has an address is lost, and would hang until its deadline.
    """

    def __init__(self) -> None:
        self._heard = False
        self._lost = 0

    def ask(self, reach: Callable[[Deadline], tuple[str, int]], deadline: Deadline) -> Healthz:
        """As `ask_healthz`."""
        patience = deadline if self._heard else deadline.sooner(_FIRST_PATIENCE + self._lost * _MORE_PATIENCE)
        self._lost += 1
        found = ask_healthz(reach, patience)
        self._heard = True
        return found


def ask_healthz(reach: Callable[[Deadline], tuple[str, int]], deadline: Deadline) -> Healthz:
    """Ask once.

    Args:
        reach: where the port is reached now.
        deadline: of the answers.

    Returns:
        the answer; a connection that is refused, or ends without a word, is one too: nobody listens there. QEMU's
        forwarded ports take a connection first and end it then.

    Raises:
        InfrastructureError: no answer came in time, or the way to the port is not open.
    """
    host, port = reach(deadline)
    try:
        answer = _get(host, port, _HEALTHZ, deadline)
        found = Healthz(answer.status == HTTPStatus.OK, f"{answer.status} {answer.words}".rstrip())
        return replace(found, complaints=_counted(_get(host, port, _METRICS, deadline)))
    except TimeoutError as error:
        raise InfrastructureError(
            f"{_HEALTHZ} gave no answer within {deadline}", hint="read its console: it may hang, or have no network"
        ) from error
    except ConnectionRefusedError:
        return Healthz(False, "connection refused: nothing listens there")
    except (ConnectionResetError, BrokenPipeError):
        return Healthz(False, "the connection ended without an answer: nothing listens there")
    except ConnectionError as error:
        return Healthz(False, str(error))
    except OSError as error:
        raise InfrastructureError(
            f"{_HEALTHZ} is not reached: {error.strerror or error}", hint="see whether the node is on, and its network"
        ) from error


def _get(host: str, port: int, path: str, deadline: Deadline) -> Answer:
    return exchange(tcp(host, port), "GET", path, host, deadline)


def _counted(answer: Answer) -> int | None:
    found = _COMPLAINTS.search(answer.body) if answer.status == HTTPStatus.OK else None
    return None if found is None else int(found[1])
