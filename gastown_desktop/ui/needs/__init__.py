"""What needs the user: one list, answers in place; conflicts file by file."""
