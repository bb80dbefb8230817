"""What is booted: kernel, initramfs, arguments, each with a digest; one file per kind."""
