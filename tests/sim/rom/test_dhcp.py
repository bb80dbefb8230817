"""The DHCP client: its bytes against documented ones, and whom of several servers it follows."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.packet import Packet
from support.examples import unless_quick
from support.rom_wire import MAC, ROUTER_MAC, SERVER_MAC, Wire, run_in_its_time, seconds, udp

from hil.sim.rom import dhcp, dhcp_message
from hil.sim.rom.dhcp import Lease, NoAnswer, NotForUs, Wish, ask, bcm2837, guid
from hil.sim.rom.dhcp_message import Identity, Message
from hil.sim.rom.pace import Pace
from hil.sim.rom.port import BCM2711, BCM2837, Port

SERIAL, REVISION = "10c2a4b7", 0xA03111
OURS, ROUTER, OFFERED = "10.0.2.100", "10.0.2.1", "10.0.2.11"
# What dnsmasq sends for `pxe-service=0,"Raspberry Pi Boot"` (raspberrypi/documentation, boot-net.adoc).
MENU = bytes.fromhex("060103 0a0400505845 091400001152617370626572727920506920426f6f74 ff")
OTHER_MENU = MENU.replace(b"Raspberry Pi Boot", b"Some other boots.")
TOOL = Wish(guid(MAC, SERIAL, REVISION), transaction=0x0263D70C)
Server = Callable[[Packet], Iterable[Packet]]

# rpi-eeprom issue 58, as dissected there: 53, 55, 93, 94, 97, 60, end.
BCM2711_OPTIONS = bytes.fromhex(
    "350101 370e01032b3c42438081828384858687 5d020000 5e03010201"
    "611100 52506934 1131a000 320136c2 b7a4c210"
    "3c20505845436c69656e743a417263683a30303030303a554e44493a303032303031 ff"
)
# raspberrypi/documentation, boot-net.adoc.
BCM2837_OPTIONS = bytes.fromhex(
    "350101 370c2b3c43808182838485868742 5d020000 5e03010201 611100" + "44" * 16
    + "3c20505845436c69656e743a417263683a30303030303a554e44493a303032303031 ff"
)  # fmt: skip


def says(
    kind: str, mac: str = SERVER_MAC, ip: str = OURS, yours: str = OFFERED, siaddr: str = "0.0.0.0", **more: object
) -> Server:
    """A server that says this to each message that it understands, whatever that is."""
    options = [("message-type", kind), ("server_id", ip), *more.items(), "end"]

    def answer(asked: Packet) -> list[Packet]:
        bootp = BOOTP(op=2, xid=asked[BOOTP].xid, chaddr=asked[BOOTP].chaddr, yiaddr=yours, siaddr=siaddr)
        return [udp(ip, 67, "255.255.255.255", 68, bytes(bootp / DHCP(options=options)), mac=mac)]

    return answer


def on(**by_kind: Iterable[Server]) -> Server:
    """Servers that answer to a DISCOVER, and those that do to a REQUEST."""

    def answer(asked: Packet) -> list[Packet]:
        kind = {1: "discover", 3: "request"}[dict(asked[DHCP].options[:1])["message-type"]]
        return [packet for server in by_kind.get(kind, ()) for packet in server(asked)]

    return answer


def ours(kind: str = "offer", **more: object) -> Server:
    options = {"vendor_class_id": b"PXEClient", "vendor_specific": MENU, "subnet_mask": "255.255.255.0", **more}
    return says(kind, **options)  # type: ignore[arg-type]  # options and fields by their names


def router(kind: str = "offer") -> Server:
    return says(kind, ROUTER_MAC, ROUTER, "10.0.2.77", subnet_mask="255.255.255.0", router=ROUTER)


def asked(
    answers: Server, wish: Wish = TOOL, speed: float = 1.0
) -> tuple[Lease | str, list[tuple[float, Packet]], float]:
    """What became of it, what was sent, and when it was over."""

    async def play() -> tuple[Lease | str, list[tuple[float, Packet]], float]:
        wire = Wire(answers)
        async with Port(wire, MAC, Pace(speed), BCM2711 if wish.requests else BCM2837) as port:
            try:
                lease: Lease | str = await ask(port, wish)
                assert port.address is not None
            except (NoAnswer, NotForUs) as error:
                lease = f"{type(error).__name__}: {error}"
        return lease, wire.said, seconds()

    return run_in_its_time(play())


def kinds(sent: list[tuple[float, Packet]]) -> list[int]:
    return [dict(packet[DHCP].options[:1])["message-type"] for _, packet in sent]


def test_a_discover_is_documented_byte_by_byte() -> None:
    _, sent, _ = asked(lambda _: ())
    _, packet = sent[0]
    message = bytes(packet[UDP].payload)
    # TechnitiumSoftware/DnsServer issue 183: a frame of 364 bytes, flags 0, seconds 0.
    assert len(packet) == 364
    assert (packet[IP].src, packet[IP].dst, packet[UDP].sport, packet[UDP].dport) == (
        "0.0.0.0", "255.255.255.255", 68, 67,
    )  # fmt: skip
    assert message[:28] == bytes.fromhex("01010600 0263d70c 0000 0000") + bytes(16)
    assert message[28:44] == bytes.fromhex(MAC.replace(":", "")) + bytes(10)
    assert message[44:236] == bytes(192)
    assert message[236:] == bytes.fromhex("63825363") + BCM2711_OPTIONS


def test_the_rom_of_a_raspberry_pi_3_has_its_own_order_and_never_another_transaction() -> None:
    _, sent, over = asked(lambda _: (), bcm2837())
    assert {bytes(packet[UDP].payload)[240:] for _, packet in sent} == {BCM2837_OPTIONS}
    # raspberrypi/firmware issue 862, the whole head of such a frame.
    assert bytes(sent[0][1])[12:54] == bytes.fromhex(
        "0800 4500 015c 0000 0000 8011 3992 00000000 ffffffff 0044 0043 0148 0000 01010600 26f30339 0000 0000"
    )
    assert [at for at, _ in sent] == [0.0, 5.0, 10.0, 15.0, 20.0]
    assert over == 25.0


def test_guids() -> None:
    # A dnsmasq log of a Raspberry Pi 4 with serial number 5b154510.
    assert (
        guid("dc:a6:32:2e:f8:ed", "5b154510", 0xA03111).hex(":") == "52:50:69:34:11:31:a0:00:32:2e:f8:ed:10:45:15:5b"
    )
    # raspberrypi/firmware issue 941: 245.150.134.141, four times.
    assert guid("b8:27:eb:86:96:f5", "8d8696f5", 0, prefix=0) == bytes([245, 150, 134, 141] * 4)


def test_an_offer_with_the_menu_is_taken_and_acknowledged() -> None:
    lease, sent, over = asked(on(discover=[ours()], request=[ours("ack", router=ROUTER)]))
    assert isinstance(lease, Lease)
    assert (lease.ip, lease.netmask, lease.gateway, lease.tftp) == (OFFERED, "255.255.255.0", ROUTER, OURS)
    assert (kinds(sent), over) == ([1, 3], 0.0)
    request = dict(option for option in sent[1][1][DHCP].options if isinstance(option, tuple))
    assert (request["requested_addr"], request["server_id"]) == (OFFERED, OURS)
    assert request["vendor_class_id"] == b"PXEClient:Arch:00000:UNDI:002001"
    assert sent[1][1][BOOTP].xid == TOOL.transaction


@pytest.mark.parametrize("first", ["router", "proxy"])
def test_an_address_of_one_and_the_menu_of_another_make_one_offer(first: str) -> None:
    proxy = ours(yours="0.0.0.0")
    servers = [router(), proxy] if first == "router" else [proxy, router()]
    lease, sent, over = asked(on(discover=servers, request=[router("ack")]))
    assert isinstance(lease, Lease)
    assert (lease.ip, lease.gateway, lease.tftp, over) == ("10.0.2.77", ROUTER, OURS, 0.0)
    assert dict(sent[1][1][DHCP].options[1:3])["server_id"] == ROUTER


def test_a_server_with_address_and_menu_is_waited_for() -> None:
    async def play() -> tuple[Lease, float, list[tuple[float, Packet]]]:
        def answers(packet: Packet) -> Iterable[Packet]:
            if kinds([(0, packet)]) == [1]:
                yield from router()(packet)
                wire.say_later(2.5, next(iter(ours()(packet))))
            else:
                yield from ours("ack")(packet)

        wire = Wire(answers)
        async with Port(wire, MAC, Pace(1)) as port:
            return await ask(port, TOOL), seconds(), wire.said

    lease, over, sent = run_in_its_time(play())
    assert (lease.ip, lease.tftp, over) == (OFFERED, OURS, 2.5)
    assert sent[1][1][DHCP].options[1:3] == [("requested_addr", OFFERED), ("server_id", OURS)]


def test_servers_without_the_menu_are_named_with_what_they_lack() -> None:
    proxy = ours(yours="0.0.0.0", vendor_specific=OTHER_MENU)
    said, sent, over = asked(on(discover=[router(), proxy]))
    assert said == (
        'NotForUs: 10.0.2.1 offered 10.0.2.77 without "Raspberry Pi Boot" in option 43; '
        '10.0.2.100 offered no address without "Raspberry Pi Boot" in option 43'
    )
    # eeprom-bootloader.adoc, DHCP_REQ_TIMEOUT and DHCP_TIMEOUT.
    assert [at for at, _ in sent] == [4.0 * tried for tried in range(12)]
    assert over == 45.0


def test_a_proxy_alone_gives_no_address_and_a_rom_needs_its_spaces() -> None:
    assert asked(on(discover=[ours(yours="0.0.0.0")]))[0] == "NotForUs: 10.0.2.100 offered no address"
    assert asked(on(discover=[ours()]), bcm2837())[0] == (
        'NotForUs: 10.0.2.100 offered 10.0.2.11 without "Raspberry Pi Boot   " in option 43'
    )


def test_a_rom_takes_an_offer_without_a_word() -> None:
    spaced = MENU.replace(b"Boot", b"Boot   ")
    lease, sent, _ = asked(on(discover=[ours(vendor_specific=spaced)]), bcm2837())
    assert isinstance(lease, Lease)
    assert (lease.tftp, kinds(sent)) == (OURS, [1])


def test_silence_refusal_and_half_an_exchange_are_told_apart() -> None:
    assert asked(lambda _: ())[0] == "NoAnswer: no DHCP server answered"
    refused, sent, _ = asked(on(discover=[ours()], request=[ours("nak")]), speed=0)
    assert refused == "NotForUs: 10.0.2.100 refused 10.0.2.11 after it had offered it"
    assert set(kinds(sent)) == {1, 3}
    assert asked(on(discover=[ours()]), speed=0)[0] == (
        "NotForUs: 10.0.2.100 did not acknowledge 10.0.2.11, which it had offered"
    )


@pytest.mark.parametrize(
    ("offer", "tftp"),
    [
        (ours(siaddr="10.0.2.5", tftp_server_name=b"10.0.2.6\0"), "10.0.2.6"),
        (ours(siaddr="10.0.2.5", tftp_server_name=b"files.example"), "10.0.2.5"),
        (ours(siaddr="10.0.2.5", tftp_server_name=b"10.0.2.08"), "10.0.2.5"),
        (ours(siaddr="10.0.2.5", tftp_server_name=b"10.0.2.256"), "10.0.2.5"),
        (ours(siaddr="10.0.2.5"), "10.0.2.5"),
        (ours(), OURS),
    ],
)
def test_who_serves_the_files(offer: Server, tftp: str) -> None:
    lease, _, _ = asked(on(discover=[offer], request=[ours("ack")]))
    assert isinstance(lease, Lease)
    assert lease.tftp == tftp


def test_a_server_in_its_own_settings_needs_no_menu() -> None:
    wish = Wish(TOOL.guid, tftp="192.0.2.9")
    lease, _, _ = asked(on(discover=[router()], request=[router("ack")]), wish)
    assert isinstance(lease, Lease)
    assert (lease.ip, lease.tftp) == ("10.0.2.77", "192.0.2.9")


def test_each_answer_is_told_and_another_boards_is_not() -> None:
    def another(packet: Packet) -> list[Packet]:
        answers = list(ours()(packet))
        stranger = packet.copy()
        stranger[BOOTP].xid ^= 1
        neighbour = packet.copy()
        neighbour[BOOTP].chaddr = b"\xdc\xa6\x32\0\0\1" + bytes(10)
        return [*router()(stranger), *router()(neighbour), *answers]

    async def play() -> list[Message]:
        heard: list[Message] = []
        async with Port(Wire(on(discover=[another], request=[ours("ack")])), MAC, Pace(1)) as port:
            await ask(port, TOOL, heard.append)
        return heard

    heard = run_in_its_time(play())
    assert [(message.source, message.kind, message.yours) for message in heard] == [
        (OURS, 2, OFFERED),
        (OURS, 5, OFFERED),
    ]
    assert [number for number, _ in heard[0].options] == [53, 54, 60, 43, 1]
    assert heard[0].mac == SERVER_MAC


IDENTITY = Identity(MAC, bytes(16), 7, ())
HEAD = bytes(BOOTP(op=2, xid=7, chaddr=bytes.fromhex(MAC.replace(":", "")))).ljust(236, b"\0")


@settings(max_examples=unless_quick(50))
@given(st.binary(max_size=60), st.integers(0, 240))
def test_no_answer_raises(options: bytes, kept: int) -> None:
    whole = HEAD[:236] + b"\x63\x82\x53\x63" + options
    for data in (options, whole[:kept], whole):
        message = dhcp_message.parse(data, IDENTITY, mac=SERVER_MAC, source=OURS)
        if message is not None:
            dhcp._chosen([message], TOOL)
            dhcp._lease(message, message, OURS)


@settings(max_examples=unless_quick(30))
@given(st.lists(st.tuples(st.integers(1, 254), st.binary(max_size=20)), max_size=8), st.integers(0, 3))
def test_options_come_back_as_they_were_sent(options: list[tuple[int, bytes]], padding: int) -> None:
    written = b"".join(bytes([n, len(value)]) + value + bytes(padding) for n, value in options)
    message = dhcp_message.parse(HEAD[:236] + b"\x63\x82\x53\x63" + written, IDENTITY, mac=SERVER_MAC, source=OURS)
    assert message is not None
    assert list(message.options) == options
