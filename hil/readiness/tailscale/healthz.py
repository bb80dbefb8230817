"""What /healthz of Tailscale's container answers. Judges nothing.

It says 200 from the first address that the node gets in its tailnet, and keeps to that when the control server is gone
or no relay answers (tailscale v1.102.3, kube/health/healthz.go): so it is one sign among others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.services.tailnet.exchange import exchange, tcp

_PATH = "/healthz"


@dataclass(frozen=True, slots=True)
class Healthz:
    """One answer.

    Args:
        healthy: whether it was 200.
        words: what was answered, or how the connection ended.
    """

    healthy: bool
    words: str


def ask_healthz(reach: Callable[[Deadline], tuple[str, int]], deadline: Deadline) -> Healthz:
    """Ask once.

    Args:
        reach: where the port is reached now.
        deadline: of the answer.

    Returns:
        the answer; a connection that is refused, or ends without a word, is one too: nobody listens there. QEMU's
        forwarded ports take a connection first and end it then.

    Raises:
        InfrastructureError: no answer came in time, or the way to the port is not open.
    """
    host, port = reach(deadline)
    try:
        answer = exchange(tcp(host, port), "GET", _PATH, host, deadline)
    except TimeoutError as error:
        raise InfrastructureError(
            f"{_PATH} gave no answer within {deadline}",
            hint="read its console: it may hang, or have no network",
        ) from error
    except ConnectionRefusedError:
        return Healthz(False, "connection refused: nothing listens there")
    except ConnectionError as error:
        return Healthz(False, f"the connection ended without an answer ({error.strerror or error})")
    except OSError as error:
        raise InfrastructureError(
            f"{_PATH} is not reached: {error.strerror or error}", hint="see whether the node is on, and its network"
        ) from error
    return Healthz(answer.status == HTTPStatus.OK, f"{answer.status} {answer.words}".rstrip())
