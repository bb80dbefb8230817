"""The words for each thing that can go wrong in reaching Talos: what, where, by what that is known, what to do.

Pure: every fact is given. Which of them it is, `hil.readiness.talos.diagnosis` finds out.
"""

from __future__ import annotations

import errno
import socket
import ssl

from grpclib.exceptions import GRPCError, StreamTerminatedError

from hil.console.transcript import printable
from hil.readiness.talos import clocks
from hil.readiness.talos.access import Access
from hil.readiness.talos.certificate import Certificate, now
from hil.readiness.talos.channel import Step
from hil.readiness.talos.tls import WrongKey
from hil.readiness.talos.trouble import Kind, Trouble

_NO_ROUTE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})
# RFC 8446, 6.2; Go says "bad certificate" also of one that is not for clients, OpenSSL "unsupported".
_REFUSALS = ("UNKNOWN_CA", "BAD_CERTIFICATE", "UNSUPPORTED_CERTIFICATE", "CERTIFICATE_UNKNOWN", "DECRYPT_ERROR")
CERTIFICATE_REQUIRED = "CERTIFICATE_REQUIRED"
"""In OpenSSL's name for the alert of a server that wants a client certificate (RFC 8446, 6.2)."""

_WHAT_LISTENS = "see what listens there; Talos's API is on TCP port 50000 of the node"


