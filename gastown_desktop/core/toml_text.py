"""TOML that others wrote."""

from __future__ import annotations

import tomllib
from typing import Any

LARGEST = 1 << 20
"""Characters; a larger file is none that a person wrote."""
MOST_DOTS = 500
"""In one line: what reads it takes time that grows with the square of a key's dots (CPython 3.11)."""


def toml_in(text: str) -> dict[str, Any]:
    """What a text of TOML says.

    Raises:
        ValueError: it is none, or none that a person wrote.
        RecursionError: its values are nested without end.
    """
    if len(text) > LARGEST:
        raise ValueError(f"it has {len(text)} characters; at most {LARGEST} are read")
    if any(line.count(".") > MOST_DOTS for line in text.split("\n")):
        raise ValueError(f"a line has more than {MOST_DOTS} dots")
    return tomllib.loads(text)
