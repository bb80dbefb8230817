"""What a bootloader's port asks a server for, and what it forgets."""

from __future__ import annotations

import pytest
from scapy.layers.inet import UDP
from support.rom_network import settings
from support.rom_wire import MAC, ROUTER_MAC, SERVER_MAC, Wire, run_in_its_time

from hil.sim.rom.eeprom import Static
from hil.sim.rom.network import PortNetwork, block_size
from hil.sim.rom.pace import Pace
from hil.sim.rom.port import Port
from hil.sim.rom.tftp import NoAnswer

SERVER = "10.0.2.100"
OWN = Static("10.0.2.11", "255.255.255.0", None)


@pytest.mark.parametrize(
    ("own", "options"),
    [
        ({"release": "2021"}, b"tsize\x000\0blksize\x001024\0"),
        ({"release": "2024"}, b"tsize\x000\0blksize\x001468\0"),
        ({"model": "cm3"}, b"tsize\x000\0"),
    ],
)
def test_a_probe_and_a_file_have_the_options_of_their_year(own: dict[str, object], options: bytes) -> None:
    wire = Wire(neighbours={SERVER: SERVER_MAC})

    async def play() -> None:
        async with Port(wire, MAC, Pace(0)) as port:
            network = PortNetwork(port, block_size(settings(**own)))
            network.take(OWN)
            server = await network.server(SERVER, within=5.0)
            for ask in (server.probe, server.get):
                with pytest.raises(NoAnswer):
                    await ask("config.txt")

    run_in_its_time(play())
    asked = {bytes(packet[UDP].payload) for _, packet in wire.said if UDP in packet}
    assert asked == {b"\0\1config.txt\0octet\0" + options}


def test_whose_mac_an_address_had_is_forgotten_at_the_next_try() -> None:
    neighbours = {SERVER: ROUTER_MAC}

    async def play() -> list[str]:
        async with Port(Wire(neighbours=neighbours), MAC, Pace(1)) as port:
            network = PortNetwork(port, 1024)
            found = []
            for mac in (ROUTER_MAC, SERVER_MAC):
                neighbours[SERVER] = mac
                network.take(OWN)
                found.append((await network.server(SERVER, within=5.0)).mac)
            return found

    assert run_in_its_time(play()) == [ROUTER_MAC, SERVER_MAC]
