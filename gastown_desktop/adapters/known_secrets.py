"""Where secrets of a user lie that a worker may come across: read once, kept in memory, never written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gastown_desktop.core.secrets import (
    Secret,
    secrets_of_address,
    secrets_of_env,
    secrets_of_variables,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGEST = 1 << 20
_SHOWN = re.compile(r"\.(example|sample|template|dist|defaults?)$")
"""Ends of names of files that are there to be read."""
_HEADER = re.compile(r"^\s*authorization\s*:\s*(?:\w+\s+)?(\S+)", re.IGNORECASE)
_NETRC = re.compile(r"\bpassword\s+(\S+)")


def find_secrets(
    checkout: Path,
    home: Path,
    configuration: Iterable[tuple[str, str]],
    variables: Mapping[str, str],
    *,
    tracked: frozenset[str],
    read: Callable[[Path, int], bytes | None],
) -> list[Secret]:
    """Secrets in `.env*` files that are not tracked, in addresses and headers of remotes, and in variables.

    Args:
        checkout: the user's checkout.
        home: their HOME, for what git and other tools keep there for remotes.
        configuration: (key, value) of git's configuration in force.
        variables: the environment of this process.
        tracked: paths whose content everybody with the repository has.
        read: reads a regular file up to a size, without following a link.
    """
    found: list[Secret] = []
    for file in sorted(checkout.glob(".env*")):
        if file.name not in tracked and not _SHOWN.search(file.name):
            found += secrets_of_env(_text(read(file, _LARGEST)))
    for line in _text(read(home / ".git-credentials", _LARGEST)).splitlines():
        found += secrets_of_address("git-credentials", line)
    found += [Secret("netrc", word) for word in _NETRC.findall(_text(read(home / ".netrc", _LARGEST)))]
    for key, value in configuration:
        found += secrets_of_address(key, value) if key.startswith(("remote.", "url.", "http.")) else []
        header = _HEADER.match(value) if key.endswith(".extraheader") else None
        found += [Secret(key, header[1])] if header else []
    return [*found, *secrets_of_variables(variables)]


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "replace")
