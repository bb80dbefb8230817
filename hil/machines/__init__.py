"""One way to have a machine each: QEMU."""
