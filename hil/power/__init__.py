"""Power ports and meters: one file for each kind of relay, outlet, plug and meter, and what they share.

Drives devices; knows no machine and no boot. What a switching proves is in `hil.machine`.
"""
