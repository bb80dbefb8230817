"""Who had which address: what the kernel's table is read as, whatever stands in it."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from hil.netns.neighbours import Neighbour, neighbours_of

TABLE = """\
IP address       HW type     Flags       HW address            Mask     Device
192.168.1.71     0x1         0x2         dc:a6:32:00:00:01     *        lan0
192.168.1.72     0x1         0x0         00:00:00:00:00:00     *        lan0
192.168.1.1      0x1         0x6         02:00:00:00:00:fe     *        lan0
192.168.1.9      0x20        0x2         80:00:00:48:fe:80:00:00     *        ib0
"""


def test_who_has_answered() -> None:
    assert neighbours_of(TABLE) == (
        Neighbour("192.168.1.71", "dc:a6:32:00:00:01"),
        Neighbour("192.168.1.1", "02:00:00:00:00:fe"),
    )


@given(st.lists(st.tuples(st.ip_addresses(v=4), st.binary(min_size=6, max_size=6)), max_size=5), st.text(max_size=40))
def test_each_entry_is_found_and_nothing_else(entries: list[tuple[IPv4Address, bytes]], other: str) -> None:
    known = tuple(Neighbour(str(address), mac.hex(":")) for address, mac in entries)
    lines = [f"{each.address:<16} 0x1         0x2         {each.mac}     *        br0" for each in known]
    assert neighbours_of("\n".join([TABLE.splitlines()[0], *lines])) == known
    assert all(each in known for each in neighbours_of("\n".join([other, *lines, other])))
