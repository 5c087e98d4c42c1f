"""Stand-ins that implement the engine's ports, for tests."""
