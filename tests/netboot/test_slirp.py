"""Slirp's addresses, the option that QEMU parses, and the table that its monitor prints."""

from __future__ import annotations

import shlex
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hil.config.model import HostPort
from hil.netboot.slirp import UserNetwork, option_value, own_addresses, parse_usernet

# QEMU 7.2.22, one machine with two forwarded ports and one connection to a guestfwd address.
USERNET = """\
Hub -1 (net0):\r
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r
  TCP[ESTABLISHED]   19       10.0.1.15 15012        10.0.1.5  8080     0  9548\r
  TCP[HOST_FORWARD]  12       127.0.0.1 35441       10.0.1.15    22     0     0\r
  TCP[HOST_FORWARD]  11       127.0.0.1 37027       10.0.1.15  8080     0     0\r
"""

SUBNETS = st.builds(
    lambda address, prefix: IPv4Network((address, prefix), strict=False),
    st.integers(0x0B000000, 0xDF000000),
    st.integers(8, 29),
)


def test_forwarded_ports_of_a_real_table() -> None:
    assert parse_usernet(USERNET) == {22: 35441, 8080: 37027}


def test_udp_and_other_lines_are_passed_over() -> None:
    assert parse_usernet("  UDP[HOST_FORWARD]  11  127.0.0.1 37027  10.0.1.15  69  0  0\n(qemu) ") == {}


PORTS = st.integers(1, 65535)


@given(st.dictionaries(PORTS, PORTS, max_size=6), st.booleans())
def test_any_table_is_read(ports: dict[int, int], any_address: bool) -> None:
    source = "*" if any_address else "127.0.0.1"
    rows = "".join(
        f"  TCP[HOST_FORWARD]  {20 + n} {source:>15} {host:5d} {'10.0.2.15':>15} {guest:5d} {0:5d} {0:5d}\n"
        for n, (guest, host) in enumerate(ports.items())
    )
    assert parse_usernet(f"Hub -1 (net0):\n{rows}") == ports


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    parse_usernet(text)


def test_usual_addresses_where_they_are_free() -> None:
    own = own_addresses(IPv4Network("10.0.1.0/24"), [IPv4Address("10.0.1.5")])
    assert (str(own.gateway), str(own.name_server), str(own.lease)) == ("10.0.1.2", "10.0.1.3", "10.0.1.15")


@given(SUBNETS, st.data())
def test_own_addresses_keep_out_of_the_way(network: IPv4Network, data: st.DataObject) -> None:
    offsets = data.draw(st.sets(st.integers(1, min(40, network.num_addresses - 2)), max_size=3))
    taken = {network[offset] for offset in offsets}
    own = own_addresses(network, taken)
    chosen = [own.gateway, own.name_server, own.lease]
    assert len(set(chosen) | taken) == 3 + len(taken)
    assert all(address in network for address in chosen)
    assert network.network_address not in chosen
    assert network.broadcast_address not in chosen


def as_qemu_parses(option: str) -> list[tuple[str, str]]:
    """Key and value of each part, as QEMU's get_opt_value splits them (util/qemu-option.c)."""
    parts = option.replace(",,", "\0").split(",")
    pairs = [part.replace("\0", ",").partition("=") for part in parts]
    return [(key, value) for key, _, value in pairs]


def test_option_with_awkward_paths() -> None:
    network = UserNetwork(
        IPv4Network("10.0.1.0/24"),
        Path("/a b/c,d"),
        "ipxe.efi",
        {HostPort("10.0.1.2", 80): ["/opt/py thon", "it's,here.py", "127.0.0.1", "9"]},
        (8080, 22),
    )
    parts = as_qemu_parses(network.option("net0"))
    assert parts[0] == ("user", "")
    assert dict(parts)["restrict"] == "on"
    assert dict(parts)["ipv6"] == "off"
    assert dict(parts)["host"] == "10.0.1.1"
    assert dict(parts)["tftp"] == "/a b/c,d"
    assert [value for key, value in parts if key == "hostfwd"] == ["tcp:127.0.0.1:0-:8080", "tcp:127.0.0.1:0-:22"]
    address, _, command = dict(parts)["guestfwd"].partition("-cmd:")
    assert address == "tcp:10.0.1.2:80"
    assert shlex.split(command) == ["/opt/py thon", "it's,here.py", "127.0.0.1", "9"]


@given(st.text(st.characters(exclude_characters="\0\n", exclude_categories=["Cs"])))
def test_any_value_comes_back(text: str) -> None:
    option = f"id=a,tftp={option_value(text)},id=b"
    found, at = "", option.index("tftp=") + 5
    while option[at] != "," or option[at + 1] == ",":
        found += option[at]
        at += 2 if option[at] == "," else 1
    assert found == text
    assert option[at:] == ",id=b"
