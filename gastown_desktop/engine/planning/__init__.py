"""How the Mayor plans: its talk with the user, what it may look at, and what it may change."""
