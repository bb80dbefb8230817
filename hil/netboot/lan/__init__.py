"""What the segment kinds with an Ethernet share: hosts, dnsmasq, a machine's end of it, who else is on it.

No kind itself: `hil.netboot.bridge` and `hil.netboot.interface` are made of it.
"""
