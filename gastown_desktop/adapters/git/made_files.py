"""What a setup made in a slot: taken down file by file, so that what was changed since is not taken for it.

A worker may write into what a setup made (`.venv`, `node_modules`, `build`), and the next who gets the slot
must not find that. Nobody in a sandbox can set the time at which a file's status changed, so that an equal
stamp means the same file.
"""

from __future__ import annotations

import json
import os
import re
import stat
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from gastown_desktop.adapters.git.files import delete_any

MOST_TOPS = 500
"""Folders and files that are told to git one by one; what is beyond is left to `.gitignore`."""
_FOLDER = "folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFiles:
    """What there was in a slot, besides what is tracked, when its setup had ended."""

    key: str
    """Names the setup."""
    stamps: Mapping[str, str]
    """Stamp by path; folders end in a slash."""
    tops: tuple[str, ...] = ()
    """Folders that git ignores as a whole, and files that it ignores besides; what is told to git."""


def tops_of(listed: Collection[str]) -> tuple[str, ...]:
    """What git ignores, folders first.

    Args:
        listed: `ls-files --others --ignored --directory`: a folder that is not ignored as a whole is listed
            too, with what is ignored in it.
    """
    whole = [
        path
        for path, after in pairwise((*sorted(listed), ""))
        if not (path.endswith("/") and after.startswith(path))
    ]
    return tuple(sorted(whole, key=lambda path: (not path.endswith("/"), path))[:MOST_TOPS])


def take_down(
    folder: Path, key: str, tracked: Collection[str], left_out: Collection[str], ignored: Collection[str]
) -> MadeFiles:
    """Takes down what is in a slot now.

    Args:
        folder: the slot.
        key: names the setup.
        tracked: paths that are not its work.
        left_out: paths that are written anew at each use.
        ignored: what git ignores, as `tops_of` takes it.
    """
    above = _folders_of({*tracked, *left_out})
    found: dict[str, str] = {}
    for path, info in _walk(folder):
        if path in tracked or path in left_out:
            continue
        if not stat.S_ISDIR(info.st_mode):
            found[path] = _stamp(info)
        elif path not in above:
            found[f"{path}/"] = _FOLDER
    tops = tuple(path for path in tops_of(ignored) if path not in left_out)
    return MadeFiles(key=key, stamps=found, tops=tops)


def sweep(folder: Path, tracked: Collection[str], made: MadeFiles) -> bool:
    """Deletes what is neither tracked nor made by the setup; tells whether all that it made is as it was.

    Args:
        folder: the slot, in which what is tracked was checked out.
        tracked: paths that are tracked now.
        made: what the setup made.
    """
    above, seen = _folders_of(tracked), 0
    try:
        for path, info in _walk(folder, lambda path: path in above or f"{path}/" in made.stamps):
            is_folder = stat.S_ISDIR(info.st_mode)
            stamp = made.stamps.get(f"{path}/" if is_folder else path)
            if stamp is not None and path not in tracked:
                if stamp != (_FOLDER if is_folder else _stamp(info)):
                    return False
                seen += 1
            elif path not in tracked and path not in above:
                delete_any(folder / path)
    except OSError:
        return False
    return seen == len(made.stamps)


def store_made(file: Path, made: MadeFiles) -> None:
    """Writes it down, whole or not at all."""
    told = json.dumps({"key": made.key, "stamps": made.stamps, "tops": made.tops}, ensure_ascii=True)
    new = file.with_name(f"{file.name}.new")
    new.write_bytes(zlib.compress(told.encode("ascii"), 1))
    new.replace(file)


def load_made(file: Path) -> MadeFiles | None:
    """Reads it back; None where there is none, or what is there cannot be read."""
    with suppress(OSError, ValueError, KeyError, TypeError, zlib.error):
        told: dict[str, Any] = json.loads(zlib.decompress(file.read_bytes()))
        return MadeFiles(key=told["key"], stamps=told["stamps"], tops=tuple(told["tops"]))
    return None


def literal(path: str) -> str:
    """A path below the top as a line of `.gitignore` that means it alone."""
    return "/" + re.sub(r"([\\*?\[\] !#])", r"\\\1", path)


def _stamp(info: os.stat_result) -> str:
    return f"{info.st_mode:o} {info.st_size} {info.st_mtime_ns} {info.st_ctime_ns} {info.st_ino}"


def _folders_of(paths: Collection[str]) -> set[str]:
    """All folders above these paths."""
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _walk(top: Path, enters: Callable[[str], bool] = lambda _: True) -> Iterator[tuple[str, os.stat_result]]:
    """Everything below a slot but its `.git`, folders before what is in them; links are not followed."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(top / below) as entries:
            listed = list(entries)
        for entry in listed:
            path = f"{below}/{entry.name}" if below else entry.name
            if path == ".git":
                continue
            info = entry.stat(follow_symlinks=False)
            yield path, info
            if stat.S_ISDIR(info.st_mode) and enters(path):
                waiting.append(path)
