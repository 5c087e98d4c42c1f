"""What the limits are called: the convoy's own, that of a day, that of everything."""

from __future__ import annotations

from collections.abc import Mapping

from gastown_desktop.core.days import Day
from gastown_desktop.core.ledger import LimitKind
from gastown_desktop.core.wording import show_money

ROW_NAMES: Mapping[LimitKind, str] = {"convoy": "This convoy", "day": "Today", "town": "Everything"}
"""In a list of limits."""
NAMES: Mapping[LimitKind, str] = {
    "convoy": "the convoy’s own limit",
    "day": "today’s limit",
    "town": "the limit of everything",
}
"""Within a sentence."""


def reached_words(kind: LimitKind, over: Day | None = None) -> str:
    """That a limit is reached, as a heading: `Today’s spending limit reached`.

    Args:
        kind: whose limit.
        over: the day, where it is about a day and another one has begun since.
    """
    if over is not None:
        return f"Spending limit of {over.date.day} {over.date:%b} reached"
    heads = {"day": "Today’s spending limit", "town": "Spending limit of everything"}
    return f"{heads.get(kind, 'Spending limit')} reached"


def refusal_words(kind: LimitKind) -> str:
    """Why nothing goes on, and what helps: `Today’s limit is reached; raise it.`."""
    name = "the spending limit" if kind == "convoy" else NAMES[kind]
    return f"{sentence(name)} is reached; raise it."


def of_words(kind: LimitKind, cap: int) -> tuple[str, str]:
    """A limit after what is spent of it, long and short: `of $20.00, today’s limit`, `of $20.00 today`.

    Args:
        kind: whose limit.
        cap: nano-dollars.
    """
    of = f"of {show_money(cap)}"
    match kind:
        case "day":
            return f"{of}, today’s limit", f"{of} today"
        case "town":
            return f"{of}, limit of everything", f"{of} in all"
        case _:
            return of, of


def sentence(words: str) -> str:
    """Words with a capital letter, where a sentence begins with them."""
    return f"{words[:1].upper()}{words[1:]}"
