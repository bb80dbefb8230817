"""`hil check`'s work: which node is meant (`target`), and asking it (`asked`). Shows nothing."""
