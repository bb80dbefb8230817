"""How a node reaches its bench: segments, iPXE scripts."""
