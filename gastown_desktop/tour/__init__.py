"""The tour: one story, told through the real window, to look at every screen without running anything."""
