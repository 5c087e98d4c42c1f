"""Tools for looking at a commit: `read`, `list_files`, `search`, `history`, `tests`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from gastown_desktop.core.plain_text import one_line, shown_path
from gastown_desktop.core.wording import plural
from gastown_desktop.engine.looking.library import Library
from gastown_desktop.engine.tools.inputs import flag_of, optional_text_of, short_text_of
from gastown_desktop.engine.tools.workbench import number_of, object_schema

_STRING = {"type": "string"}
_OPTIONAL = {"type": ["string", "null"]}
_MOST_TESTS = 60
_LONGEST_PATTERN = 500


class Looker(Protocol):
    """Who looks: what their tools read, and what has to succeed before work lands."""

    @property
    def library(self) -> Library:
        """The commit."""
        ...

    @property
    def gates(self) -> tuple[str, ...]:
        """Commands of the gates."""
        ...


class LookingTool(Protocol):
    """One of these tools."""

    name: ClassVar[str]
    description: ClassVar[str]
    schema: ClassVar[Mapping[str, object]]

    async def run(self, given: Mapping[str, Any], desk: Looker) -> str:
        """Looks and returns what the model sees.

        Raises:
            ToolRefused: there is no such thing; the text says what to do instead.
        """
        ...


class Read:
    """Shows a file of the base commit with line numbers."""

    name: ClassVar[str] = "read"
    description: ClassVar[str] = (
        "Read a tracked text file of the repository, as it is at the commit that you look at. "
        "Gives numbered lines."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("path", "start", "count"),
        path={"type": "string", "description": "Path relative to the repository's top level."},
        start={"type": "integer", "description": "First line to show, from 1."},
        count={"type": "integer", "description": "How many lines, 2000 at most; 0 for 400."},
    )

    async def run(self, given: Mapping[str, Any], desk: Looker) -> str:
        """Shows the lines asked for."""
        path = short_text_of(given, "path")
        start, count = number_of(given, "start", 1), number_of(given, "count", 0)
        return await desk.library.read(path, start, count)


class ListFiles:
    """Lists a folder, or files by a pattern."""

    name: ClassVar[str] = "list_files"
    description: ClassVar[str] = (
        "List tracked files. Without `glob` it shows what is in the folder itself, sub-folders with the "
        "number of their files; with it all files below the folder that fit."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("folder", "glob"),
        folder={"type": "string", "description": "Folder; empty for the top level."},
        glob={
            **_OPTIONAL,
            "description": "Such as `*.py` (at any depth) or `src/**/test_*.py`; null for none.",
        },
    )

    async def run(self, given: Mapping[str, Any], desk: Looker) -> str:
        """Lists."""
        return await desk.library.list_files(
            short_text_of(given, "folder", ""), optional_text_of(given, "glob") or ""
        )


class Search:
    """Finds a regular expression in tracked files."""

    name: ClassVar[str] = "search"
    description: ClassVar[str] = (
        "Search tracked text files for a regular expression, line by line. Gives `path:line:text`, at most "
        "100 lines. No back-references and no look-around."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("pattern", "folder", "glob", "ignore_case"),
        pattern={"type": "string", "description": "Regular expression."},
        folder={"type": "string", "description": "Folder to look in; empty for all."},
        glob={**_OPTIONAL, "description": "Such as `*.py`; null for all files."},
        ignore_case={"type": "boolean"},
    )

    async def run(self, given: Mapping[str, Any], desk: Looker) -> str:
        """Searches."""
        return await desk.library.search(
            short_text_of(given, "pattern", longest=_LONGEST_PATTERN),
            short_text_of(given, "folder", ""),
            optional_text_of(given, "glob") or "",
            ignore_case=flag_of(given, "ignore_case"),
        )


class History:
    """Shows the last commits."""

    name: ClassVar[str] = "history"
    description: ClassVar[str] = (
        "Show the last commits, newest first, each with its paths; with `path` those that touch it."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("path", "count"),
        path={**_OPTIONAL, "description": "File or folder; null for all."},
        count={"type": "integer", "description": "How many, 30 at most."},
    )

    async def run(self, given: Mapping[str, Any], desk: Looker) -> str:
        """Walks back from the base."""
        return await desk.library.history(
            optional_text_of(given, "path") or "", number_of(given, "count", 10)
        )


class Tests:
    """Shows where the tests are, and what has to succeed before anything lands."""

    name: ClassVar[str] = "tests"
    description: ClassVar[str] = (
        "Show which files look like tests, folder by folder, and the gate commands that must succeed before "
        "a bead lands."
    )
    schema: ClassVar[Mapping[str, object]] = object_schema(
        ("folder",), folder={"type": "string", "description": "Folder to look in; empty for all."}
    )

    async def run(self, given: Mapping[str, Any], desk: Looker) -> str:
        """Tells by their names."""
        prefix = short_text_of(given, "folder", "").strip().strip("/")
        inside = f"{prefix}/" if prefix not in {"", "."} else ""
        paths = [path for path in await desk.library.entries() if path.startswith(inside) and is_test(path)]
        folders = Counter(path.rpartition("/")[0] or "(top level)" for path in paths)
        gates = [f"- {one_line(gate)[:300]}" for gate in desk.gates]
        lines = ["Gates:", *(gates or ["(none is configured)"]), ""]
        lines += [f"{plural(len(paths), 'file looks like a test', 'files look like tests')}:"]
        lines += [f"{shown_path(folder)}: {count}" for folder, count in folders.most_common(_MOST_TESTS)]
        if len(paths) <= _MOST_TESTS:
            lines += ["", *map(shown_path, paths)]
        return "\n".join(lines)


LOOKING: tuple[LookingTool, ...] = (Read(), ListFiles(), Search(), History(), Tests())
"""In their fixed order."""
LOOKING_NAMES = frozenset(tool.name for tool in LOOKING)
"""Tools whose answers can be had again."""

LOOKING_WORDS: Mapping[str, str] = {
    "read": "Reading",
    "list_files": "Listing files",
    "search": "Searching",
    "history": "Looking at the history",
    "tests": "Looking for tests",
}
"""What a call of each does, for who watches."""


def is_test(path: str) -> bool:
    """Whether a path looks like a test's, by the habits of common languages."""
    *folders, name = path.split("/")
    stem, _, suffix = name.partition(".")
    lower = stem.lower()
    if "." in name and (
        lower.startswith(("test_", "tests_"))
        or lower.endswith(("_test", "_tests", "_spec", "-test", "-spec"))
        or suffix.lower().startswith(("test.", "spec."))
        or stem.endswith(("Test", "Tests", "Spec"))
    ):
        return True
    kinds = {"test", "tests", "spec", "specs", "__tests__", "testing"}
    return bool(kinds & {folder.lower() for folder in folders}) and "." in name
