"""A relay that is a coil of a Modbus device, whichever way the device is reached. No kind: `modbus_rtu`, `modbus_tcp`.

pymodbus makes and reads the frames; what an answer means is decided here. Function codes 01 (Read Coils) and 05 (Write
Single Coil) alone (MODBUS Application Protocol Specification V1.1b3, 6.1 and 6.5).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.clock import Deadline
from hil.errors import InfrastructureError
from hil.power.exchange import persistently
from hil.power.port import PortGarbled, PortRefused, PortSilent, PowerState

if TYPE_CHECKING:
    from pymodbus.client.base import ModbusBaseSyncClient
    from pymodbus.pdu import ModbusPDU

# MODBUS Application Protocol Specification V1.1b3, section 7; what a person may do about it is in brackets.
_WORDS: Final = {
    1: "illegal function (it has no coils, or may not write them)",
    2: "illegal data address (it has no such coil: see `channel:`)",
    3: "illegal data value",
    4: "server device failure",
    10: "gateway path unavailable (see `address:`)",
    11: "gateway target device failed to respond (see `address:`, and whether the device has power)",
}
_NO_SUCH_COIL: Final = 2
_BUSY: Final = 6
_BLOCK: Final = 8
_NULL: Final = logging.NullHandler()

Trace = Callable[[bool, bytes], bytes]
Connect = Callable[[Trace, Deadline], AbstractContextManager["ModbusBaseSyncClient"]]
"""Opens a client for one try by the deadline, waiting for a shared line until then; an answer is waited for as
`one_try` says. What is sent and what comes it shows to its first argument. PortAbsent where nothing is there."""


@dataclass(frozen=True, slots=True)
class CoilPort:
    """The protocol PowerPort over one coil. Keeps nothing open.

    Args:
        name: what a person calls it.
        connect: opens a client that does not ask again by itself.
        address: of the device on its line or behind its gateway.
        coil: its address, from 0 on.
    """

    name: str
    connect: Connect
    address: int
    coil: int

    @property
    def reads_back(self) -> bool:
        """True: a coil can be read."""
        return True

    def switch(self, on: bool, *, deadline: Deadline) -> PowerState:
        """Write the coil, and again where the answer is lost or garbled: the same write twice does no harm.

        The device answers with what it was told (6.5), so a good answer says that it heard; whether the coil is so is
        for `read`.

        Raises:
            PortAbsent, PortSilent, PortGarbled: as they say.
            PortRefused: an exception code, in words.
        """
        persistently(lambda: self._write(on, deadline), deadline=deadline)
        return PowerState.UNKNOWN

    def read(self, *, deadline: Deadline) -> PowerState:
        """Eight coils, as makers' manuals show it; ours alone where the device has fewer than eight.

        Some boards do not answer where another number is asked for (LC Technology's, github.com/artisan-roaster-scope/
        artisan, discussion 634). A device that has refused eight is not asked for them again: an answer does not say
        which coils it is about (V1.1b3, 6.1), and one to the question for ours that came late would be taken for
        theirs. Errors as in `switch`.
        """
        on = persistently(lambda: self._eight(deadline), deadline=deadline)
        if on is None:
            on = persistently(lambda: self._alone(deadline), deadline=deadline)
        return PowerState.of(on)

    def close(self) -> None:
        """Nothing is open between exchanges."""

    def _write(self, on: bool, deadline: Deadline) -> None:
        answer = self._ask(lambda client: client.write_coil(self.coil, on, device_id=self.address), deadline)
        self._see_no_refusal(answer)
        if answer.address != self.coil or answer.bits[:1] != [on]:
            raise self._garbled(f"it answers that coil {answer.address} is now {answer.bits[:1]}")

    def _eight(self, deadline: Deadline) -> bool | None:
        """Ours among the eight that it is one of; None where the device says that it has not all of them."""
        place = self.coil % _BLOCK
        answer = self._ask(lambda client: self._coils(client, self.coil - place, _BLOCK), deadline)
        if answer.isError() and answer.exception_code == _NO_SUCH_COIL:
            return None
        return self._bit(answer, place)

    def _alone(self, deadline: Deadline) -> bool:
        return self._bit(self._ask(lambda client: self._coils(client, self.coil, 1), deadline), 0)

    def _bit(self, answer: ModbusPDU, place: int) -> bool:
        self._see_no_refusal(answer)
        if len(answer.bits) <= place:
            raise self._garbled("our coil is not in its answer")
        return bool(answer.bits[place])

    def _coils(self, client: ModbusBaseSyncClient, first: int, count: int) -> ModbusPDU:
        return client.read_coils(first, count=count, device_id=self.address)

    def _ask(self, question: Callable[[ModbusBaseSyncClient], ModbusPDU], deadline: Deadline) -> ModbusPDU:
        from pymodbus.exceptions import ModbusException

        came: list[bytes] = []

        def seen(sending: bool, packet: bytes) -> bytes:
            if not sending:
                came[:] = [packet]
            return packet

        with self.connect(seen, deadline) as client:
            try:
                return question(client)
            except ModbusException as error:
                if came:
                    raise self._garbled(f"{came[0].hex(' ')} is no frame for us with a right checksum") from error
                raise self._silent(deadline) from error

    def _see_no_refusal(self, answer: ModbusPDU) -> None:
        if answer.isError():
            raise self._refused(answer.exception_code)

    def _garbled(self, what: str) -> PortGarbled:
        return PortGarbled(
            f"{self.name} answers badly: {what}",
            hint="check `baud:` and `parity:`, that each address is used once, the line's ends and its two wires, and"
            " that no other program asks on it",
        )

    def _silent(self, deadline: Deadline) -> PortSilent:
        return PortSilent(
            f"{self.name} did not answer within {deadline}",
            hint="see that it has power, that `address:` is the one that it is set to, and the wires: A and B are"
            " often labelled the other way round",
        )

    def _refused(self, code: int) -> InfrastructureError:
        if code == _BUSY:
            return PortSilent(f"{self.name} says that it is busy", hint="see what else asks it, and how often")
        return PortRefused(
            f"{self.name} refuses: {_WORDS.get(code, 'an exception')} (exception code {code})",
            hint="look into the device's manual: not every relay board has its relays as coils",
        )


def need_pymodbus() -> None:
    """See that pymodbus is there, and that what it logs goes to nobody who did not ask for it.

    Raises:
        InfrastructureError: it is not installed.
    """
    try:
        import pymodbus
    except ImportError as error:
        raise InfrastructureError(
            f"Modbus needs the package pymodbus: {error}", hint="pip install 'hil[bench]'"
        ) from error
    logging.getLogger(pymodbus.__name__).addHandler(_NULL)
