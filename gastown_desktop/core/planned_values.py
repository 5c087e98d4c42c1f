"""What a bead of a plan must say: checks of titles, texts, paths, sizes, each with how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast, get_args

from gastown_desktop.core.bead import BeadKind, BeadSize
from gastown_desktop.core.errors import PlanRefused
from gastown_desktop.core.known_paths import KnownPaths
from gastown_desktop.core.plain_text import one_line, plain_text, shown_path

LONGEST_TITLE = 120
LONGEST_DESCRIPTION = 4_000
LONGEST_ACCEPTANCE = 1_000
LONGEST_PATH = 400
MOST_FILES = 12
"""Paths that one bead may expect to touch; one that touches more is to be split."""
PLANNED_KINDS: tuple[str, ...] = ("task", "bug", "feature", "chore")
"""Kinds that a plan is made of; the others are nobody's work, or the town's own."""
SIZES: tuple[str, ...] = get_args(BeadSize)


def title_of(text: str, *, about: str = "A bead") -> str:
    """A title in one line, without what cannot be seen."""
    title = one_line(text)
    if not title:
        raise PlanRefused(f"{about} has no title: say in a few words what will be done.")
    if len(title) > LONGEST_TITLE:
        raise PlanRefused(
            f"The title “{title[:40]}…” has {len(title)} characters; at most {LONGEST_TITLE} are taken: "
            "shorten it and put the rest into the description."
        )
    return title


def description_of(text: str, title: str) -> str:
    """A description; it may be empty."""
    return _long_text(text, LONGEST_DESCRIPTION, "description", title)


def acceptance_of(text: str, title: str) -> str:
    """What shows that a bead is done."""
    acceptance = _long_text(text, LONGEST_ACCEPTANCE, "acceptance", title)
    if not acceptance:
        raise PlanRefused(
            f"“{title}” has no acceptance: say what shows that it is done, best a command that must succeed."
        )
    return acceptance


def kind_of(kind: str, title: str) -> BeadKind:
    """A kind that a plan is made of."""
    if kind not in PLANNED_KINDS:
        raise PlanRefused(
            f"“{title}” is of the unknown kind {one_line(kind)!r}: use {', '.join(PLANNED_KINDS)}."
        )
    return cast("BeadKind", kind)


def priority_of(priority: int, title: str) -> int:
    """A priority from 0 to 4."""
    if not 0 <= priority <= 4:
        raise PlanRefused(
            f"“{title}” has priority {priority}: it goes from 0, most urgent, to 4; 2 is ordinary."
        )
    return priority


def size_of(size: str, why_large: str, title: str) -> BeadSize:
    """A size; a large bead has to say why it is not split."""
    if size not in SIZES:
        raise PlanRefused(f"“{title}” is of the unknown size {one_line(size)!r}: use S, M or L.")
    if size == "L" and not why_large:
        raise PlanRefused(
            f"“{title}” is of size L: split it into beads of about an hour each, or say in `why_large` why "
            "it cannot be split."
        )
    return cast("BeadSize", size)


def files_of(
    files: Iterable[str], new_files: Iterable[str], known: KnownPaths, title: str
) -> tuple[str, ...]:
    """Paths that a bead expects to touch.

    Args:
        files: paths that exist.
        new_files: paths that the bead makes.
        known: paths at the convoy's base, and those that other beads of the plan make.
        title: the bead's, for the refusal.
    """
    old, new = list(dict.fromkeys(files)), list(dict.fromkeys(new_files))
    for path in (*old, *new):
        require_inside(path, title)
    missing = [path for path in old if not known.is_file(path) and path not in new]
    if missing:
        raise PlanRefused(_missing_text(missing, known, title))
    for path in new:
        _require_free(path, known, title)
    paths = tuple(dict.fromkeys((*old, *new)))
    if not paths:
        raise PlanRefused(
            f"“{title}” names no files: say in `files` which it will touch and in `new_files` which it makes."
        )
    if len(paths) > MOST_FILES:
        raise PlanRefused(
            f"“{title}” expects to touch {len(paths)} files; at most {MOST_FILES} are taken: split it."
        )
    return paths


def require_inside(path: str, title: str) -> None:
    """Refuses what is no path of a file inside the repository."""
    shown = shown_path(path[:LONGEST_PATH])
    parts = path.split("/")
    if not path or len(path) > LONGEST_PATH:
        raise PlanRefused(f"“{title}” names a path that is empty or longer than {LONGEST_PATH} characters.")
    if path.startswith(("/", "~")) or path[1:3] in {":/", ":\\"}:
        raise PlanRefused(
            f"“{title}” names {shown}, which is absolute: paths are relative to the repository's top level."
        )
    if ".." in parts or parts[0].lower() == ".git":
        raise PlanRefused(
            f"“{title}” names {shown}, which is outside the repository: name a file that is in it."
        )
    if "" in parts or "." in parts:
        raise PlanRefused(
            f"“{title}” names {shown}: write paths without `./`, `//` or a slash at the end, and name files, "
            "not folders."
        )
    if any(ord(one) < 32 or ord(one) == 127 for one in path):
        raise PlanRefused(f"“{title}” names {shown}, which holds control characters.")


def _long_text(text: str, longest: int, what: str, title: str) -> str:
    told = plain_text(text)
    if len(told) > longest:
        raise PlanRefused(
            f"The {what} of “{title}” has {len(told):,} characters; at most {longest:,} are taken: shorten "
            "it, or split the bead."
        )
    return told


def _missing_text(missing: Sequence[str], known: KnownPaths, title: str) -> str:
    path = missing[0]
    shown = shown_path(path)
    if known.is_folder(path):
        return f"“{title}” names {shown}, which is a folder: name the files in it."
    if any(one in path for one in "*?["):
        return f"“{title}” names {shown}, which looks like a pattern: name each file."
    more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
    return (
        f"“{title}” names {shown}{more}, which does not exist: correct the path, or put it into `new_files` "
        "if the bead makes it."
    )


def _require_free(path: str, known: KnownPaths, title: str) -> None:
    """Refuses to make a file where a folder is, or below a file."""
    if known.is_folder(path):
        raise PlanRefused(f"“{title}” wants to make {shown_path(path)}, which is a folder: name a file.")
    parts = path.split("/")
    folders = ("/".join(parts[:end]) for end in range(1, len(parts)))
    above = next((one for one in folders if known.is_file(one)), None)
    if above is not None:
        raise PlanRefused(
            f"“{title}” wants to make {shown_path(path)}, but {shown_path(above)} is a file: choose another."
        )
