"""What a command may leave behind when it has ended by itself: nothing that is listed here."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from gastown_desktop.adapters.processes import start_time

_KEPT_REFS = re.compile(
    r"refs/gastown/(source/|resolutions|tells|rehearsals/[^/]+/(plan$|resolutions|transcripts/))"
    r"|refs/heads/(convoy|rehearsal)/"
)
"""Of a rehearsal that is over."""


def processes(home: Path, data: Path) -> list[str]:
    """Command lines of living processes that have to do with a HOME or a data folder."""
    marks = (os.fsencode(home) + b"\0", os.fsencode(data))
    found: list[str] = []
    for folder in Path("/proc").iterdir():
        try:
            if not folder.name.isdecimal() or int(folder.name) == os.getpid():
                continue
            seen = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if any(mark in seen for mark in marks) and start_time(int(folder.name)) is not None:
            found.append(f"{folder.name} {seen[:200]!r}")
    return found


def files(data: Path) -> list[str]:
    """Slots and locks that should not be there after a command ended."""
    slots = (data / "wt").glob("*/*")
    locks = (data / "rigs").glob("*/town.git/**/*.lock")
    half_made = (data / "rigs").glob("*/town.git.new")
    scratch = [*(data / "rigs").glob("*/scratch"), *(data / "rigs").glob("*/*/*/scratch")]
    return [str(path.relative_to(data)) for path in (*slots, *locks, *half_made, *scratch)]


def refs(data: Path) -> list[str]:
    """Refs that only a fleet at work has."""
    found: list[str] = []
    for town in (data / "rigs").glob("*/town.git"):
        listing = ["git", "--git-dir", str(town), "for-each-ref", "--format=%(refname)"]
        names = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split()
        found += [name for name in names if not _KEPT_REFS.match(name)]
    return found
