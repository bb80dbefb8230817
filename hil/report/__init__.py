"""What is left of a boot for people and machines: the boot's folder. Judges nothing."""
