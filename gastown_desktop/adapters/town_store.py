"""Histories on disk, `events/<convoy>.jsonl`, and the SQLite index that only makes them quick to search.

The files are the truth: the index is filled from them at opening and can be deleted at any time.
"""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gastown_desktop.core.disk_errors import unwritten
from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.event_lines import decode, is_intact
from gastown_desktop.core.events import Envelope
from gastown_desktop.engine.crash_points import crash_point


class FileEventStore:
    """Implements the EventStore port: one line per event, appended and fsynced in groups."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Opens the history of one convoy.

        Args:
            path: `<rig>/events/<convoy>.jsonl`, made when missing.
            read_only: look only; a torn last line is skipped, not cut off.

        Raises:
            StoreError: a line before the last is damaged.
        """
        self._path = path
        self._lines = read_lines(path)
        self._thread: ThreadPoolExecutor | None = None
        if read_only:
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._file, sum(map(len, self._lines)))
        _sync_folder(path.parent)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="event-store")

    def lines(self) -> list[bytes]:
        """Intact lines found at opening."""
        return list(self._lines)

    async def append(self, lines: Sequence[bytes]) -> None:
        """Writes lines and waits for fsync.

        Raises:
            StoreError: opened to look only, or the disk refused; nothing of it was acknowledged.
        """
        if self._thread is None:
            raise StoreError("This history was opened to look only.")
        await asyncio.get_running_loop().run_in_executor(self._thread, self._write, b"".join(lines))

    async def close(self) -> None:
        """Closes the file."""
        if self._thread is not None:
            self._thread.shutdown(wait=True)
            os.close(self._file)
            self._thread = None

    def _write(self, data: bytes) -> None:
        start = os.fstat(self._file).st_size
        try:
            crash_point("event-append")
            if os.write(self._file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            crash_point("event-fsync")
            os.fdatasync(self._file)
            crash_point("event-durable")
        except OSError as error:
            os.ftruncate(self._file, start)
            safe = "Finished turns and merged work are in git."
            raise unwritten(error, "The history", safe=safe) from error


def read_lines(path: Path) -> list[bytes]:
    """All intact lines of a history; a torn last one is left out.

    Raises:
        StoreError: a line before the last is damaged.
    """
    if not path.exists():
        return []
    lines = io.BytesIO(path.read_bytes()).readlines()
    if lines and not is_intact(lines[-1]):
        lines.pop()
    for number, line in enumerate(lines, 1):
        if not is_intact(line):
            raise StoreError(
                f"Line {number} of the history {path} is damaged.",
                safe="Nothing was changed; finished turns and merged work are in git.",
                remedy="Restore it from a backup.",
            )
    return lines


def _sync_folder(folder: Path) -> None:
    """Makes a new file's name durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    convoy TEXT NOT NULL, seq INTEGER NOT NULL, at TEXT NOT NULL, kind TEXT NOT NULL,
    bead TEXT, polecat TEXT, line BLOB NOT NULL, PRIMARY KEY (convoy, seq)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS event_by_polecat ON event (polecat, at);
CREATE INDEX IF NOT EXISTS event_by_bead ON event (bead, at);
"""


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """What to look for; None means anything."""

    convoy: str | None = None
    polecat: str | None = None
    bead: str | None = None
    since: str | None = None
    """First moment: ISO 8601 in UTC with its offset, as the history spells it."""
    until: str | None = None
    """Last moment, spelled like `since`."""


class HistoryIndex:
    """The SQLite index over all histories of a rig; rebuilt from them whenever it is missing or behind.

    A file that cannot be used is replaced once by a new one; where that cannot be used either, or where
    another process keeps it locked, the index is in memory alone.
    """

    def __init__(self, rig_folder: Path) -> None:
        """Opens the index of `<rig>/events/*.jsonl`; `update` fills it."""
        self._events = rig_folder / "events"
        self._file = rig_folder / "index.sqlite"
        self._replaced = self._in_memory = False
        try:
            self._database = _opened(self._file)
        except sqlite3.Error as error:
            self._database = self._opened_anew(error)

    def update(self) -> int:
        """Reads what the histories have and the index lacks; returns how many events that were.

        Raises:
            StoreError: a line of a history before the last is damaged.
        """
        while True:
            try:
                return self._update_all()
            except sqlite3.Error as error:
                self._database.close()
                self._database = self._opened_anew(error)

    def find(self, query: HistoryQuery) -> Iterator[Envelope]:
        """Envelopes that match, in order of time.

        Raises:
            StoreError: the index had to be filled anew, and a history is damaged.
        """
        while True:
            try:
                lines = self._find_lines(query)
                break
            except sqlite3.Error as error:
                self._database.close()
                self._database = self._opened_anew(error)
                self.update()
        yield from map(decode, lines)

    def close(self) -> None:
        """Closes the database."""
        self._database.close()

    def _opened_anew(self, error: sqlite3.Error) -> sqlite3.Connection:
        """An empty index in the place of one that failed.

        Raises:
            sqlite3.Error: the one that failed was in memory already.
        """
        if self._in_memory:
            raise error
        if not self._replaced and not _is_locked(error):
            self._replaced = True
            with suppress(OSError, sqlite3.Error):
                for file in (self._file, self._file.with_name(f"{self._file.name}-journal")):
                    file.unlink(missing_ok=True)
                return _opened(self._file)
        self._in_memory = True
        return _opened(":memory:")

    def _update_all(self) -> int:
        added = 0
        paths = sorted(self._events.glob("*.jsonl"))
        for path in paths:
            added += self._update_one(path)
        self._forget_all_but({path.stem for path in paths})
        self._database.commit()
        return added

    def _find_lines(self, query: HistoryQuery) -> list[bytes]:
        conditions = [
            ("convoy = ?", query.convoy),
            ("polecat = ?", query.polecat),
            ("bead = ?", query.bead),
            ("at >= ?", query.since),
            ("at <= ?", query.until),
        ]
        wanted = [(text, value) for text, value in conditions if value is not None]
        where = " AND ".join(text for text, _ in wanted) or "1"
        rows = self._database.execute(
            f"SELECT line FROM event WHERE {where} ORDER BY at, convoy, seq",  # noqa: S608 - fixed texts only
            [value for _, value in wanted],
        )
        return [line for (line,) in rows]

    def _update_one(self, path: Path) -> int:
        """Adds what is new; lines that were indexed before they were durable, and lost, are replaced."""
        lines = read_lines(path)
        known: list[bytes] = [
            line
            for (line,) in self._database.execute(
                "SELECT line FROM event WHERE convoy = ? ORDER BY seq", (path.stem,)
            )
        ]
        if known != lines[: len(known)]:
            self._database.execute("DELETE FROM event WHERE convoy = ?", (path.stem,))
            known = []
        rows = [_row(path.stem, line) for line in lines[len(known) :]]
        self._database.executemany("INSERT OR REPLACE INTO event VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        return len(rows)

    def _forget_all_but(self, convoys: set[str]) -> None:
        known = [convoy for (convoy,) in self._database.execute("SELECT DISTINCT convoy FROM event")]
        gone = [(convoy,) for convoy in known if convoy not in convoys]
        self._database.executemany("DELETE FROM event WHERE convoy = ?", gone)


def _opened(place: Path | str) -> sqlite3.Connection:
    database = sqlite3.connect(place)
    try:
        database.executescript(_SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database


def _is_locked(error: sqlite3.Error) -> bool:
    """Tells whether the file is whole and another process only has it."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _row(convoy: str, line: bytes) -> tuple[str, int, str, str, str | None, str | None, bytes]:
    body = json.loads(line.partition(b" ")[2])
    return convoy, body["seq"], body["at"], body["kind"], body.get("bead"), body.get("polecat"), line
