"""`hil rig find`: switches one relay at a time, sees whose console reboots: who powers whom, found and not guessed."""
