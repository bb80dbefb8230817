"""What is on a machine's wire, written down with its payloads cut: a process of its own beside each machine.

`starting` (a QEMU) and `wire` (a board) are the side of whoever switches the machine on; `child` is the process, and
what it imports imports next to nothing, so that it is there before the machine is.
"""
