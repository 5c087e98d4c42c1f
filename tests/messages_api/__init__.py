"""A Messages API for tests: its own process, its own rules, and its own bill.

It shares no code with the product, so that what the product believes it spent can be held against what a
provider would have charged. Start it with `python -m tests.messages_api --script FILE`.
"""
