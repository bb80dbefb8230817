"""Tailscale on a node: whether it is online, as the node, its tailnet's control server and a peer of it see that."""
