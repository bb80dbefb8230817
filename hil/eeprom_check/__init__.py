"""Whether a Raspberry Pi is set to boot from the network, by what its bootloader says: `hil doctor --rig`."""
