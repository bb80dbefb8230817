"""Bench services, one file (or folder) each: Matchbox."""
