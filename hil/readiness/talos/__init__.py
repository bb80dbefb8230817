"""Whether a machine is the Talos node that it should be: asks Talos's own API, and reads its console.

Nothing of gRPC, TLS or asyncio is imported before a node is really asked.
"""
