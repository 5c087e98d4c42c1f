"""`past.json` below a rig's folder: what its landed convoys told, each with the size of its history then.

Histories only grow, so a size names their content. A file that cannot be read is as if there were none.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.engine.past import ConvoyPast

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Kept:
    size: int
    """Bytes of the history."""
    past: ConvoyPast


_FILE = TypeAdapter(dict[ConvoyId, _Kept])


class PastFile:
    """What is remembered of the convoys of one rig.

    Args:
        path: the file.
        events: the folder of their histories.
    """

    def __init__(self, path: Path, events: Path) -> None:
        self._path = path
        self._events = events
        self._new: dict[ConvoyId, _Kept] = {}
        self._looked_at: dict[ConvoyId, int] = {}
        """Sizes of histories, from before they were read."""
        self._kept = self._load()

    def find(self, convoy: ConvoyId) -> ConvoyPast | None:
        """What a convoy told, if its history is as it was then."""
        kept, size = self._kept.get(convoy), self._size(convoy)
        self._looked_at[convoy] = size
        return kept.past if kept is not None and kept.size == size else None

    def keep(self, convoy: ConvoyId, past: ConvoyPast) -> None:
        """Remembers what a convoy that was not found tells, with the next `save`."""
        self._new[convoy] = _Kept(self._looked_at[convoy], past)

    def save(self) -> None:
        """Writes down what is new; histories that are gone are forgotten."""
        if not self._new:
            return
        known = {convoy: kept for convoy, kept in {**self._load(), **self._new}.items() if self._size(convoy)}
        new = self._path.with_suffix(".new")
        try:
            new.write_bytes(_FILE.dump_json(known))
            os.replace(new, self._path)  # noqa: PTH105 - says that an older one is replaced
        except OSError as error:
            _log.info("what convoys told is read again next time: %s", error)

    def _load(self) -> dict[ConvoyId, _Kept]:
        try:
            return _FILE.validate_json(self._path.read_bytes(), strict=True)
        except (OSError, ValidationError):
            return {}

    def _size(self, convoy: ConvoyId) -> int:
        try:
            return (self._events / f"{convoy}.jsonl").stat().st_size
        except OSError:
            return 0
