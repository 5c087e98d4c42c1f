"""Inputs of the Mayor's tools: a model wrote them, so nothing about them is taken for granted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.engine.tools.workbench import text_of

LONGEST_TEXT = 20_000
"""Characters of any text; what a bead may say is shorter."""
LONGEST_SHORT = 400
MOST_ITEMS = 250


def short_text_of(
    given: Mapping[str, Any], name: str, default: str | None = None, *, longest: int = LONGEST_SHORT
) -> str:
    """A text that names something.

    Raises:
        ToolRefused: it is missing, no string, or too long.
    """
    text = text_of(given, name, default)
    if len(text) > longest:
        raise ToolRefused(f"`{name}` has {len(text):,} characters; at most {longest:,} are taken.")
    if "\0" in text:
        raise ToolRefused(f"`{name}` holds a NUL character.")
    return text


def optional_text_of(given: Mapping[str, Any], name: str, *, longest: int = LONGEST_SHORT) -> str | None:
    """A text that may be null.

    Raises:
        ToolRefused: it is something else, or too long.
    """
    return None if given.get(name) is None else short_text_of(given, name, longest=longest)


def optional_number_of(given: Mapping[str, Any], name: str) -> int | None:
    """A whole number that may be null.

    Raises:
        ToolRefused: it is something else.
    """
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise ToolRefused(f"`{name}` must be a whole number.")
    return value


def flag_of(given: Mapping[str, Any], name: str) -> bool:
    """True or false; false when missing.

    Raises:
        ToolRefused: it is something else.
    """
    value: object = given.get(name, False)
    if not isinstance(value, bool):
        raise ToolRefused(f"`{name}` must be true or false.")
    return value


def items_of(given: Mapping[str, Any], name: str) -> list[object]:
    """A list, empty when missing.

    Raises:
        ToolRefused: it is something else, or too long.
    """
    value: object = given.get(name, [])
    if not isinstance(value, list):
        raise ToolRefused(f"`{name}` must be a list.")
    items = cast("list[object]", value)
    if len(items) > MOST_ITEMS:
        raise ToolRefused(f"`{name}` has {len(items)} items; at most {MOST_ITEMS} are taken.")
    return items


def names_of(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of short texts, empty when missing.

    Raises:
        ToolRefused: it is something else.
    """
    return tuple(short_text_of({name: item}, name) for item in items_of(given, name))


def optional_names_of(given: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    """A list of short texts that may be null.

    Raises:
        ToolRefused: it is something else.
    """
    return None if given.get(name) is None else names_of(given, name)
