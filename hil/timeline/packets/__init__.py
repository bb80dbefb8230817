"""What a boot's captured packets say, on the boot's clock: when each was sent, and what conversations they were."""
