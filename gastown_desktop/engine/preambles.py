"""Preambles: what a request is made of besides its messages, kept beside the turns that it led to.

Another version of the program, a price or the gates may change it between two turns; with it in git, whoever
has a transcript can build every request of it again, to the byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.git_ports import REGULAR, GitObjects, TreeEntry
from gastown_desktop.engine.prompts import SystemBlocks

FOLDER = "preambles/"
"""Where they are in the tree of a transcript, each named after its blob."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preamble:
    """What the requests of a conversation begin with, and how full it may get."""

    model: str
    system: SystemBlocks
    tools: tuple[Mapping[str, object], ...]
    thinks: bool = False
    """Whether the model is asked to think first."""
    clear_at: int | None = None
    """Prompt tokens from which old tool results are cleared; None never clears."""


async def write_preamble(objects: GitObjects, preamble: Preamble) -> Oid:
    """Stores a preamble; the same one is the same blob."""
    return await objects.write_blob(json.dumps(asdict(preamble), ensure_ascii=True).encode("ascii"))


async def read_preamble(objects: GitObjects, blob: Oid) -> Preamble:
    """Reads a preamble back.

    Raises:
        StoreError: the blob is none.
    """
    try:
        fields: dict[str, Any] = json.loads(await objects.read_blob(blob))
        fields["system"], fields["tools"] = tuple(fields["system"]), tuple(fields["tools"])
        return Preamble(**fields)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"The preamble {blob} cannot be read ({error!r}).") from error


def with_preamble(entries: Iterable[TreeEntry], blob: Oid | None) -> tuple[TreeEntry, ...]:
    """The leaves of a transcript with a preamble among them, once, by their paths."""
    entries = tuple(entries)
    if blob is None or any(entry.oid == blob for entry in entries):
        return entries
    added = TreeEntry(f"{FOLDER}{blob}.json", REGULAR, blob)
    return tuple(sorted((*entries, added), key=lambda entry: entry.path))
