"""What is left of a boot for people and machines: the boot's folder, and a summary of many. Judges nothing."""
