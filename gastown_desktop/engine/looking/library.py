"""What may be looked at: tracked blobs of one commit, never a folder of the user's."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.core.ids import Oid
from gastown_desktop.core.line_pattern import LinePattern
from gastown_desktop.core.plain_text import one_line, shown_path
from gastown_desktop.core.secrets import NO_SECRETS, Secrets
from gastown_desktop.core.serialising import matches
from gastown_desktop.core.wording import plural
from gastown_desktop.engine.git_ports import GITLINK, SYMLINK, Commit, GitObjects, TreeEntry
from gastown_desktop.engine.ports import Clock

READ_LIMIT = 2 * 1024 * 1024
"""Bytes of the largest file that is read."""
MOST_LINES = 2_000
USUAL_LINES = 400
LONGEST_LINE = 2_000
MOST_CHARACTERS = 40_000
MOST_LISTED = 400
MOST_FOUND = 100
SEARCHED_FILES = 20_000
SEARCHED_BYTES = 64 * 1024 * 1024
SEARCH_S = 10.0
_SEARCHED_FILE = 1024 * 1024
_SHOWN_LINE = 300
_SEARCHED_LINE = 1_000
_KEPT_BYTES = 32 * 1024 * 1024
MOST_COMMITS = 30
WALKED_COMMITS = 500
_HISTORY_S = 10.0
_SHOWN_PATHS = 8
_BINARY_LOOK = 8_000


@dataclass(slots=True)
class _Shelf:
    """Blobs that were read, the least used dropped first."""

    blobs: OrderedDict[Oid, bytes] = field(default_factory=OrderedDict[Oid, bytes])
    held: int = 0

    def put(self, oid: Oid, data: bytes) -> None:
        if len(data) > _KEPT_BYTES // 4:
            return
        self.blobs[oid] = data
        self.held += len(data)
        while self.held > _KEPT_BYTES:
            self.held -= len(self.blobs.popitem(last=False)[1])

    def get(self, oid: Oid) -> bytes | None:
        if oid in self.blobs:
            self.blobs.move_to_end(oid)
        return self.blobs.get(oid)


class Library:
    """One commit of the rig's own repository, for reading."""

    def __init__(self, objects: GitObjects, base: Oid, clock: Clock, secrets: Secrets = NO_SECRETS) -> None:
        """Reads nothing yet.

        Args:
            objects: the rig's own repository.
            base: the commit.
            clock: the time, for limits on long searches.
            secrets: what is not to be told, also where a line is cut in the middle of it.
        """
        self._secrets = secrets
        self._objects = objects
        self._base = base
        self._clock = clock
        self._entries: dict[str, TreeEntry] | None = None
        self._shelf = _Shelf()

    async def entries(self) -> dict[str, TreeEntry]:
        """All tracked paths, in git's order."""
        if self._entries is None:
            leaves = await self._objects.list_tree(self._base, recursive=True)
            self._entries = {leaf.path: leaf for leaf in leaves}
        return self._entries

    async def read(self, path: str, first: int, count: int) -> str:
        """Numbered lines of a file.

        Args:
            path: relative to the top level.
            first: line to begin with, from 1.
            count: how many lines; 0 for the usual number.

        Raises:
            ToolRefused: there is no such text file, or it is too large.
        """
        entry = await self._entry(path)
        shown = shown_path(entry.path)
        if entry.mode == GITLINK:
            raise ToolRefused(f"{shown} is another repository (a submodule); what is in it cannot be read.")
        if entry.mode == SYMLINK:
            target = (await self._objects.read_blob(entry.oid)).decode("utf-8", "replace")
            raise ToolRefused(f"{shown} is a link to {one_line(target)[:200]}; links are not followed.")
        size = await self._objects.blob_size(entry.oid)
        if size > READ_LIMIT:
            raise ToolRefused(f"{shown} has {size:,} bytes; files above {READ_LIMIT:,} are not read.")
        data = await self._blob(entry.oid)
        if is_binary(data):
            raise ToolRefused(f"{shown} is binary ({size:,} bytes).")
        return _numbered(data.decode("utf-8", "replace"), max(1, first), count)

    async def list_files(self, folder: str, pattern: str) -> str:
        """What a folder holds, or the files below it that fit a pattern.

        Raises:
            ToolRefused: there is no such folder.
        """
        entries = await self.entries()
        prefix = await self._prefix(folder)
        below = [path for path in entries if path.startswith(prefix)]
        if pattern:
            found = [path for path in below if matches(path.removeprefix(prefix), pattern)]
            return _listing([f"{shown_path(path)}{_mark(entries[path])}" for path in found], "file")
        lines: dict[str, int] = {}
        for path in below:
            name, slash, _ = path.removeprefix(prefix).partition("/")
            lines[name + slash] = lines.get(name + slash, 0) + 1
        told = [
            f"{shown_path(prefix + name)} ({plural(count, 'file')})"
            if name.endswith("/")
            else f"{shown_path(prefix + name)}{_mark(entries[prefix + name])}"
            for name, count in lines.items()
        ]
        return _listing(told, "entry", "entries")

    async def search(self, pattern: str, folder: str, glob: str, *, ignore_case: bool) -> str:
        """Lines that fit a regular expression, as `path:line:text`.

        Raises:
            ToolRefused: the expression makes no sense, or there is no such folder.
        """
        wanted = LinePattern(pattern, ignore_case=ignore_case)
        entries, prefix = await self.entries(), await self._prefix(folder)
        paths = [
            path
            for path, entry in entries.items()
            if path.startswith(prefix)
            and entry.mode not in {GITLINK, SYMLINK}
            and (not glob or matches(path.removeprefix(prefix), glob))
        ]
        return await self._search(wanted, paths)

    async def history(self, path: str, count: int) -> str:
        """The last commits along first parents, or those of them that touch a path.

        Args:
            path: a file or folder; empty for all.
            count: how many commits at most.
        """
        most = min(max(1, count), MOST_COMMITS)
        ends = self._clock.monotonic() + _HISTORY_S
        commits = await self._objects.first_parents(self._base, WALKED_COMMITS if path else most)
        told: list[str] = []
        looked = 0
        for commit in commits:
            touched = await self._touched(commit)
            looked += 1
            if not path or any(one == path or one.startswith(f"{path.rstrip('/')}/") for one in touched):
                told.append(_commit_line(commit, touched))
            if len(told) == most or self._clock.monotonic() > ends:
                break
        where = f" that touch {shown_path(path)}" if path else ""
        said = "\n".join(told) or f"(no commits{where})"
        return f"{said}\n(looked at the last {plural(looked, 'commit')})"

    async def _search(self, wanted: LinePattern, paths: Sequence[str]) -> str:
        entries = await self.entries()
        ends = self._clock.monotonic() + SEARCH_S
        found: list[str] = []
        looked, read, why = 0, 0, ""
        for path in paths:
            if len(found) >= MOST_FOUND:
                break
            if looked >= SEARCHED_FILES or read > SEARCHED_BYTES or self._clock.monotonic() > ends:
                why = f"only {looked} of {plural(len(paths), 'file')} were searched"
                break
            looked += 1
            if await self._objects.blob_size(entries[path].oid) > _SEARCHED_FILE:
                continue
            data = await self._blob(entries[path].oid)
            read += len(data)
            if not is_binary(data):
                room = MOST_FOUND - len(found)
                lines = await asyncio.to_thread(_lines_with, wanted, data, room, self._clock, ends)
                found += [f"{shown_path(path)}:{number}:{self._shown(line)}" for number, line in lines]
        if len(found) >= MOST_FOUND:
            why = f"the first {MOST_FOUND} lines"
        said = "\n".join(found) or "(nothing found)"
        return f"{said}\n({why}; narrow the search with `folder` or `glob`)" if why else said

    def _shown(self, line: str) -> str:
        return self._secrets.masked(line.strip())[:_SHOWN_LINE]

    async def _touched(self, commit: Commit) -> list[str]:
        before = await self._objects.tree_of(commit.parents[0]) if commit.parents else None
        if before is None:
            return [leaf.path for leaf in await self._objects.list_tree(commit.tree, recursive=True)]
        return [change.path for change in await self._objects.diff_trees(before, commit.tree)]

    async def _entry(self, path: str) -> TreeEntry:
        entries = await self.entries()
        entry = entries.get(path) or next(
            (one for one in entries.values() if shown_path(one.path) == path), None
        )
        if entry is not None:
            return entry
        if any(one.startswith(f"{path.rstrip('/')}/") for one in entries):
            raise ToolRefused(f"{shown_path(path)} is a folder; use `list_files`.")
        name = path.rpartition("/")[2].lower()
        like = [one for one in entries if name and one.rpartition("/")[2].lower() == name][:5]
        hint = f" Files of that name: {', '.join(map(shown_path, like))}." if like else ""
        raise ToolRefused(f"There is no tracked file {shown_path(path[:400])}.{hint}")

    async def _prefix(self, folder: str) -> str:
        """What the paths in a folder begin with."""
        name = folder.strip().strip("/")
        if name in {"", "."}:
            return ""
        if not any(path.startswith(f"{name}/") for path in await self.entries()):
            raise ToolRefused(f"There is no folder {shown_path(folder[:400])} with tracked files.")
        return f"{name}/"

    async def _blob(self, oid: Oid) -> bytes:
        data = self._shelf.get(oid)
        if data is None:
            data = await self._objects.read_blob(oid)
            self._shelf.put(oid, data)
        return data


