"""Spend: what the town costs, the limit, and the sheet at the limit."""
