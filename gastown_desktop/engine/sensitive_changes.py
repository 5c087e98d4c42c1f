"""What of a change somebody has to look at before it lands."""

from __future__ import annotations

from gastown_desktop.core.ids import Oid
from gastown_desktop.core.plain_text import shown_path
from gastown_desktop.core.sensitive import SensitiveChange, told, why_content_is, why_sensitive
from gastown_desktop.engine.git_ports import EXECUTABLE, REGULAR, GitObjects, TreeChange

_LARGEST = 2_000_000
"""Bytes of the largest file whose content is looked into."""


async def sensitive_changes(objects: GitObjects, before: Oid, after: Oid) -> tuple[SensitiveChange, ...]:
    """Each sensitive change between two trees."""
    found: list[SensitiveChange] = []
    for change in await objects.diff_trees(before, after):
        why = why_sensitive(change.path, change.old_mode, change.new_mode) or await _by_content(
            objects, change
        )
        if why:
            found.append(SensitiveChange(path=shown_path(change.path), why=why))
    return tuple(found)


async def sensitive_work(objects: GitObjects, base: Oid, commit: Oid) -> tuple[str, ...]:
    """What of a merge request somebody has to look at, in the words of its history.

    Args:
        objects: the rig's repository.
        base: the commit that the work started from.
        commit: the work.
    """
    trees = [await objects.tree_of(one) for one in (base, commit)]
    return told(await sensitive_changes(objects, *trees))


async def _by_content(objects: GitObjects, change: TreeChange) -> str:
    if change.new_oid is None or change.new_mode not in {REGULAR, EXECUTABLE}:
        return ""
    if await objects.blob_size(change.new_oid) > _LARGEST:
        return "it is large"
    is_file = change.old_oid is not None and change.old_mode in {REGULAR, EXECUTABLE}
    old = await objects.read_blob(change.old_oid) if is_file and change.old_oid else b""
    return why_content_is(old, await objects.read_blob(change.new_oid))
