"""Programs and packages: find, fetch, build and keep them, for doctor to show; decides nothing of a boot."""
