"""The rehearsal sheet."""
