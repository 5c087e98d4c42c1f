"""Looking: what a role without a copy of its own may see of a commit, by tools that change nothing."""
