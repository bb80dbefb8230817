"""A board's port: whom it answers, whom it hears, whom it finds."""

from __future__ import annotations

import pytest
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet
from support.rom_wire import EVERYBODY, MAC, ROUTER_MAC, SERVER_MAC, Wire, run_in_its_time, seconds, udp

from hil.sim.rom.pace import Pace
from hil.sim.rom.port import BCM2711, BCM2837, BCM2837B0, Address, Habits, Port, Unreachable

OWN = Address("10.0.2.11", "255.255.255.0", "10.0.2.1")
SERVER = "10.0.2.100"
AWAY = "192.0.2.7"


def question(to: str = OWN.ip) -> Packet:
    asked = ARP(op=1, hwsrc=SERVER_MAC, psrc=SERVER, pdst=to)
    return Ether(src=SERVER_MAC, dst=EVERYBODY) / asked


async def answered(habits: Habits, address: Address | None, *, transferring: bool) -> list[str]:
    wire = Wire()
    async with Port(wire, MAC, Pace(0), habits) as port:
        port.address, port.transferring = address, transferring
        wire.say(question())
        wire.say(question("10.0.2.12"))
        async with port.bound(68) as socket:
            await socket.recv(port.pace.patience(1.0))
    return [packet[ARP].hwsrc for _, packet in wire.said if packet[ARP].pdst == SERVER]


@pytest.mark.parametrize(
    ("habits", "address", "transferring", "answers"),
    [
        (BCM2711, OWN, True, [MAC]),
        (BCM2837, OWN, False, [MAC]),
        (BCM2837, OWN, True, []),
        (BCM2837B0, OWN, True, [MAC]),
        (BCM2711, None, False, []),
    ],
)
def test_who_asks_for_its_address_is_answered(
    habits: Habits, address: Address | None, transferring: bool, answers: list[str]
) -> None:
    assert run_in_its_time(answered(habits, address, transferring=transferring)) == answers


def test_what_is_for_others_is_not_heard() -> None:
    async def heard() -> list[bytes]:
        wire = Wire()
        async with Port(wire, MAC, Pace(0)) as port, port.bound(4000) as socket:
            wire.say(udp(SERVER, 69, OWN.ip, 4000, b"before it has an address, any"))
            assert await socket.recv(port.pace.patience(1.0)) is not None
            port.address = OWN
            other = udp(SERVER, 69, OWN.ip, 4000, b"another board's frame")
            other.dst = "dc:a6:32:00:00:01"
            wire.say(other)
            wire.say(udp(SERVER, 69, "10.0.2.12", 4000, b"another address"))
            wire.say(udp(SERVER, 69, OWN.ip, 4001, b"another port"))
            wire.say(udp(SERVER, 69, OWN.ip, 4000, b"ours"))
            wire.say(udp(SERVER, 69, "255.255.255.255", 4000, b"everybody's"))
            got = []
            while (datagram := await socket.recv(port.pace.patience(1.0))) is not None:
                assert (datagram.mac, datagram.source, datagram.port) == (SERVER_MAC, SERVER, 69)
                got.append(datagram.data)
            return got

    assert run_in_its_time(heard()) == [b"ours", b"everybody's"]


async def found(habits: Habits, address: Address, ip: str) -> tuple[str, int, float]:
    wire = Wire(neighbours={SERVER: SERVER_MAC, "10.0.2.1": ROUTER_MAC})
    async with Port(wire, MAC, Pace(1), habits) as port:
        port.address = address
        try:
            await port.resolve(ip)
            return await port.resolve(ip), len(wire.said), seconds()
        except Unreachable as error:
            return str(error), len(wire.said), seconds()


def test_a_server_is_asked_for_once_and_a_far_one_is_behind_the_gateway() -> None:
    assert run_in_its_time(found(BCM2711, OWN, SERVER)) == (SERVER_MAC, 1, 0.0)
    assert run_in_its_time(found(BCM2711, OWN, AWAY)) == (ROUTER_MAC, 1, 0.0)
    alone = Address(OWN.ip, OWN.netmask)
    assert run_in_its_time(found(BCM2711, alone, AWAY))[0] == (
        "192.0.2.7 is beyond 10.0.2.11 255.255.255.0, and there is no gateway"
    )


def test_who_does_not_answer_is_given_up() -> None:
    assert run_in_its_time(found(BCM2711, OWN, "10.0.2.99")) == ("nobody answers ARP for 10.0.2.99", 4, 4.0)
    # boot-net.adoc: the ROM of a Raspberry Pi 3 looks for a server of another network on its own.
    assert run_in_its_time(found(BCM2837, OWN, AWAY))[0] == "nobody answers ARP for 192.0.2.7"
