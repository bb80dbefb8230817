"""Consoles: ports that bytes come from, their recording, and waiting for words in them."""
