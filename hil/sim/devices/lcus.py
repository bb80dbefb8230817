"""A USB relay board LCUS-1, -2, -4, -8: four bytes switch, one asks. It has no acknowledgement and no sum in its text.

Frames: the seller's protocol text, as shops print it with the LCUS-1 ("A0 01 01 A2" on, "A0 01 00 A1" off; the fourth
byte is the sum of the three others). The status text, "CH1:OFF \\r\\n" for each channel after FF, is of owners'
reports, some of which have "CH1: OFF\\r\\n": protocol unconfirmed. Many one-channel boards never answer (option
`status`: false). What a controller does with a frame whose sum is wrong is documented nowhere; this one does nothing.
"""

from __future__ import annotations

from typing import Final

from hil.sim.devices.firmware import Answer, Firmware
from hil.sim.devices.serial_device import SerialDevice
from hil.sim.plan import DevicePlan

_BAUD: Final = 9600
_START: Final = 0xA0
_ASK: Final = 0xFF
_FRAME: Final = 4
_SIZES: Final = (1, 2, 4, 8)


class Lcus:
    """The board's controller.

    Args:
        firmware: its contacts, from 1 on.
        tells: whether it answers FF.
    """

    def __init__(self, firmware: Firmware, *, tells: bool) -> None:
        self._firmware = firmware
        self._tells = tells
        self._pending = bytearray()
        self.patience: float | None = None
        """It waits for the rest of a frame for ever."""

    def forget(self) -> None:
        """Forget the beginning of a frame."""
        self._pending.clear()

    def feed(self, data: bytes) -> list[Answer]:
        """Do each whole frame whose sum is right; skip whatever begins none."""
        self._pending += data
        answers: list[Answer] = []
        while self._pending:
            if self._pending[0] == _START:
                if len(self._pending) < _FRAME:
                    break
                self._frame()
                continue
            if self._pending.pop(0) == _ASK and self._tells and not self._firmware.deaf():
                answers.append(Answer(self._status()))
        return answers

    def _frame(self) -> None:
        start, channel, action, total = self._pending[:_FRAME]
        if (start + channel + action) & 0xFF != total:
            del self._pending[0]  # no frame begins here; one may begin behind it
            return
        del self._pending[:_FRAME]
        if channel in self._firmware.outlets and action in (0, 1) and not self._firmware.deaf(channel):
            self._firmware.switch(channel, action == 1)

    def _status(self) -> bytes:
        lines = (
            f"CH{channel}:{'ON' if self._firmware.state(channel) else 'OFF'} \r\n"
            for channel in self._firmware.outlets
        )
        return "".join(lines).encode()


def _garbled(text: bytes) -> bytes:
    return bytes(byte ^ 0x20 for byte in text)


def create(plan: DevicePlan) -> SerialDevice:
    """A board of the smallest size that has the option `channels`; `status`: whether it tells its state."""
    wanted = int(plan.options.get("channels") or 1)
    size = next((size for size in _SIZES if size >= wanted), wanted)
    firmware = Firmware(plan, range(1, size + 1))
    codec = Lcus(firmware, tells=plan.options.get("status") is not False)
    return SerialDevice(plan.name, firmware, codec, baud=_BAUD, spoil=_garbled)
