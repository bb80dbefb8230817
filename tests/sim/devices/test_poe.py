"""The twin's PoE switch: SNMP messages of two standards and two other programs, and pysnmp as the other side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import unless_quick
from support.twin_device import Bench, with_device

from hil.sim.devices.firmware import Firmware
from hil.sim.devices.poe import PoeSwitch
from hil.sim.devices.snmp import (
    GET,
    GET_BULK,
    INTEGER,
    NULL,
    RESPONSE,
    SEQUENCE,
    SET,
    BadMessage,
    Binding,
    Message,
    decode,
    decode_oid,
    encode_oid,
    tlv,
)
from hil.sim.plan import DevicePlan

PORTS = (1, 3, 6, 1, 2, 1, 105, 1, 1, 1)
UP_TIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)


def switch(group: int = 1) -> tuple[PoeSwitch, Firmware]:
    firmware = Firmware(DevicePlan("switch", "poe"), range(1, 9))
    return PoeSwitch(firmware, b"private", group), firmware


def told(agent: PoeSwitch, kind: int, *bindings: Binding, community: bytes = b"private") -> Message:
    answer = agent.answer(Message(1, community, kind, 7, 0, 0, bindings).encode())
    assert answer is not None
    return decode(answer.data)


def test_the_example_of_rfc_3417() -> None:
    # Section 8.1: a GetBulkRequest-PDU, number 1414684022, whose first length is longer than it must be.
    pdu = bytes.fromhex(
        "A5 82 00 39 02 04 54 52 5D 76 02 01 01 02 01 02 30 2B 30 0B 06 07 2B 06 01 02 01 01 03 05 00 30 0D 06 09 2B"
        "06 01 02 01 04 16 01 02 05 00 30 0D 06 09 2B 06 01 02 01 04 16 01 04 05 00"
    )
    data = tlv(SEQUENCE, bytes.fromhex("02 01 01 04 07") + b"private" + pdu)
    message = decode(data)
    assert (message.request, message.error, message.index) == (1414684022, 1, 2)
    assert message.bindings[1] == Binding((1, 3, 6, 1, 2, 1, 4, 22, 1, 2), (NULL, b""))
    answer = switch()[0].answer(data)
    assert answer is not None
    first, *rows = [binding.oid for binding in decode(answer.data).bindings]
    assert (first, rows) == (UP_TIME, [(*PORTS, 3, 1, 1)] * 2 + [(*PORTS, 3, 1, 2)] * 2)


@pytest.mark.parametrize(
    "message",
    [
        # The sample of a GET of sysDescr.0 in gsk's gsksnmp.h.
        "30 29 02 01 00 04 06 70 75 62 6C 69 63 A0 1C 02 04 28 FD AC BA 02 01 00 02 01 00 30 0E 30 0C 06 "
        "08 2B 06 01 02 01 01 01 00 05 00 ",
        # A router's answer about its first interface, in upylib's usnmp2/test2.py.
        "30 81 d2 02 01 00 04 03 41 46 43 a2 81 c7 02 04 38 21 ee a1 02 01 00 02 01 00 30 81 b8 30 0f 06 "
        "0a 2b 06 01 02 01 02 02 01 01 01 02 01 01 30 13 06 0a 2b 06 01 02 01 02 02 01 02 01 04 05 56 6c "
        "61 6e 31 30 0f 06 0a 2b 06 01 02 01 02 02 01 03 01 02 01 35 30 10 06 0a 2b 06 01 02 01 02 02 01 "
        "04 01 02 02 05 dc 30 12 06 0a 2b 06 01 02 01 02 02 01 05 01 42 04 3b 9a ca 00 30 14 06 0a 2b 06 "
        "01 02 01 02 02 01 06 01 04 06 00 1b 8f f4 d1 c0 30 0f 06 0a 2b 06 01 02 01 02 02 01 07 01 02 01 "
        "02 30 0f 06 0a 2b 06 01 02 01 02 02 01 08 01 02 01 02 30 10 06 0a 2b 06 01 02 01 02 02 01 09 01 "
        "43 02 2c 06 30 0f 06 0a 2b 06 01 02 01 02 02 01 0a 01 41 01 00 ",
    ],
)
def test_messages_of_other_programs_are_read_and_written_as_they_were(message: str) -> None:
    data = bytes.fromhex(message)
    assert decode(data).encode() == data


def test_the_port_table_of_rfc_3621(tmp_path: Path) -> None:
    agent, firmware = switch(group=2)
    enable, detection, label = ((*PORTS, column, 2, 3) for column in (3, 6, 10))

    def values(*oids: Sequence[int]) -> list[bytes]:
        return [binding.value[1] for binding in told(agent, GET, *(Binding(tuple(oid)) for oid in oids)).bindings]

    assert values(enable, detection) == [b"\2", b"\1"]  # false, disabled
    written = told(agent, SET, Binding(enable, (INTEGER, b"\1")))
    assert (written.kind, written.error, written.bindings[0].value) == (RESPONSE, 0, (INTEGER, b"\1"))
    assert firmware.outlets[3].commanded
    assert values(enable, detection, label) == [b"\1", b"\2", b"\1"]  # true, searching, class 0


@pytest.mark.parametrize(
    ("oid", "value", "error"),
    [
        ((*PORTS, 3, 1, 1), (INTEGER, b"\3"), 10),
        ((*PORTS, 3, 1, 1), (4, b"\1"), 7),
        ((*PORTS, 6, 1, 1), (INTEGER, b"\1"), 17),
        ((*PORTS, 3, 9, 1), (INTEGER, b"\1"), 17),
    ],
)
def test_what_cannot_be_written_is_refused_whole(oid: tuple[int, ...], value: tuple[int, bytes], error: int) -> None:
    agent, firmware = switch()
    answer = told(agent, SET, Binding((*PORTS, 3, 1, 2), (INTEGER, b"\1")), Binding(oid, value))
    assert (answer.error, answer.index) == (error, 2)
    assert not firmware.outlets[2].commanded


def test_another_community_or_version_gets_no_answer() -> None:
    agent, _ = switch()
    assert agent.answer(Message(1, b"public", GET, 7, 0, 0, (Binding(UP_TIME),)).encode()) is None
    assert agent.answer(Message(0, b"private", GET, 7, 0, 0, (Binding(UP_TIME),)).encode()) is None


def test_pysnmp_writes_reads_and_walks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pysnmp.hlapi.v3arch import asyncio as manager

    monkeypatch.setenv("SWITCH", "s3cret")

    async def doing(bench: Bench) -> None:
        engine = manager.SnmpEngine()
        host, _, port = bench.place.partition(":")
        target = await manager.UdpTransportTarget.create((host, int(port)), timeout=2, retries=0)
        who = (engine, manager.CommunityData("s3cret"), target, manager.ContextData())

        def of(column: int) -> manager.ObjectIdentity:
            return manager.ObjectIdentity((*PORTS, column, 1, 1))

        on = manager.ObjectType(of(3), manager.Integer32(1))
        assert (await manager.set_cmd(*who, on, lookupMib=False))[:2] == (None, 0)
        assert bench.on() == [1]
        await asyncio.sleep(0.1)
        asked = (manager.ObjectType(of(column)) for column in (3, 6, 10))
        _, _, _, found = await manager.get_cmd(*who, *asked, lookupMib=False)
        assert [int(value) for _, value in found] == [1, 3, 4]  # true, deliveringPower, class 3: a board that boots
        begin = manager.ObjectType(manager.ObjectIdentity(PORTS))
        walked = [row async for row in manager.walk_cmd(*who, begin, lookupMib=False)]
        assert len(walked) == 3 * 8
        engine.close_dispatcher()

    with_device(tmp_path, "poe", doing, community_env="SWITCH")


@pytest.mark.parametrize(
    "message",
    [
        "",
        "30",
        "30 05 02 01 01",
        "30 81",
        "30 80 02 01 01",
        "30 85 00 00 00 00 03 02 01 01",
        "30 0E 02 01 01 04 00 C7 07 02 01 07 02 01 00 02",
        "30 12 02 01 01 04 00 30 0B 02 01 07 02 01 00 02 01 00 30 00",
        "30 11 02 01 01 04 00 A0 0A 02 00 02 01 00 02 01 00 30 00",
        "30 12 02 01 01 04 00 A0 0B 02 01 07 02 01 00 02 01 00 30 00 00",
    ],
)
def test_what_is_no_message_is_refused(message: str) -> None:
    with pytest.raises(BadMessage):
        decode(bytes.fromhex(message))


@pytest.mark.parametrize("length", [0x01, 0x80, 0x85])
def test_a_value_that_ends_too_early_or_has_no_length_is_refused(length: int) -> None:
    good = Message(1, b"private", GET, 7, 0, 0, (Binding(UP_TIME, (4, b"")),)).encode()
    assert decode(good).bindings == (Binding(UP_TIME, (4, b"")),)
    with pytest.raises(BadMessage):
        decode(good[:-1] + bytes([length]))


@pytest.mark.parametrize("content", ["", "2B 81", "2B 9F FF FF FF 7F", "2B" + " 01" * 128])
def test_what_is_no_object_identifier_is_refused(content: str) -> None:
    with pytest.raises(BadMessage):
        decode_oid(bytes.fromhex(content))


def test_a_bulk_answer_has_an_end() -> None:
    agent, _ = switch()
    asked = Message(1, b"private", GET_BULK, 7, 0, 10_000, (Binding((*PORTS, 3)),))
    answer = agent.answer(asked.encode())
    assert answer is not None
    assert len(decode(answer.data).bindings) == 32


@settings(max_examples=unless_quick(100), deadline=None)
@given(st.binary(max_size=60), st.integers(0, 60), st.integers(0, 255))
def test_hostile_datagrams_are_ignored(garbage: bytes, place: int, byte: int) -> None:
    agent, _ = switch()
    good = Message(1, b"private", SET, 7, 0, 0, (Binding((*PORTS, 3, 1, 2), (INTEGER, b"\1")),)).encode()
    changed = bytearray(good)
    changed[place % len(good)] = byte
    for data in (garbage, bytes(changed)):
        agent.answer(data)
        try:
            message = decode(data)
        except BadMessage:
            continue
        assert decode(message.encode()) == message
    assert told(agent, GET, Binding(UP_TIME)).error == 0


@settings(max_examples=unless_quick(50), deadline=None)
@given(st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, (1 << 32) - 1), max_size=20))
def test_object_identifiers_are_read_as_they_are_written(first: int, second: int, rest: list[int]) -> None:
    assert decode_oid(encode_oid((first, second, *rest))) == (first, second, *rest)
