"""The command line: a composition root on plain asyncio, with the same engine as the window."""
