"""How the files of a capture are called in a boot's folder. Reads none of them."""

from __future__ import annotations

from typing import Final

PACKETS: Final = "packets.pcapng"
INDEX: Final = "packets.idx"
NOTE: Final = "packets.note"
SOURCE: Final = "packets"
"""The source of marks that are made of them."""
