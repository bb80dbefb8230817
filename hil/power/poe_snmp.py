"""Integers of a network device, read and written by SNMP version 2c (RFC 1901, RFC 3416). Knows no MIB.

Messages are made and read by pysnmp's codec; they go through a UDP socket of ours, so that each question ends with its
deadline and an answer counts only where it comes from whom was asked.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Final, TypeAlias

from hil.clock import Deadline
from hil.config.model import HostPort
from hil.errors import InfrastructureError
from hil.power.exchange import persistently
from hil.power.places import places
from hil.power.port import PortAbsent, PortGarbled, PortRefused, PortSilent

Oid: TypeAlias = str
"""An object identifier, as "1.3.6.1"."""

ANSWER_WITHIN: Final = 2.0
"""Seconds that one try waits: a switch's small processor answers in some 10 ms, and late when it is busy."""

_DATAGRAM_MAX: Final = 65535
_NOT_THERE: Final = "see whether it is in the network, whether its SNMP is enabled, and the rig file's `at:`"


@dataclass(frozen=True, slots=True)
class Agent:
    """A device that is asked by SNMP. Keeps nothing open.

    Args:
        at: where it listens.
        what: what a person calls it, for messages.
        community: what lets us read and write; it goes over the wire as it is.
    """

    at: HostPort
    what: str
    community: str = field(repr=False)

    def get(self, oids: Sequence[Oid], *, deadline: Deadline) -> list[int | None]:
        """The value of each object, None where the agent does not have it; asked three times at most.

        Raises:
            PortAbsent: nobody listens there.
            PortSilent: no answer. A wrong community gets none either (RFC 1157, section 4.1).
            PortGarbled: an answer that is no SNMP, or not to what was asked.
            PortRefused: an error status (RFC 3416, section 3).
            InfrastructureError: pysnmp is not installed.
        """
        return self._persistently(dict.fromkeys(oids), deadline)

    def set(self, oid: Oid, value: int, *, deadline: Deadline) -> None:
        """Give an object a value; asked three times at most. Errors as in `get`."""
        [now] = self._persistently({oid: value}, deadline)
        if now != value:
            raise PortGarbled(
                f"{self.what}: it was told {value} for {oid}, and answers {now}", hint="ask it by hand, with snmpset"
            )

    def _persistently(self, asked: dict[Oid, int | None], deadline: Deadline) -> list[int | None]:
        number, message = question(self.community, asked)
        # The same message each time, so that the answer to an earlier one counts where it comes late.
        with self._connected(deadline) as line:

            def ask() -> list[int | None]:
                return self._ask(line, message, number, tuple(asked), deadline.sooner(ANSWER_WITHIN))

            return persistently(ask, deadline=deadline)

    def _ask(
        self, line: socket.socket, message: bytes, number: int, oids: Sequence[Oid], deadline: Deadline
    ) -> list[int | None]:
        try:
            line.send(message)
            while True:
                # 0 would make it not wait at all.
                line.settimeout(max(deadline.remaining() or 0.0, 0.001))
                found = answer(self.what, line.recv(_DATAGRAM_MAX), number, oids)
                if found is not None:
                    return found
        except TimeoutError:
            raise PortSilent(
                f"{self.what}: no answer by SNMP within {deadline}",
                hint="see whether the community is right: a wrong one gets no answer either",
            ) from None
        except OSError as error:
            raise PortAbsent(f"{self.what}: nobody listens at {self.at}: {error.strerror}", hint=_NOT_THERE) from None

    def _connected(self, deadline: Deadline) -> socket.socket:
        place = places(self.at, socket.SOCK_DGRAM, self.what, deadline=deadline)[0]
        line = socket.socket(place.family, socket.SOCK_DGRAM, place.protocol)
        try:
            line.connect(place.address)
        except OSError as error:
            line.close()
            raise PortAbsent(f"{self.what}: no way to {self.at}: {error.strerror}", hint=_NOT_THERE) from None
        return line


def question(community: str, asked: dict[Oid, int | None]) -> tuple[int, bytes]:
    """A message that asks for objects, or sets them, and the number that its answer will have.

    Args:
        community: as the agent knows it.
        asked: the value that each object is to have; all None to ask for them.

    Raises:
        InfrastructureError: pysnmp is not installed.
    """
    v2c = _v2c()
    from pyasn1.codec.ber import encoder

    reading = all(value is None for value in asked.values())
    pdu = v2c.GetRequestPDU() if reading else v2c.SetRequestPDU()
    v2c.apiPDU.set_defaults(pdu)
    v2c.apiPDU.set_varbinds(
        pdu, [(oid, v2c.Null("") if value is None else v2c.Integer(value)) for oid, value in asked.items()]
    )
    message = v2c.Message()
    v2c.apiMessage.set_defaults(message)
    v2c.apiMessage.set_community(message, community)
    v2c.apiMessage.set_pdu(message, pdu)
    return int(v2c.apiPDU.get_request_id(pdu)), bytes(encoder.encode(message))


def answer(what: str, datagram: bytes, number: int, oids: Sequence[Oid]) -> list[int | None] | None:
    """The values in an answer; None where it is an answer to another question, as to one that was given up.

    Args:
        what: who sent it, for messages.
        datagram: what was received.
        number: that of the question.
        oids: what was asked for.

    Raises:
        PortGarbled, PortRefused: as in `Agent.get`.
    """
    v2c = _v2c()
    from pyasn1.codec.ber import decoder
    from pyasn1.error import PyAsn1Error

    try:
        message, _ = decoder.decode(datagram, asn1Spec=v2c.Message())
        pdu = v2c.apiMessage.get_pdu(message)
        if not isinstance(pdu, v2c.ResponsePDU):
            raise _garbled(what, "no response in it")
        if int(v2c.apiPDU.get_request_id(pdu)) != number:
            return None
        status = v2c.apiPDU.get_error_status(pdu)
        pairs = [(str(oid), value) for oid, value in v2c.apiPDU.get_varbinds(pdu)]
    # pyasn1 0.6 asks its stream for as many bytes as a length says, also for over 2^63, and stumbles over a sequence
    # of more parts than there are places for.
    except (PyAsn1Error, OverflowError, IndexError):
        raise _garbled(what, f"{len(datagram)} bytes that are no SNMP") from None
    if status:
        raise PortRefused(
            f"{what}: it refuses: {status.prettyPrint()}",
            hint="see whether the community may write, and whether the rig file's `group:` and `port:` are there",
        )
    if [oid for oid, _ in pairs] != list(oids):
        raise _garbled(what, "objects that were not asked for")
    return [_integer(what, oid, value) for oid, value in pairs]


def _integer(what: str, oid: Oid, value: object) -> int | None:
    v2c = _v2c()
    if isinstance(value, v2c.NoSuchObject | v2c.NoSuchInstance):
        return None
    if not isinstance(value, v2c.Integer):
        raise _garbled(what, f"no integer for {oid}")
    return int(value)


def _garbled(what: str, had: str) -> PortGarbled:
    return PortGarbled(
        f"{what}: its answer by SNMP is none: it has {had}", hint="ask it by hand, with snmpget, and compare"
    )


def _v2c() -> ModuleType:
    try:
        from pysnmp.proto.api import v2c
    except ImportError as error:
        raise InfrastructureError(
            "a PoE switch is asked by SNMP, and the package pysnmp is not installed", hint="pip install 'hil[bench]'"
        ) from error
    found: ModuleType = v2c
    return found
