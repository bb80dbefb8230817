"""Opening a connection to Talos: by the talosconfig, or as one asks a node in maintenance mode. Tries once.

A connection counts when Talos has answered a first question on it: with TLS 1.3 a server refuses a client certificate
only after the handshake (RFC 8446, 4.4.2.4), and a forwarded port takes connections for a guest that does not listen.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, replace

from hil.readiness.talos import tls
from hil.readiness.talos.access import Access
from hil.readiness.talos.calls import Calls
from hil.readiness.talos.certificate import Certificate
from hil.readiness.talos.channel import CALL_FAILURES, KeptChannel, answer_to
from hil.readiness.talos.diagnosis import (
    Failure,
    Running,
    diagnose,
    diagnose_stranger,
    heard_out,
    is_misnamed,
    is_stranger,
)
from hil.readiness.talos.http2 import BROKEN
from hil.readiness.talos.observation import MachineStatus, Mode
from hil.readiness.talos.reading import Asked, is_answer
from hil.readiness.talos.resources import MACHINE_STATUS, machine_status
from hil.readiness.talos.trouble import Kind, Trouble
from hil.readiness.talos.words import Words


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection on which Talos has answered.

    Args:
        access: what it was opened by.
        channel: it.
        calls: the questions on it.
        asked: whom it leads to.
        trouble: what is wrong although Talos answers, or None.
    """

    access: Access
    channel: KeptChannel
    calls: Calls
    asked: Asked
    trouble: Trouble | None = None


class NotConnected(Exception):
    """There is no connection, and why.

    Args:
        trouble: why.
        place: host and port that were tried.
        shown: the other side's certificate, or None.

    Attributes:
        began_ns: when the try began, ns of the one clock, where that is known.
    """

    def __init__(self, trouble: Trouble, place: str, shown: Certificate | None = None) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble
        self.place = place
        self.fingerprint = "" if shown is None else shown.fingerprint
        self.began_ns: int | None = None


async def connect(access: Access, *, patience: float, stall: float) -> Connection:
    """Connect, and have a first question answered.

    Args:
        access: where, and what opens it.
        patience: seconds for each connection that is tried.
        stall: seconds after which a later question is given up.

    Raises:
        NotConnected: why not.
    """
    try:
        return await _by_talosconfig(access, patience, stall)
    except Failure as failure:
        if not is_stranger(await _signature(access, failure, patience, stall)):
            raise await _not_connected(access, failure, patience) from failure
    try:
        return await _by_maintenance(access, patience, stall)
    except Failure as failure:
        unasked = failure
    try:  # it may have left maintenance mode meanwhile
        return await _by_talosconfig(access, patience, stall)
    except Failure as failure:
        if not is_stranger(await _signature(access, failure, patience, stall)):
            raise await _not_connected(access, failure, patience) from failure
        trouble = await diagnose_stranger(access, unasked, patience)
        raise NotConnected(trouble, access.place, unasked.shown) from failure


async def _not_connected(access: Access, failure: Failure, patience: float) -> NotConnected:
    return NotConnected(await diagnose(access, failure, patience), access.place, failure.shown)


async def _by_talosconfig(access: Access, patience: float, stall: float) -> Connection:
    credentials = access.talosconfig
    if credentials is None:
        channel, calls, _ = await _open(access, tls.maintenance(), access.fingerprint, patience, stall)
        return Connection(access, channel, calls, _asked(access, Mode.MAINTENANCE, (), channel))
    try:
        context = tls.configured(access, credentials)
        roles = Certificate.from_pem(credentials.crt).roles
    except (tls.BadCredentials, ValueError) as error:
        raise NotConnected(_unusable(credentials.name, credentials.file, error), access.place) from error
    channel, calls, _ = await _open(access, context, None, patience, stall)
    return Connection(access, channel, calls, _asked(access, Mode.CONFIGURED, roles, channel))


async def _signature(access: Access, failure: Failure, patience: float, stall: float) -> Exception:
    """What a connection fails for when the name in the certificate is left out of it, which OpenSSL compares early."""
    credentials = access.talosconfig
    if credentials is None or not is_misnamed(failure.error):
        return failure.error
    try:
        context = tls.configured(replace(access, forwarded=True), credentials)
        channel, _, _ = await _open(access, context, None, patience, stall)
    except Failure as nameless:
        return nameless.error
    channel.close()
    return failure.error


async def _by_maintenance(access: Access, patience: float, stall: float) -> Connection:
    """Ask without a client certificate a node that is not of the talosconfig's CA: only maintenance mode answers.

    Raises:
        Failure: it does not answer so, or it is running, which no node in maintenance mode is.
    """
    channel, calls, status = await _open(access, tls.maintenance(), access.fingerprint, patience, stall)
    if status is not None and status.stage == "running":
        channel.close()
        raise Failure(Running(), channel)
    trouble = Words(access).in_maintenance("no stage yet" if status is None else f"stage {status.stage}")
    return Connection(access, channel, calls, _asked(access, Mode.MAINTENANCE, (), channel), trouble)


async def _open(
    access: Access, context: ssl.SSLContext, pin: str | None, patience: float, stall: float
) -> tuple[KeptChannel, Calls, MachineStatus | None]:
    """A channel on which the first question was answered, and the answer, where it was not a no.

    Raises:
        Failure: it was not.
    """
    channel = KeptChannel(access, context, pin)
    calls = Calls(channel, stall)
    status: MachineStatus | None = None
    try:
        async with asyncio.timeout(patience):
            await channel.open()
            try:
                answer = await answer_to(calls.get(MACHINE_STATUS))
            except CALL_FAILURES as error:
                if not is_answer(error):
                    raise
            else:
                with contextlib.suppress(*BROKEN):
                    status = machine_status(answer)
    except (*CALL_FAILURES, tls.WrongKey) as error:
        channel.close()
        raise await heard_out(access, context, Failure(error, channel), patience) from error
    except BaseException:
        channel.close()
        raise
    return channel, calls, status


def _asked(access: Access, mode: Mode, roles: tuple[str, ...], channel: KeptChannel) -> Asked:
    fingerprint = "" if channel.shown is None else channel.shown.fingerprint
    verified = mode is Mode.CONFIGURED or access.fingerprint is not None
    return Asked(access.place, mode, roles, fingerprint, verified)


def _unusable(context: str, file: str, error: Exception) -> Trouble:
    return Trouble(
        Kind.CLIENT_UNUSABLE,
        f"the context {context!r} of {file} cannot be used: {error}",
        "take a talosconfig as it was made, `ca`, `crt` and `key` together",
        "the talosconfig cannot be used",
    )
