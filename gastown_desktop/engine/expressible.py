"""Which paths of past work a worker cannot make with files in a slot; code puts those in place instead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.git_ports import (
    EXECUTABLE,
    GITLINK,
    REGULAR,
    SYMLINK,
    GitObjects,
    Slot,
    Slots,
    TreeChange,
)

if TYPE_CHECKING:
    from gastown_desktop.engine.replay import PastWork

LARGEST_FILE = 20_000_000
"""Bytes of the largest file that a snapshot takes."""

MechanicalPaths = dict[str, str]
"""Path → why a worker cannot make it."""


async def mechanical_paths(objects: GitObjects, slots: Slots, work: PastWork, parent: Oid) -> MechanicalPaths:
    """Paths of this work that no worktree expresses, found by really making them in a slot.

    Args:
        objects: the rig's own repository.
        slots: where to try; the slot `plan` is used.
        work: past work.
        parent: its first parent commit.
    """
    known = {change.path: reason for change in work.changes if (reason := await _why_not(objects, change))}
    slot = await slots.prepare("plan", parent)
    rest = [change for change in work.changes if change.path not in known]
    for change in rest:
        if await _is_converted(objects, slot, change):
            known[change.path] = "its bytes differ between git and a working folder"
    rest = [change for change in rest if change.path not in known]
    for change in sorted(rest, key=lambda change: change.new_oid is not None):
        await _make(objects, slot, change)
    made = await slots.snapshot(slot)
    wanted = {change.path for change in rest}
    for difference in await objects.diff_trees(made.tree, work.tree):
        if difference.path in wanted:
            known[difference.path] = "git ignores or converts it when it is added"
    return known


async def _why_not(objects: GitObjects, change: TreeChange) -> str:
    """Why a change cannot be made, as far as one sees without trying; empty if it can."""
    try:
        change.path.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if GITLINK in {change.old_mode, change.new_mode}:
        return "a submodule"
    if change.new_oid is not None and await objects.blob_size(change.new_oid) > LARGEST_FILE:
        return "larger than 20 MB"
    return ""


async def _is_converted(objects: GitObjects, slot: Slot, change: TreeChange) -> bool:
    """Tells whether a file that changes looks different in a slot (line ends, keywords, encoding)."""
    file = slot.folder / change.path
    if change.old_oid is None or change.new_oid is None or change.old_mode not in {REGULAR, EXECUTABLE}:
        return False
    if file.is_symlink() or not file.is_file():
        return True
    return file.read_bytes() != await objects.read_blob(change.old_oid)


async def _make(objects: GitObjects, slot: Slot, change: TreeChange) -> None:
    file = slot.folder / change.path
    if change.old_oid is not None:
        file.unlink(missing_ok=True)
        _drop_empty_folders(file.parent, slot.folder)
    if change.new_oid is None:
        return
    data = await objects.read_blob(change.new_oid)
    file.parent.mkdir(parents=True, exist_ok=True)
    if change.new_mode == SYMLINK:
        file.symlink_to(data.decode("utf-8", "surrogateescape"))
    else:
        file.write_bytes(data)
        file.chmod(0o755 if change.new_mode == EXECUTABLE else 0o644)


def _drop_empty_folders(folder: Path, top: Path) -> None:
    while folder != top and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
