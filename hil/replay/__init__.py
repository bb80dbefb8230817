"""A recorded console, heard again: by people on a serial line, and by all of hil's parsers, as a regression test."""
