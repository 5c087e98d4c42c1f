"""The evidence page: what a rehearsal showed."""
