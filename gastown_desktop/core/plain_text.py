"""Text of others as plain text: what cannot be seen, or turns other characters round, is taken out."""

from __future__ import annotations

import re
from unicodedata import category

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of control, format (bidi, zero width), surrogate, private and separator characters."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet run a cell."""

_USER_INFO = re.compile(r"\A(?:[^/]*@|[^/:@]*:(?!\d*(?:[/?#]|$)).*@)", re.DOTALL)
"""What stands before the host in an address; a password may hold slashes that should have been encoded."""
_QUERY = re.compile(r"[?#].*", re.DOTALL)
_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Halves of surrogate pairs that stand for no byte of a name."""


def plain_text(text: str) -> str:
    """Text of several lines; line ends and tabs stay."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(one for one in lines if one in "\n\t" or category(one) not in _UNSEEN).strip()


def one_line(text: str) -> str:
    """Text of one line; each run of white space becomes a space."""
    spaced = "".join(" " if one.isspace() else one for one in text)
    return " ".join("".join(one for one in spaced if category(one) not in _UNSEEN).split())


def shown_path(path: str) -> str:
    """A path as text; bytes that are no UTF-8 show as escapes, and so does what cannot be seen."""
    known = _NO_BYTE.sub(lambda found: _escaped(found[0]), path)
    text = known.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(f"\\u{ord(one):04x}" if category(one) in _UNSEEN else one for one in text)


def shown_url(address: str) -> str:
    """The address of a repository without what lets one in: no user, no password, no query.

    The user in `git@host:path` stays, as no password can stand beside it.
    """
    scheme, marks, rest = address.partition("://")
    if marks:
        return scheme + marks + _QUERY.sub("", _USER_INFO.sub("", rest))
    user, at, place = address.partition("@")
    return _QUERY.sub("", place if at and ":" in user else address)


def shown_text(text: str) -> str:
    """Text of several lines in which what cannot be seen shows as an escape; nothing is lost."""
    lines = text.replace("\r\n", "\n")
    return "".join(_escaped(one) if one not in "\n\t" and category(one) in _UNSEEN else one for one in lines)


def cell_text(text: str) -> str:
    """Text for a table of numbers: one that a spreadsheet would take for a formula begins with a quote."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def printable(text: str) -> str:
    """Text of unknown origin for a terminal: no control, escape or direction characters; line ends stay."""
    return "".join(char if char.isprintable() or char == "\n" else "·" for char in text)
