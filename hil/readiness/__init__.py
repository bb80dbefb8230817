"""Whether a booted machine is what it should be. Asks the machine's own interfaces; switches nothing."""
