"""Which address each machine has on a wire that the bench serves."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import UsageError
from hil.netboot.bridge.config import Config
from hil.netboot.lan.hosts import hosts_of


def config(**values: object) -> Config:
    return Config.model_validate({"kind": "bridge", **values})


def macs(count: int) -> dict[str, str]:
    return {f"node{number}": f"52:54:00:00:{number >> 8:02x}:{number & 255:02x}" for number in range(1, count + 1)}


def test_nodes_have_addresses_in_the_order_of_the_rig() -> None:
    first, second = hosts_of(config(bench="10.0.2.11:8080"), {"b": "52:54:00:00:00:02", "a": "52:54:00:00:00:01"})
    assert (first.name, first.mac, first.address, first.tap) == ("b", "52:54:00:00:00:02", "10.0.2.12", "tap0")
    assert (second.name, second.address, second.tap) == ("a", "10.0.2.13", "tap1")


def test_a_subnet_can_be_too_narrow() -> None:
    narrow = config(subnet="10.0.2.96/29", bench="10.0.2.100:8080")
    assert [host.address for host in hosts_of(narrow, macs(5))] == [f"10.0.2.{n}" for n in (97, 98, 99, 101, 102)]
    with pytest.raises(UsageError, match=r"10\.0\.2\.96/29 has too few addresses for 6 nodes"):
        hosts_of(narrow, macs(6))


@given(
    prefix=st.integers(20, 29), bench=st.integers(1, 6), others=st.sets(st.integers(1, 6)), count=st.integers(1, 20)
)
def test_no_two_have_the_same_address(prefix: int, bench: int, others: set[int], count: int) -> None:
    made = config(
        subnet=f"10.0.0.0/{prefix}",
        bench=f"10.0.0.{bench}:8080",
        egress=tuple(f"10.0.0.{other}:443" for other in sorted(others - {bench})[:4]),
    )
    try:
        hosts = hosts_of(made, macs(count))
    except UsageError:
        assert made.network.num_addresses - 2 - len(made.taken) < count
        return
    addresses = {IPv4Address(host.address) for host in hosts}
    assert len(addresses | set(made.taken)) == count + len(made.taken)
    assert all(address in made.network for address in addresses)
    assert not addresses & {made.network.network_address, made.network.broadcast_address}
