"""What goes wrong on a Raspberry Pi's way to its firmware, as a table: what to look at, and when that is final.

Each row is the bench's fault: none of it is the image's, which has not begun. The rows look at what is known, and
stand in the order in which they explain: the first that holds is the reason. Source of the times: raspberrypi/
documentation, eeprom-bootloader.adoc (DHCP_TIMEOUT 45 s, TFTP_FILE_TIMEOUT 30 s).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hil.netboot.rpi import dhcp_trouble, file_trouble, start_trouble
from hil.netboot.rpi.known import Known
from hil.timeline.trouble import Trouble

_AT_ONCE: Final = 0.0
_DHCP: Final = 48.0
_FILE: Final = 33.0
# A board that tries its card, a disk and USB first asks on the wire after a minute at most (three seconds and more for
# each: the logs of raspberrypi/rpi-eeprom issues 687 and 144).
_SIGN_OF_LIFE: Final = 90.0
_TRIES: Final = 2
# DHCP_REQ_TIMEOUT is 4 s, so it asks eleven times in 45 s.
_ASKS: Final = 22


@dataclass(frozen=True, slots=True)
class Death:
    """One way to get stuck.

    Args:
        look: says what is the matter, or None.
        quiet: s for which nothing may have been said, on UART and wire, until it is final; infinite for what is only
            an explanation when time is up anyway.
        tries: whether it is final too when the bootloader has tried the network in vain for the second time, or,
            where its UART does not tell, has asked for an address as often as it does in two tries.
    """

    look: Callable[[Known], Trouble | None]
    quiet: float
    tries: bool = False


DEATHS: Final[tuple[Death, ...]] = (
    Death(start_trouble.starts_again, _AT_ONCE),
    Death(start_trouble.boots_elsewhere, _AT_ONCE),
    Death(start_trouble.no_network_in_order, _AT_ONCE),
    Death(dhcp_trouble.other_mac, _AT_ONCE),
    Death(file_trouble.no_firmware, _AT_ONCE),
    Death(file_trouble.other_folder, _AT_ONCE),
    Death(file_trouble.no_armstub, _AT_ONCE),
    Death(dhcp_trouble.no_link, _DHCP, tries=True),
    Death(dhcp_trouble.router_answers, _DHCP, tries=True),
    Death(dhcp_trouble.no_option_43, _DHCP, tries=True),
    Death(dhcp_trouble.no_answer, _DHCP, tries=True),
    Death(dhcp_trouble.takes_no_offer, _DHCP, tries=True),
    Death(dhcp_trouble.another_server, _FILE, tries=True),
    Death(file_trouble.broken_off, _FILE, tries=True),
    Death(file_trouble.config_without_effect, _FILE),
    Death(file_trouble.firmware_without_network, _FILE),
    Death(file_trouble.nothing_comes, _FILE, tries=True),
    Death(start_trouble.nothing_runs, _SIGN_OF_LIFE),
    Death(start_trouble.mute_firmware, math.inf),
    Death(start_trouble.mute_bootloader, math.inf),
    Death(start_trouble.mute_kernel, math.inf),
)


def cause(known: Known, quiet: float) -> Trouble | None:
    """Why it does not get on; None while it may yet.

    Args:
        known: what is known of it.
        quiet: s since anything was said; infinite where its time is up.
    """
    said, asked = known.said, known.asked_for_address
    in_vain = (said.over and said.rounds >= _TRIES) or (not said.starts and asked >= _ASKS)
    for death in DEATHS:
        if quiet >= death.quiet or (death.tries and in_vain):
            trouble = death.look(known)
            if trouble is not None:
                return trouble
    return None
