"""Rig files: strict YAML to frozen models, errors with file:line:column. Opens no bench."""
