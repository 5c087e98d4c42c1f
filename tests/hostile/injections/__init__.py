"""The injection corpus: hostile texts, a model that obeys them, and what must not come of it."""
