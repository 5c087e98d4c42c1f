"""The Fleet page: every bead as a card, and one worker in detail."""
