"""TLS around the one connection of `http_device`, for management boards whose certificate nobody has signed.

Such a certificate says nothing but itself, so what can be checked of it is its SHA-256 alone, where the rig has that.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.clock import Deadline
from hil.power.bounds import left
from hil.power.port import PortGarbled, PortRefused, PortSilent

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


@dataclass(frozen=True, slots=True)
class Tls:
    """How a device's TLS is spoken.

    Args:
        certificate: the SHA-256 of its certificate (DER), 64 hex digits; None takes any.
    """

    certificate: str | None = None

    def around(self, connection: socket.socket, what: str, deadline: Deadline) -> BoundedTls:
        """The connection with TLS around it; what was given is the caller's no more.

        Args:
            connection: made, and nothing said on it.
            what: the device, for messages.
            deadline: by when both have agreed.

        Raises:
            PortSilent, PortGarbled: it does not answer in time, or not in TLS 1.2 or later.
            PortRefused: its certificate is another one.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslsocket_class = BoundedTls
        try:
            connection.settimeout(left(deadline))
            made = context.wrap_socket(connection)
        except TimeoutError:
            connection.close()
            raise PortSilent(
                f"{what}: no TLS within {deadline}", hint="see whether it is overloaded, and try again"
            ) from None
        except OSError as error:
            connection.close()
            raise PortGarbled(
                f"{what}: it speaks no TLS: {getattr(error, 'reason', None) or error.strerror}",
                hint="see what is at that address and port, and whether its firmware is 2.0 or later",
            ) from None
        assert isinstance(made, BoundedTls), "the context makes no other"
        made.until = deadline
        found = hashlib.sha256(made.getpeercert(binary_form=True) or b"").hexdigest()
        if self.certificate is not None and not hmac.compare_digest(found, self.certificate):
            made.close()
            raise PortRefused(
                f"{what}: its certificate is not the rig file's: its SHA-256 is {found}",
                hint="a new firmware makes a new certificate; if that is so, write this one as `certificate:`",
            )
        return made


class BoundedTls(ssl.SSLSocket):
    """TLS of which each call lasts until one deadline at most, however slowly bytes drip in."""

    until: Deadline

    def recv_into(self, buffer: WriteableBuffer, nbytes: int | None = None, flags: int = 0) -> int:
        self.settimeout(left(self.until))
        return super().recv_into(buffer, nbytes, flags)

    def sendall(self, data: ReadableBuffer, flags: int = 0) -> None:
        self.settimeout(left(self.until))
        super().sendall(data, flags)
