"""The corpus of hostile repositories and workers: what they plant, and that nothing comes of it."""
