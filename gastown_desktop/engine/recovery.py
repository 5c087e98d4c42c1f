"""Recovery: what refs and logs prove after a stop, told as the events that were lost with the process."""

from __future__ import annotations

import re

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.engine.hooks import Hook
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.landing_recovery import recover_landing
from gastown_desktop.engine.resolving import after_turned_down
from gastown_desktop.engine.resolving_by_hand import tell_by_hand
from gastown_desktop.engine.telling import goes_on, tell_missing
from gastown_desktop.engine.town import LIMIT_ITEM

_BEAD_TRAILER = re.compile(r"^Gastown-Bead: (\S+)$", re.MULTILINE)
_LONGEST_CONVOY = 10_000


async def reconcile(kit: Kit) -> list[Hook]:
    """Brings the history up to what git proves; returns the hooks whose polecats go on.

    Order matters: what was handed in first, then what was merged of it, then what went back.
    """
    hooks = await kit.hooks.load_all()
    for hook in hooks:
        await tell_missing(kit, hook)
    await tell_by_hand(kit)
    await _tell_merges(kit)
    await recover_landing(kit)
    await _forget_intents(kit)
    await _send_back_interrupted(kit)
    going_on = [hook for hook in hooks if goes_on(kit, hook)]
    await _reopen_lost(kit, {hook.assignment.bead for hook in going_on})
    if LIMIT_ITEM in kit.bus.state.needs_you:
        await kit.bus.publish(ev.NeedAnswered(**kit.where, item=LIMIT_ITEM, answer="resumed"))
    return going_on


async def _tell_merges(kit: Kit) -> None:
    """Tells of beads whose landing commit is on the convoy branch."""
    state, objects = kit.bus.state, kit.objects
    tip = await objects.read_ref(kit.refs.convoy_branch)
    if tip is None:
        return
    landed: list[tuple[BeadId, Oid, Oid]] = []
    for commit in await objects.first_parents(tip, _LONGEST_CONVOY):
        if commit.oid == state.base:
            break
        trailers = _BEAD_TRAILER.findall(commit.message)
        if trailers and trailers[-1] in state.beads:
            landed.append((BeadId(trailers[-1]), commit.oid, commit.tree))
    for bead, commit, tree in reversed(landed):
        view = state.beads[bead]
        if view.status not in {"merged", "landed"} and view.merge is not None:
            await kit.bus.publish(
                ev.BeadMerged(**kit.where, bead=bead, merge=view.merge, commit=commit, tree=tree)
            )


async def _forget_intents(kit: Kit) -> None:
    """Takes down landing intents: what they announced is on the branch, and told, or did not happen."""
    for name, note in (await kit.objects.list_refs(kit.refs.intents)).items():
        await kit.objects.swap_ref(name, old=note, new=None)


async def _send_back_interrupted(kit: Kit) -> None:
    """Finishes sending back beads whose merge request was turned down just before the stop."""
    state = kit.bus.state
    for merge in list(state.merges.values()):
        bead = state.beads[merge.bead]
        if merge.state in {"red", "conflicted"} and bead.status == "submitted" and bead.merge == merge.id:
            await kit.bus.publish(*await after_turned_down(kit, merge))


async def _reopen_lost(kit: Kit, held: set[BeadId]) -> None:
    """Opens beads again that the history has on a hook which is not there."""
    for bead in kit.bus.state.with_status("hooked"):
        if bead not in held:
            reason = "its hook was not there after a stop"
            await kit.bus.publish(ev.BeadReopened(**kit.where, bead=bead, reason=reason))
