"""The plan page: the convoy as a graph of beads in waves, and as an outline."""
