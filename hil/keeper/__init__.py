"""The keeper: one small process per open bench that owns its children, consoles and locks; and its client."""
