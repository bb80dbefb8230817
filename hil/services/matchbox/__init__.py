"""Matchbox as a bench service: its data (read, written), its process. What its log says is in hil.timeline."""
