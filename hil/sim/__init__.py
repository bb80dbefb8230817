"""The bench twin: relays, plugs, meters and boards that speak the real devices' bytes, for whoever has none of them.

What it does is documented or measured of real devices; its figures are simulated, and say so wherever they go. Drivers
know nothing of it: they meet device files and addresses.
"""

from typing import Final

SIMULATED: Final = "bench twin: simulated relay, meter, board"
"""What every record says that a twin had a part in."""
