"""Why Talos on a node was not reached: from what a connection came to, and where that leaves a doubt, a second look.

A second look is one more connection that tells nothing to Talos. The words are in `hil.readiness.talos.words` and, for
the clocks, in `hil.readiness.talos.clocks`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl

from grpclib.exceptions import GRPCError, StreamTerminatedError
from h2.exceptions import H2Error
from hyperframe.exceptions import HyperframeError

from hil.readiness.talos import clocks, tls
from hil.readiness.talos.access import Access
from hil.readiness.talos.calls import Calls
from hil.readiness.talos.certificate import Certificate, now
from hil.readiness.talos.channel import CALL_FAILURES, KeptChannel, Step, answer_to
from hil.readiness.talos.http2 import NotHttp2
from hil.readiness.talos.reading import is_late
from hil.readiness.talos.resources import MACHINE_STATUS
from hil.readiness.talos.trouble import Trouble
from hil.readiness.talos.words import CERTIFICATE_REQUIRED, Words

# OpenSSL 3, include/openssl/x509_vfy.h: X509_V_ERR_*.
_NOT_YET_VALID, _EXPIRED = 9, 10
_STRANGERS = frozenset({7, 18, 19, 20, 21})  # bad signature, self-signed, no local issuer, unverifiable
_OTHER_NAMES = frozenset({62, 64})  # host name, address
_FIRST_WORDS = 64
_VERSIONS = ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW")
_NO_TLS = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "RECORD_LAYER_FAILURE",
    "PACKET_LENGTH_TOO_LONG",
    "UNEXPECTED_MESSAGE",
    "DECODE_ERROR",
    "RECORD_TOO_SMALL",
    "BAD_RECORD_TYPE",
)


class Failure(Exception):
    """A connection on which Talos did not answer.

    Args:
        error: what was raised.
        channel: on which; it is closed.
    """

    def __init__(self, error: Exception, channel: KeptChannel) -> None:
        super().__init__(str(error))
        self.step = channel.step
        self.error = channel.end if isinstance(channel.end, Exception) else error
        self.first = channel.first
        self.shown = channel.shown


class Running(Exception):
    """It answers without a client certificate, and says that it is running."""


def is_misnamed(error: BaseException) -> bool:
    """Whether the certificate is for other addresses; OpenSSL may say so before it looks at who signed it."""
    return isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in _OTHER_NAMES


def is_stranger(error: BaseException) -> bool:
    """Whether the other side's certificate is not signed by the talosconfig's CA."""
    return isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in _STRANGERS


async def diagnose(access: Access, failure: Failure, patience: float) -> Trouble:
    """Why a connection failed.

    Args:
        access: what was tried.
        failure: what it came to.
        patience: seconds for a second look.
    """
    words = Words(access)
    error = failure.error
    if isinstance(error, tls.WrongKey):
        wants = await _wants_certificate(access, patience)
        return words.certificate_required() if wants else words.other_key(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(words, error, await _certificate(access, patience))
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        if any(name in reason for name in _VERSIONS):
            return words.old_tls(await _speaks_older(access, patience), error)
        if failure.step is Step.TLS and any(name in reason for name in _NO_TLS):
            return words.not_tls(await _first_words(access, patience))
        return words.tls_refused(error, failure.shown)
    if is_late(error):
        return words.silent(failure.step)
    if isinstance(error, GRPCError):
        return words.no_talos(error)
    if isinstance(error, NotHttp2 | H2Error | HyperframeError):
        return words.not_http2(failure.first)
    if isinstance(error, OSError | StreamTerminatedError):
        return words.no_connection(error, failure.step)
    return words.garbage(error)


async def diagnose_stranger(access: Access, unasked: Failure, patience: float) -> Trouble:
    """Why a node is not reached whose certificate the talosconfig's CA has not signed.

    Args:
        access: what was tried.
        unasked: what a connection without a client certificate came to.
        patience: seconds for a second look.
    """
    error = unasked.error
    wants = isinstance(error, ssl.SSLError) and CERTIFICATE_REQUIRED in (error.reason or "")
    if isinstance(error, tls.WrongKey):
        wants = await _wants_certificate(access, patience)
    if wants or isinstance(error, Running):
        return Words(access).other_cluster(unasked.shown)
    return await diagnose(access, unasked, patience)


async def heard_out(access: Access, context: ssl.SSLContext, failure: Failure, patience: float) -> Failure:
    """A failure with what the other side said at last, where the connection was cut before that was read.

    A server that refuses a client certificate sends an alert after the handshake and closes, which resets the
    connection when the first question is there unread (RFC 9293, 3.10.7.1). asyncio gives a connection up when it
    cannot write to it, and then leaves unread what came before the reset.

    Args:
        access: what was tried.
        context: how TLS was spoken.
        failure: what it came to.
        patience: seconds for a second look.
    """
    if failure.step is Step.ASK and isinstance(failure.error, ConnectionError):
        word = await _last_word(access, context, patience)
        if isinstance(word, ssl.SSLError):
            failure.error = word
    return failure


async def _wants_certificate(access: Access, patience: float) -> bool:
    """Whether the other side answers nobody without a client certificate, as a node that has its configuration."""
    word = await _last_word(access, tls.maintenance(), patience)
    return isinstance(word, ssl.SSLError) and CERTIFICATE_REQUIRED in (word.reason or "")


async def _last_word(access: Access, context: ssl.SSLContext, patience: float) -> BaseException | None:
    """Why a connection ends on which nothing is asked for a while; None when it does not, or nothing says why.

    An alert comes soon after the handshake; to write to the connection meanwhile could lose it.
    """
    channel = KeptChannel(access, context)
    with contextlib.closing(channel), contextlib.suppress(*CALL_FAILURES):
        async with asyncio.timeout(patience):
            await channel.open()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(channel.over.wait(), patience / 4)
            await answer_to(Calls(channel, patience).get(MACHINE_STATUS))
    return channel.end


def _of_certificate(words: Words, error: ssl.SSLCertVerificationError, shown: Certificate | None) -> Trouble:
    """The node's certificate was not accepted, for another reason than its CA."""
    if error.verify_code in (_NOT_YET_VALID, _EXPIRED) and shown is not None:
        return clocks.server_dates(words.place, now(), shown, words.witnesses)
    if is_misnamed(error):
        return words.other_name(shown)
    return words.bad_certificate(error.verify_message)


async def _certificate(access: Access, patience: float) -> Certificate | None:
    """What the other side shows to one who verifies nothing."""
    channel = KeptChannel(access, tls.maintenance())
    with contextlib.closing(channel), contextlib.suppress(*CALL_FAILURES):
        async with asyncio.timeout(patience):
            await channel.open()
    return channel.shown


async def _speaks_older(access: Access, patience: float) -> bool:
    """Whether the other side speaks TLS 1.2."""
    channel = KeptChannel(access, tls.version_1_2())
    with contextlib.closing(channel), contextlib.suppress(*CALL_FAILURES):
        async with asyncio.timeout(patience):
            await channel.open()
    return channel.shown is not None


async def _first_words(access: Access, patience: float) -> bytes:
    """What the other side says to the beginning of a TLS connection."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.maintenance().wrap_bio(incoming, outgoing).do_handshake()
    said = b""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection(access.host, access.port)
            try:
                writer.write(outgoing.read())
                said = await reader.read(_FIRST_WORDS)
            finally:
                writer.close()
    return said
