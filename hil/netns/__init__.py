"""A network namespace that a bench has to itself: what holds it, and what leads into it and out of it."""
