"""Landing intents: what is about to happen to a ref, written down in git before it happens.

An intent is a blob under `RefNames.intents`. It is taken down once what it announced was told; one that is
still there at a start says where a stop came.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gastown_desktop.core.errors import GitError
from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.crash_points import crash_point
from gastown_desktop.engine.kit import Kit


async def intend(kit: Kit, name: str, note: Mapping[str, object]) -> Oid:
    """Writes an intent down; returns its id, by which it is forgotten.

    Raises:
        GitError: somebody else wrote one of this name at the same moment.
    """
    blob = await kit.objects.write_blob(json.dumps(dict(note)).encode("ascii"))
    crash_point("intent-before")
    ref = kit.refs.intents + name
    if not await kit.objects.swap_ref(ref, old=await kit.objects.read_ref(ref), new=blob):
        raise GitError("A landing intent moved while it was written.")
    crash_point("intent-after")
    return blob


async def intended(kit: Kit, name: str) -> dict[str, Any] | None:
    """The intent of this name; None when there is none."""
    blob = await kit.objects.read_ref(kit.refs.intents + name)
    return None if blob is None else json.loads(await kit.objects.read_blob(blob))


async def forget(kit: Kit, name: str, intent: Oid | None = None) -> None:
    """Takes an intent down, if it is (still) this one; without one named, whichever is there."""
    ref = kit.refs.intents + name
    known = intent or await kit.objects.read_ref(ref)
    if known is not None:
        await kit.objects.swap_ref(ref, old=known, new=None)
