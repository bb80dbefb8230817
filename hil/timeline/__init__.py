"""Stages and marks of a boot on one clock; one file per source of marks."""
