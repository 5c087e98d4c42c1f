"""Settings: what the user wants, what this machine has, what the repository proposes, what the program is."""
