"""One file per vendor: each implements a port of the engine; adapters never import each other."""
