"""Item models: what the screens' views show, row by row."""
