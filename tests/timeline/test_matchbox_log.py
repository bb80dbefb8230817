"""The parser of Matchbox's log: lines that a real v0.11.0 wrote, and anything else."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.timeline.matchbox_log import Matched, NoMatch, Request, parse_line

LABELS = {
    "arch": "arm64",
    "domain": "",
    "hostname": "",
    "mac": "52:54:00:12:34:56",
    "serial": "RIG0001",
    "uuid": "11111111-2222-3333-4444-555555555555",
}
MAP = "map[" + " ".join(f"{key}:{value}" for key, value in LABELS.items()) + "]"


def line(level: str, message: str, *fields: str) -> bytes:
    return f'time="2026-11-23T08:35:19Z" level={level} msg="{message}" {" ".join(fields)}\n'.encode()


def test_request_with_query() -> None:
    record = parse_line(
        line("info", "HTTP GET /ipxe?uuid=1&mac=52-54-00-12-34-56&domain=&hostname=&serial=RIG0001&arch=arm64")
    )
    assert record == Request(
        "GET",
        "/ipxe",
        {"uuid": "1", "mac": "52-54-00-12-34-56", "domain": "", "hostname": "", "serial": "RIG0001", "arch": "arm64"},
    )


def test_request_of_a_file() -> None:
    assert parse_line(line("info", "HTTP GET /assets/probe/kernel")) == Request("GET", "/assets/probe/kernel", {})


def test_first_of_two_labels_counts() -> None:
    record = parse_line(line("info", "HTTP GET /ipxe?mac=1&mac=2"))
    assert isinstance(record, Request)
    assert record.query == {"mac": "1"}


def test_matched_profile() -> None:
    record = parse_line(line("debug", "Matched an iPXE config", f'labels="{MAP}"', "profile=probe"))
    assert record == Matched("ipxe", LABELS, "", "probe")


def test_matched_template_has_group() -> None:
    record = parse_line(line("debug", "Matched a generic template", "group=dut", f'labels="{MAP}"', "profile=probe"))
    assert record == Matched("generic", LABELS, "dut", "probe")


@pytest.mark.parametrize(
    "words", ["No matching profile", "No matching group", "No profile named: worker", "No generic template named: "]
)
def test_no_match(words: str) -> None:
    assert parse_line(line("info", words, f'labels="{MAP}"')) == NoMatch(words, LABELS)


def test_quotes_are_undone() -> None:
    record = parse_line(line("info", r"No profile named: a\"b\\c\td\x41\u00e9", r'labels="map[serial:\"x\"]"'))
    assert record == NoMatch('No profile named: a"b\\c\tdAé', {"serial": '"x"'})


@pytest.mark.parametrize(
    "text",
    [b"", b"\xff\xfe", b"panic: no", line("info", "Starting matchbox HTTP server on 127.0.0.1:0"), b'msg="HTTP GET"'],
)
def test_other_lines_say_nothing(text: bytes) -> None:
    assert parse_line(text) is None


def test_unreadable_address_says_nothing() -> None:
    assert parse_line(line("info", "HTTP GET http://[::1/x")) is None


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: line("info", text)))
def test_any_line_is_read_without_error(text: bytes) -> None:
    parse_line(text)


@given(st.dictionaries(st.text(min_size=1, max_size=9), st.text(max_size=9), max_size=6))
def test_labels_of_a_request_come_back(labels: dict[str, str]) -> None:
    record = parse_line(line("info", f"HTTP GET /ipxe?{urlencode(labels)}"))
    assert record == Request("GET", "/ipxe", labels)