class Words:
    """Words about one way to reach Talos.

    Args:
        access: that way.
    """

    def __init__(self, access: Access) -> None:
        self.place = access.place
        self._access = access

    @property
    def witnesses(self) -> tuple[Certificate, ...]:
        """The talosconfig's certificates, as far as they can be read."""
        credentials = self._access.talosconfig
        found = []
        for pem in () if credentials is None else (credentials.ca, credentials.crt):
            try:
                found.append(Certificate.from_pem(pem))
            except ValueError:
                continue
        return tuple(found)

    @property
    def _talosconfig(self) -> str:
        credentials = self._access.talosconfig
        return "no talosconfig" if credentials is None else f"context {credentials.name!r} of {credentials.file}"

    def ended(self, cause: BaseException) -> Trouble:
        """A connection on which Talos had answered is over."""
        if isinstance(cause, TimeoutError):
            return self.silent(Step.ASK)
        return Trouble(
            Kind.LOST,
            f"{self.place} answered, and then the connection ended ({cause})",
            "read the node's console: it reboots, its network went away, or apid starts anew",
            "the connection was lost",
        )

    def no_connection(self, error: OSError | StreamTerminatedError, step: Step) -> Trouble:
        """TCP failed, or the connection broke."""
        if isinstance(error, socket.gaierror):
            return Trouble(
                Kind.NO_NAME,
                f"{self.place}: this host cannot resolve the name ({error.strerror})",
                "give the node's address, or mend the name",
                "the name cannot be resolved",
            )
        if isinstance(error, ConnectionRefusedError):
            return Trouble(
                Kind.REFUSED,
                f"{self.place} refuses the connection: nothing listens there, or not yet",
                f"wait for its boot, or {_WHAT_LISTENS}",
                "connection refused",
            )
        if isinstance(error, OSError) and error.errno in _NO_ROUTE:
            return Trouble(
                Kind.NO_ROUTE,
                f"there is no route to {self.place} ({error.strerror})",
                "see whether the node is on, its cable, and this host's routes",
                "no route to it",
            )
        during = {Step.CONNECT: "TCP", Step.TLS: "the TLS handshake", Step.ASK: "the first question"}[step]
        why = getattr(error, "strerror", None) or str(error)
        return Trouble(
            Kind.LOST,
            f"{self.place} ended the connection during {during}" + (f" ({why})" if why else ""),
            f"a machine that boots does this for a while; else {_WHAT_LISTENS}",
            f"the connection ended during {during}",
        )

    def silent(self, step: Step) -> Trouble:
        """Nothing came in time."""
        if step is Step.CONNECT:
            return Trouble(
                Kind.NO_ANSWER,
                f"{self.place} does not answer: no packet came back",
                "see whether the node is on and its address is right, and whether a firewall drops packets",
                "no answer",
            )
        if step is Step.TLS:
            return Trouble(
                Kind.SILENT,
                f"{self.place} takes the connection and then says nothing: a forwarded port does so while nothing"
                " listens behind it, and so does a node that hangs",
                "read the node's console for how far its boot came",
                "takes the connection and says nothing",
            )
        return Trouble(
            Kind.STALLED,
            f"{self.place} speaks TLS, but Talos behind it does not answer a question",
            "read the node's console: apid answers for machined, which may hang or be starting",
            "does not answer questions",
        )

    def not_tls(self, said: bytes) -> Trouble:
        """What listens does not speak TLS."""
        shown = f": it says {_quoted(said)}" if said else ""
        return Trouble(
            Kind.NOT_TLS,
            f"{self.place} does not speak TLS, so it is not Talos's API{shown}",
            _WHAT_LISTENS,
            "does not speak TLS",
        )

    def old_tls(self, speaks_older: bool, error: ssl.SSLError) -> Trouble:
        """No version of TLS in common."""
        what = (
            "speaks TLS 1.2 and not 1.3" if speaks_older else f"takes no version of TLS from 1.2 on ({error.reason})"
        )
        return Trouble(
            Kind.OLD_TLS,
            f"{self.place} {what}; Talos's API speaks TLS 1.3, and hil takes nothing less",
            "look for a proxy in between that opens TLS; it must pass the connection through as it is",
            what,
        )

    def tls_refused(self, error: ssl.SSLError, shown: Certificate | None) -> Trouble:
        """The other side ended TLS with an alert (RFC 8446, 6.2)."""
        reason = error.reason or str(error)
        if CERTIFICATE_REQUIRED in reason:
            return self.certificate_required()
        if "CERTIFICATE_EXPIRED" in reason and self._access.talosconfig is not None:
            return clocks.client_dates(self.place, now(), self.witnesses[-1], shown)
        if "APPLICATION_PROTOCOL" in reason:
            return self.not_http2(b"")
        if any(name in reason for name in _REFUSALS):
            return Trouble(
                Kind.CLIENT_REFUSED,
                f"{self.place} refuses the client certificate of {self._talosconfig} ({reason}): the CA that signed it"
                " is not the node's, or it is not for client use",
                "take the talosconfig of this node's cluster",
                "the client certificate is refused",
            )
        return Trouble(
            Kind.LOST,
            f"{self.place} ended TLS: {reason}",
            _WHAT_LISTENS,
            f"TLS ended: {reason}",
        )

    def certificate_required(self) -> Trouble:
        """A node that has its configuration was asked as one asks in maintenance mode."""
        return Trouble(
            Kind.CLIENT_NEEDED,
            f"{self.place} requires a client certificate: the node has its machine configuration, and was asked"
            " without a talosconfig, as one asks a node in maintenance mode",
            "give the talosconfig of its cluster",
            "a client certificate is required",
        )

    def other_cluster(self, shown: Certificate | None) -> Trouble:
        """The node's certificate is by a CA that the talosconfig does not know."""
        whose = (
            ""
            if shown is None
            else f" (it is signed by {shown.issuer}, for {', '.join(shown.names) or shown.subject})"
        )
        return Trouble(
            Kind.OTHER_CLUSTER,
            f"the certificate of {self.place} is not signed by the CA of {self._talosconfig}{whose}: that talosconfig"
            " is of another cluster, or of an earlier making of this one",
            "take the talosconfig that was made together with this node's machine configuration",
            "its certificate is by another CA than the talosconfig's",
        )

    def in_maintenance(self, stage: str) -> Trouble:
        """A node in maintenance mode was asked with a talosconfig."""
        sure = (
            "" if self._access.fingerprint is not None else "; its identity is unverified, as no fingerprint was given"
        )
        return Trouble(
            Kind.MAINTENANCE,
            f"{self.place} is in maintenance mode: it answers without a client certificate, and says {stage}, so it"
            f" has no machine configuration, and the talosconfig ({self._talosconfig}) does not open it yet{sure}",
            "see on its console why it got no configuration, or give it one (apply_config)",
            "in maintenance mode, so the talosconfig does not open it",
        )

    def other_key(self, error: WrongKey) -> Trouble:
        """A node in maintenance mode with another key than the pinned one."""
        return Trouble(
            Kind.OTHER_KEY,
            f"{self.place} shows the key {error.shown}, and not {error.expected}: another machine answers there, or it"
            " has booted again since its console showed that fingerprint",
            "read the fingerprint on the console of this boot (`server certificate issued`)",
            "another key than the pinned one",
        )

    def other_name(self, shown: Certificate | None) -> Trouble:
        """The node's certificate names other addresses than the one that was asked."""
        names = "" if shown is None else f": it is for {', '.join(shown.names) or shown.subject}"
        return Trouble(
            Kind.OTHER_NAME,
            f"the certificate of {self.place} is of the right CA but not for that address{names}",
            "ask an address that it names, or add this one to machine.certSANs of its configuration",
            "its certificate is for other addresses",
        )

    def bad_certificate(self, why: str) -> Trouble:
        """OpenSSL refuses the node's certificate for yet another reason."""
        return Trouble(
            Kind.OTHER_CLUSTER,
            f"the certificate of {self.place} does not hold against the CA of {self._talosconfig}: {why}",
            "take the talosconfig of this node's cluster",
            f"its certificate does not hold: {why}",
        )

    def not_http2(self, said: bytes) -> Trouble:
        """TLS, but something else inside."""
        shown = f": it says {_quoted(said)}" if said else ""
        return Trouble(
            Kind.NOT_HTTP2,
            f"{self.place} speaks TLS but not HTTP/2, so it is not Talos's API{shown}",
            _WHAT_LISTENS,
            "does not speak HTTP/2",
        )

    def no_talos(self, error: GRPCError) -> Trouble:
        """HTTP/2, but no gRPC."""
        return Trouble(
            Kind.NOT_GRPC,
            f"{self.place} speaks HTTP/2 but not gRPC ({error.message}), so it is not Talos's API",
            _WHAT_LISTENS,
            "does not speak gRPC",
        )

    def garbage(self, error: Exception) -> Trouble:
        """An answer that cannot be read."""
        return Trouble(
            Kind.GARBAGE,
            f"{self.place} answers with what is no message of Talos ({type(error).__name__}: {error})",
            _WHAT_LISTENS,
            "answers with garbage",
        )


def _quoted(data: bytes) -> str:
    """The first words of a stranger, safe to show."""
    return repr(printable(data.split(b"\n")[0]))
