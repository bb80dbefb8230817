"""hil: boot ARM64 machines over the network, the way their owner will, and say with evidence what became of them.

This package's top imports nothing, so that `import hil` costs a session nothing. Start reading at
`hil.machine` (what a machine is made of) or `docs/architecture.md` (what is where).
"""

__version__ = "0.1.0"
