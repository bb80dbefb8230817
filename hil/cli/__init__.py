"""The `hil` command."""
