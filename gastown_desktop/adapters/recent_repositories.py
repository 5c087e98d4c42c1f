"""`recents.json`: repositories that were opened, newest first."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

MOST = 20


@dataclass(frozen=True, slots=True)
class Opened:
    """A repository and when it was opened."""

    path: Path
    at: datetime


class RecentRepositories:
    """The list of one data folder. A file that cannot be read is an empty list: nothing depends on it."""

    def __init__(self, file: Path) -> None:
        """Reads and writes this file."""
        self._file = file

    def all(self) -> list[Opened]:
        """Newest first."""
        try:
            listed = cast("list[dict[str, Any]]", json.loads(self._file.read_text(encoding="utf-8")))
            return [Opened(Path(one["path"]), datetime.fromisoformat(one["at"])) for one in listed]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def add(self, path: Path, at: datetime) -> None:
        """Puts a repository in front.

        Raises:
            OSError: it cannot be written.
        """
        others = [one for one in self.all() if one.path != path]
        self._write([Opened(path, at), *others][:MOST])

    def remove(self, path: Path) -> None:
        """Takes a repository off the list.

        Raises:
            OSError: it cannot be written.
        """
        self._write([one for one in self.all() if one.path != path])

    def _write(self, listed: list[Opened]) -> None:
        text = json.dumps([{"path": str(one.path), "at": one.at.isoformat()} for one in listed], indent=1)
        new = self._file.with_suffix(".new")
        new.write_text(text, encoding="utf-8", errors="surrogateescape")
        os.replace(new, self._file)  # noqa: PTH105 - says that an older one is replaced
