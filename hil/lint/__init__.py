"""Checks of files before a machine gets them: today, machine configurations. Asks no machine."""
