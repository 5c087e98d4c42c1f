"""No secret comes into a commit: what is handed in is searched, and again what lands or is pushed."""

from __future__ import annotations

from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.core.ids import Oid
from gastown_desktop.core.plain_text import shown_path
from gastown_desktop.core.secrets import MARK, looks_secret
from gastown_desktop.engine.git_ports import GITLINK, Snapshot
from gastown_desktop.engine.kit import Kit

_LARGEST = 20_000_000
"""Bytes of the largest file that is searched; a snapshot takes no larger one."""


def refuse_left_out(snapshot: Snapshot) -> None:
    """Refuses work of which a file stayed out of the snapshot because a secret is in it.

    Raises:
        ToolRefused: there is one; names it.
    """
    held = [line for line in snapshot.left_out if MARK in line]
    if held:
        raise ToolRefused(f"{held[0]}. Secrets are not committed: take it out and submit again.")


async def refuse_secrets(kit: Kit, base: Oid, tree: Oid) -> None:
    """Refuses a change that adds a secret, known or by its looks.

    Raises:
        ToolRefused: it does; names the file and what was found, not the secret.
    """
    found = await secret_added(kit, await kit.objects.tree_of(base), tree, by_looks=True)
    if found:
        raise ToolRefused(f"{found}. Secrets are not committed: take it out and submit again.")


async def secret_added(kit: Kit, before: Oid, after: Oid, *, by_looks: bool) -> str:
    """Where a tree holds a secret that the one before did not, in words; empty when nowhere.

    Args:
        kit: the convoy.
        before: a tree.
        after: another one.
        by_looks: also keys that are only known by their form. The user may have had a reason for those.
    """
    if not kit.scans:
        return ""
    for change in await kit.objects.diff_trees(before, after):
        if change.new_oid is None or change.new_mode == GITLINK:
            continue
        new = await _content(kit, change.new_oid)
        old = (
            b""
            if change.old_oid is None or change.old_mode == GITLINK
            else await _content(kit, change.old_oid)
        )
        known = kit.secrets.held_in(new)
        if known and known != kit.secrets.held_in(old):
            return f"{shown_path(change.path)} holds {known}"
        if by_looks and (looks := _looks(new) - _looks(old)):
            return f"{shown_path(change.path)} holds what looks like {min(looks)}"
    return ""


async def _content(kit: Kit, blob: Oid) -> bytes:
    if await kit.objects.blob_size(blob) > _LARGEST:
        return b""
    return await kit.objects.read_blob(blob)


def _looks(data: bytes) -> set[str]:
    return set(looks_secret(data.decode("utf-8", "replace")))
