"""The branch graph: the trunk, a lane per worker, the queue above the tip."""