def is_binary(data: bytes) -> bool:
    """Whether a file is no text, as git tells it: there is a NUL near its beginning."""
    return b"\0" in data[:_BINARY_LOOK]


def _numbered(text: str, first: int, count: int) -> str:
    lines = text.replace("\r\n", "\n").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    most = min(count, MOST_LINES) if count > 0 else USUAL_LINES
    part = lines[first - 1 : first - 1 + most]
    told: list[str] = []
    room = MOST_CHARACTERS
    for number, line in enumerate(part, first):
        told.append(f"{number}\t{line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + '…'}")
        room -= len(told[-1]) + 1
        if room <= 0:
            break
    if not told:
        return f"(no lines there; the file has {plural(len(lines), 'line')})"
    last = first - 1 + len(told)
    rest = f"\n(lines {first} to {last} of {len(lines)})" if last < len(lines) else ""
    return "\n".join(told) + rest


def _lines_with(
    wanted: LinePattern, data: bytes, room: int, clock: Clock, ends: float
) -> list[tuple[int, str]]:
    """Lines of one file that fit, each after its number; stops when the time is over."""
    found: list[tuple[int, str]] = []
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
        if len(found) >= room or (number % 200 == 0 and clock.monotonic() > ends):
            break
        if wanted.found_in(line.removesuffix("\r")[:_SEARCHED_LINE]):
            found.append((number, line[:_SEARCHED_LINE]))
    return found


def _listing(lines: Sequence[str], one: str, many: str | None = None) -> str:
    if not lines:
        return "(nothing there)"
    more = len(lines) - MOST_LISTED
    told = "\n".join(lines[:MOST_LISTED])
    return f"{told}\n({more} more of {plural(len(lines), one, many)})" if more > 0 else told


def _mark(entry: TreeEntry) -> str:
    if entry.mode == GITLINK:
        return " (another repository)"
    return " (a link)" if entry.mode == SYMLINK else ""


def _commit_line(commit: Commit, touched: Sequence[str]) -> str:
    shown = ", ".join(map(shown_path, touched[:_SHOWN_PATHS]))
    more = f" and {len(touched) - _SHOWN_PATHS} more" if len(touched) > _SHOWN_PATHS else ""
    day = commit.committer.when.date().isoformat()
    return f"{commit.oid[:10]} {day} {one_line(commit.subject)[:150]} [{shown}{more}]"
