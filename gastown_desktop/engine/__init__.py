"""The town at work on plain asyncio: it knows ports, no Qt and no vendor."""
