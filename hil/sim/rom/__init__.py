"""A Raspberry Pi's boot ROM and bootloader: a DHCP and TFTP client on the board's own port. Emulates no processor."""
