"""The requests to the kernel as bytes, against bytes written out by hand from the headers named."""

from __future__ import annotations

from hil.netns.holder.netlink import macvlan, moved, vlan

# struct nlmsghdr (16 bytes), struct ifinfomsg (16), then the attributes: linux/netlink.h, linux/rtnetlink.h.
HEAD = "1000{flags}0100000000000000" + "00000000{index}0000000000000000"


def head(length: int, flags: str, index: str = "00000000") -> str:
    return length.to_bytes(4, "little").hex() + HEAD.format(flags=flags, index=index)


def test_an_interface_that_is_moved() -> None:
    assert moved(3, 4660).hex() == head(40, "0500", "03000000") + "08001300" + "34120000"


def test_a_macvlan_in_bridge_mode() -> None:
    name, link, pid = "09000300" + b"lan0\0".hex() + "000000", "08000500" + "03000000", "08001300" + "34120000"
    kind = "0b000100" + b"macvlan".hex() + "00"
    data = "0c000200" + "08000100" + "04000000"
    assert macvlan(3, "lan0", 4660).hex() == head(88, "0506") + name + link + "1c001200" + kind + data + pid


def test_a_vlan() -> None:
    name, link, pid = "09000300" + b"lan0\0".hex() + "000000", "08000500" + "03000000", "08001300" + "34120000"
    kind, data = "08000100" + b"vlan".hex(), "0c000200" + "06000100" + "0a000000"
    assert vlan(3, 10, "lan0", 4660).hex() == head(84, "0506") + name + link + "18001200" + kind + data + pid
