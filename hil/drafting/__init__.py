"""A first rig file, tests and a CI workflow, drafted from a Matchbox tree of the user's own: `hil init`.

`reading` reads the tree. `nodes`, `addresses`, `machine_config` and `roles` decide one thing each and say what they
could not; `doubts` has what will not do as it stands, and `draft` all of it. `rig_text`, `tests_text` and
`workflow_text` put it into words, `files` writes. No machine is started.
"""
