"""Values and rules of the town: standard library only; no I/O, no clock, no event loop."""
