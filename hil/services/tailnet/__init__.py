"""The bench's tailnet: a control server with its relay, a peer to ping from, keys to join by."""
