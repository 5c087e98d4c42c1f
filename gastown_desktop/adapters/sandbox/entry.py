"""How to get into a sandbox, and what every sandbox has."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where programs are looked for last."""
GIT_CONFIG = "[user]\n\tname = Worker\n\temail = worker@gastown.invalid\n"
"""What the commits of a worker are signed with."""


@dataclass(frozen=True, slots=True)
class Entry:
    """How to get into a sandbox: what to write before `sh`, with which variables, and where."""

    prefix: tuple[str, ...]
    environment: Mapping[str, str]
    prologue: str = ""
    folder: Path | None = None
    files: str = ""
    """Where a shell finds the folder of its command file."""


def encoded(command: str) -> bytes:
    """A command as bytes, whatever its text holds."""
    try:
        return command.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return command.encode("utf-8", "replace")


def folder_in(scratch: Path, prefix: str) -> Path:
    """Makes a new folder below `scratch`."""
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=prefix, dir=scratch))
