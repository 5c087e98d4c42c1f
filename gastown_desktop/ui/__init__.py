"""The window: widgets, painted delegates, actions. It knows the engine by its commands alone."""
