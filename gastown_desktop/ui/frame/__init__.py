"""What stands around every page: top bar, rail, status line, page header."""
