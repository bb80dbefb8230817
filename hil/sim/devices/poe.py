"""A switch with power over Ethernet, by SNMP version 2c: the port table of RFC 3621, and the system's name and age.

GET, GETNEXT, GETBULK and SET, with the errors of RFC 3416 (4.2). Another community than the one that may write gets no
answer, as an agent gives none (RFC 3584, 5.2.1). All ports are off after power-up, unlike a real
switch's, whose configuration says what they are then.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from hil.sim.device import DevicePlace
from hil.sim.devices.firmware import Answer, Firmware
from hil.sim.devices.passwords import secret
from hil.sim.devices.snmp import (
    END_OF_VIEW,
    GET,
    GET_BULK,
    GET_NEXT,
    INTEGER,
    NO_INSTANCE,
    OCTETS,
    RESPONSE,
    SET,
    TICKS,
    BadMessage,
    Binding,
    Message,
    Oid,
    Value,
    decode,
    encode_integer,
)
from hil.sim.devices.udp_device import UdpDevice
from hil.sim.plan import DevicePlan

_VERSION_2C: Final = 1
# RFC 3418: sysDescr.0, sysUpTime.0.
_DESCRIPTION: Final = (1, 3, 6, 1, 2, 1, 1, 1, 0)
_UP_TIME: Final = (1, 3, 6, 1, 2, 1, 1, 3, 0)
# RFC 3621: pethPsePortEntry; its columns pethPsePortAdminEnable, ...DetectionStatus, ...PowerClassifications.
_PORTS: Final = (1, 3, 6, 1, 2, 1, 105, 1, 1, 1)
_ENABLE: Final = 3
_DETECTION: Final = 6
_CLASS: Final = 10
_TRUE, _FALSE = 1, 2
_DISABLED, _SEARCHING, _DELIVERING = 1, 2, 3
# The classes of IEEE 802.3af are one higher in the table: a board that draws up to 12.95 W is of class 3.
_CLASS_0, _CLASS_3 = 1, 4
_NOT_WRITABLE: Final = 17
_WRONG_TYPE: Final = 7
_WRONG_VALUE: Final = 10
_ROW: Final = 8
_MOST_REPEATED: Final = 32

_Answered: TypeAlias = tuple[int, int, tuple[Binding, ...]]
"""Error, its index, bindings."""


class PoeSwitch:
    """The agent.

    Args:
        firmware: its ports, from 1 on.
        community: that may do everything.
        group: of the ports, as the switch counts itself in a stack.
    """

    def __init__(self, firmware: Firmware, community: bytes, group: int) -> None:
        self._firmware = firmware
        self._community = community
        self._group = group
        self._place: DevicePlace | None = None
        self._objects = dict(sorted(self._all()))
        self._oids = list(self._objects)

    def begin(self, place: DevicePlace) -> None:
        """It is there."""
        self._place = place

    def answer(self, data: bytes) -> Answer | None:
        """Do what a datagram asks for; None says nothing."""
        try:
            message = decode(data)
        except BadMessage:
            return None
        if message.version != _VERSION_2C or message.community != self._community:
            return None
        handlers = {GET: self._get, GET_NEXT: self._get_next, GET_BULK: self._get_bulk, SET: self._set}
        handler = handlers.get(message.kind)
        channel = self._channel(message)
        if handler is None or self._firmware.deaf(channel):
            return None
        error, index, bindings = handler(message)
        answer = Message(_VERSION_2C, message.community, RESPONSE, message.request, error, index, bindings)
        return Answer(answer.encode(), channel)

    def _get(self, message: Message) -> _Answered:
        return 0, 0, tuple(Binding(binding.oid, self._value(binding.oid)) for binding in message.bindings)

    def _get_next(self, message: Message) -> _Answered:
        return 0, 0, tuple(self._after(binding.oid) for binding in message.bindings)

    def _get_bulk(self, message: Message) -> _Answered:
        once = max(0, message.error)
        found = [self._after(binding.oid) for binding in message.bindings[:once]]
        row = message.bindings[once:]
        for _ in range(min(message.index, _MOST_REPEATED)):
            row = tuple(self._after(binding.oid) for binding in row)
            found += row
        return 0, 0, tuple(found)

    def _set(self, message: Message) -> _Answered:
        """All or nothing."""
        for index, binding in enumerate(message.bindings, 1):
            error = self._why_not(binding)
            if error:
                return error, index, message.bindings
        for binding in message.bindings:
            self._firmware.switch(binding.oid[-1], binding.value[1][0] == _TRUE)
        return 0, 0, message.bindings

    def _after(self, oid: Oid) -> Binding:
        place = bisect_right(self._oids, oid)
        if place == len(self._oids):
            return Binding(oid, END_OF_VIEW)
        return Binding(self._oids[place], self._value(self._oids[place]))

    def _why_not(self, binding: Binding) -> int:
        """The error that a binding is refused with; 0 for none."""
        tag, content = binding.value
        if binding.oid not in self._objects or binding.oid[:-2] != (*_PORTS, _ENABLE):
            return _NOT_WRITABLE
        if tag != INTEGER or len(content) != 1:
            return _WRONG_TYPE
        return 0 if content[0] in (_TRUE, _FALSE) else _WRONG_VALUE

    def _value(self, oid: Oid) -> Value:
        value = self._objects.get(oid)
        return NO_INSTANCE if value is None else value()

    def _all(self) -> Iterator[tuple[Oid, Callable[[], Value]]]:
        yield _DESCRIPTION, lambda: (OCTETS, b"bench twin: a simulated switch with power over Ethernet")
        yield _UP_TIME, lambda: (TICKS, encode_integer(int(self._now() * 100)))
        for port in self._firmware.outlets:
            row = (self._group, port)
            yield (*_PORTS, _ENABLE, *row), self._of(port, self._enabled)
            yield (*_PORTS, _DETECTION, *row), self._of(port, self._detected)
            yield (*_PORTS, _CLASS, *row), self._of(port, self._class)

    def _of(self, port: int, column: Callable[[int], int]) -> Callable[[], Value]:
        return lambda: (INTEGER, encode_integer(column(port)))

    def _enabled(self, port: int) -> int:
        return _TRUE if self._firmware.state(port) else _FALSE

    def _detected(self, port: int) -> int:
        if not self._firmware.state(port):
            return _DISABLED
        return _DELIVERING if self._watts(port) else _SEARCHING

    def _class(self, port: int) -> int:
        return _CLASS_3 if self._detected(port) == _DELIVERING else _CLASS_0

    def _watts(self, port: int) -> float:
        return 0.0 if self._place is None else self._place.load(port).watts

    def _now(self) -> float:
        return 0.0 if self._place is None else self._place.clock()

    def _channel(self, message: Message) -> int | None:
        """The port of the first binding that names one."""
        for binding in message.bindings:
            if binding.oid[: len(_PORTS)] == _PORTS and binding.oid[-1] in self._firmware.outlets:
                return binding.oid[-1]
        return None


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def create(plan: DevicePlan) -> UdpDevice:
    """A switch of eight, sixteen, ... ports; options `channels` (the highest), `group`, `community_env`."""
    rows = (int(plan.options.get("channels") or 1) - 1) // _ROW + 1
    firmware = Firmware(plan, range(1, rows * _ROW + 1))
    community = secret(plan, "community") or "private"
    switch = PoeSwitch(firmware, community.encode(), int(plan.options.get("group") or 1))
    return UdpDevice(plan.name, firmware, switch.answer, spoil=_cut, begin=switch.begin)
