"""Files that many beads touch at the same place: lock files, change logs, numbered migrations, snapshots.

A rig may say how each kind is settled: *generated* files are made anew by a command, lines of *union* files
are kept from both sides, and beads that touch the same *serial* files work one after the other.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeVar

_Bead = TypeVar("_Bead")


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """A file that a command makes from others."""

    path: str
    """Relative to the top of the repository, no pattern."""
    command: str
    """Shell command that makes it anew, run at the top of a slot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialisingFiles:
    """What a rig says about its serialising files."""

    generated: tuple[Generated, ...] = ()
    union: tuple[str, ...] = ()
    """Patterns as in .gitattributes (see `matches`)."""
    serial: tuple[str, ...] = ()
    """Patterns likewise."""

    def __bool__(self) -> bool:
        return bool(self.generated or self.union or self.serial)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How the conflicts of one merge are settled."""

    generated: tuple[Generated, ...] = ()
    """To be made anew, each once, in the order in which the rig lists them."""
    union: tuple[str, ...] = ()
    """Paths to merge by keeping the lines of both sides."""
    left: tuple[str, ...] = ()
    """Paths that nothing settles: while there is one, the merge is a conflict."""


def matches(path: str, pattern: str) -> bool:
    """Tells whether a path fits a pattern, as in .gitattributes without its exceptions.

    A pattern without a slash fits the last part of a path at any depth. With a slash it begins at the top of
    the repository; `*` and `?` stay within one part, `**` stands for any number of parts.

    Args:
        path: relative to the top, `/` between parts.
        pattern: for example `*.lock`, `docs/CHANGES.md`, `db/**/migrations/*.sql`.
    """
    if "/" not in pattern:
        return fnmatchcase(path.rpartition("/")[2], pattern)
    return _fit(path.split("/"), pattern.strip("/").split("/"))


def _fit(parts: list[str], pattern: list[str]) -> bool:
    """Matches part by part; reachable positions instead of recursion, so that many `**` cost nothing."""
    reached = {0}
    for wanted in pattern:
        if wanted == "**":
            reached = set(range(min(reached), len(parts) + 1)) if reached else reached
        else:
            reached = {at + 1 for at in reached if at < len(parts) and fnmatchcase(parts[at], wanted)}
    return len(parts) in reached


def settle(conflicts: Iterable[str], rules: SerialisingFiles) -> Settlement:
    """Decides which conflicting paths need nobody; a path that is both generated and union is generated."""
    generated = {one.path: one for one in rules.generated}
    paths = sorted(set(conflicts))
    union = [path for path in paths if path not in generated and _any(path, rules.union)]
    return Settlement(
        generated=tuple(one for one in rules.generated if one.path in paths),
        union=tuple(union),
        left=tuple(path for path in paths if path not in generated and path not in union),
    )


def is_union(path: str, rules: SerialisingFiles) -> bool:
    """Tells whether the lines of a path are kept from both sides, so that nobody has to wait for it."""
    return _any(path, rules.union) and path not in {one.path for one in rules.generated}


def serial_groups(
    files: Mapping[_Bead, Collection[str]], rules: SerialisingFiles
) -> dict[str, tuple[_Bead, ...]]:
    """Beads that may not work at the same time, by the serial pattern that they share.

    Args:
        files: paths that each bead is expected to touch, in planning order, which is kept.
        rules: a pattern that fewer than two beads touch is left out.
    """
    groups = {
        pattern: tuple(bead for bead, paths in files.items() if any(matches(path, pattern) for path in paths))
        for pattern in rules.serial
    }
    return {pattern: beads for pattern, beads in groups.items() if len(beads) > 1}


# --- proposals ------------------------------------------------------------------------------------

_LOCK_FILES = {
    "package-lock.json": "npm install --package-lock-only --offline",
    "npm-shrinkwrap.json": "npm install --package-lock-only --offline",
    "pnpm-lock.yaml": "pnpm install --lockfile-only --offline",
    "yarn.lock": "yarn install --offline",
    "Cargo.lock": "cargo generate-lockfile --offline",
    "poetry.lock": "poetry lock",
    "uv.lock": "uv lock --offline",
    "pdm.lock": "pdm lock",
    "Pipfile.lock": "pipenv lock",
    "Gemfile.lock": "bundle lock --local",
    "composer.lock": "composer update --lock",
    "go.sum": "go mod tidy",
    "flake.lock": "nix flake lock",
}
"""Commands of the tools' own manuals; sandboxes have no network, so those that can are told so."""
_CHANGE_LOGS = ("change*", "history*", "news*", "release*notes*", "changes")
_TEXT = frozenset({"", "md", "rst", "txt", "adoc", "markdown"})
_SNAPSHOTS = ("__snapshots__", "snapshots")


def propose(hot_spots: Iterable[str], rules: SerialisingFiles) -> SerialisingFiles:
    """What a rig could say about files that many beads touch; what it says already is left out."""
    known = {one.path for one in rules.generated}
    new = [path for path in hot_spots if path not in known and not _any(path, rules.union + rules.serial)]
    lock_files = [path for path in new if _name(path) in _LOCK_FILES]
    logs = [path for path in new if _is_change_log(path)]
    serial = [_serial_pattern(path) for path in new if path not in lock_files and path not in logs]
    return SerialisingFiles(
        generated=tuple(Generated(path=path, command=_regenerate(path)) for path in lock_files),
        union=tuple(logs),
        serial=tuple(dict.fromkeys(pattern for pattern in serial if pattern is not None)),
    )


def as_toml(rules: SerialisingFiles) -> str:
    """The rules as `.gastown.toml` spells them; arrays come first, as tables would swallow them."""
    lines: list[str] = []
    for name, patterns in (("union", rules.union), ("serial", rules.serial)):
        if patterns:
            lines.append(f"{name} = [{', '.join(map(_quoted, patterns))}]")
    for one in rules.generated:
        lines += ["", "[[generated]]", f"path = {_quoted(one.path)}", f"command = {_quoted(one.command)}"]
    return "\n".join(lines).strip() + "\n" if lines else ""


def _any(path: str, patterns: Iterable[str]) -> bool:
    return any(matches(path, pattern) for pattern in patterns)


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _regenerate(path: str) -> str:
    folder, command = path.rpartition("/")[0], _LOCK_FILES[_name(path)]
    return f"cd {_shell_quoted(folder)} && {command}" if folder else command


def _shell_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _is_change_log(path: str) -> bool:
    stem, _, suffix = _name(path).lower().partition(".")
    return suffix in _TEXT and _any(stem, _CHANGE_LOGS)


def _serial_pattern(path: str) -> str | None:
    """A pattern for files that beads make one after the other: migrations and their numbers, snapshots."""
    folder, _, name = path.rpartition("/")
    parts = folder.lower().split("/")
    if any(part in {"migrations", "migrate"} or part in _SNAPSHOTS for part in parts):
        return f"{folder}/*"
    is_schema = name in {"schema.rb", "structure.sql", "schema.prisma"}
    return path if is_schema or name.lower().endswith(".snap") else None


def _quoted(text: str) -> str:
    """A TOML basic string; what TOML cannot hold (bytes that are no text) is replaced."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")
