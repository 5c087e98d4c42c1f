"""Taking a landing back: the target to where it was, or a commit that reverts what landed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.engine.crash_points import crash_point
from gastown_desktop.engine.git_ports import Signature
from gastown_desktop.engine.intents import forget, intend
from gastown_desktop.engine.landing import Landed, Landing
from gastown_desktop.engine.landing_plan import LandingPlan, NotLanded, named
from gastown_desktop.engine.landing_recovery import LAND, recover_landing, undone_event
from gastown_desktop.engine.restack import read_stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """The convoy is off its target."""

    target: str
    commit: Oid
    """Where the target is now."""
    reverted: bool
    """By a commit of its own; else the target is where it was before the landing."""


class Undo(Landing):
    """Takes back the landing of one convoy; made like the landing was, with the same target and remote.

    A target that did not move since, and that no remote has, goes back as it came. Else a commit on top
    reverts the beads, three-way against what came later, and lands like any work: gated, pushed, fast-forward
    only.
    """

    async def undo(self) -> Undone | NotLanded:
        """Takes the landing back, or says why not; nothing was moved then.

        Raises:
            GitError: git did what nobody expects; undoing again finds out how far this came.
        """
        self._undoes = True
        await recover_landing(self._kit, self._target)
        outcome = await self._undone()
        await self._tell(outcome if isinstance(outcome, NotLanded) else None)
        return outcome

    async def _undone(self) -> Undone | NotLanded:
        state, name = self._kit.bus.state, self._target.name
        if state.landed_on != name or state.landed_commit is None:
            return NotLanded(about="target", words=f"The convoy is not on {self._branch}.")
        here = await self._target.tip()
        if here is None:
            return self._no_target()
        there, reached = await self._fetch()
        if await self._is_shared(there, reached=reached):
            if not reached:
                words = "The remote may have it and does not answer. Nothing was moved: undo it later."
                return NotLanded(about="remote", words=words)
        elif here == state.landed_commit and state.landed_before is not None:
            return await self._go_back(here, state.landed_before)
        outcome = await self._in_rounds(None)
        if isinstance(outcome, NotLanded):
            return outcome
        return Undone(target=name, commit=outcome.commit, reverted=True)

    async def _is_shared(self, there: Oid | None, *, reached: bool) -> bool:
        """Whether the remote has what landed, or might have it."""
        landed, known = self._kit.bus.state.landed_commit, self._kit.bus.state.pushed
        if landed is None or landed in known.values():
            return True
        if there is None:
            return self._remote is not None and not reached
        return await self._kit.objects.is_ancestor(landed, there)

    async def _go_back(self, here: Oid, before: Oid) -> Undone | NotLanded:
        """The target goes where it was: intent → compare-and-swap → event."""
        kit, tip = self._kit, await self._kit.tip()
        note = {"branch": [tip, tip], "stack": None, "target": self._target.name, "undo": True}
        intent = await intend(kit, LAND, {**note, "before": here, "landed": before, "remote": ""})
        crash_point("land-before")
        words = await self._target.take_back(here, before)
        if words:
            await forget(kit, LAND, intent)
            return NotLanded(about="target", words=f"{words} Nothing was moved.")
        crash_point("land-after")
        await kit.bus.publish(undone_event(kit, self._target.name, before, reverted=False))
        crash_point("land-told")
        await forget(kit, LAND, intent)
        return Undone(target=self._target.name, commit=before, reverted=False)

    # --- by a commit that reverts ---

    async def _planned(
        self, here: Oid, there: Oid | None, *, reached: bool, approved: Mapping[BeadId, str] | None
    ) -> LandingPlan | NotLanded:
        """A revert on top of the newer of target and remote."""
        del approved
        objects = self._kit.objects
        ground = here
        if there is not None and not await objects.is_ancestor(there, here):
            if not await objects.is_ancestor(here, there):
                return NotLanded(about="remote", words="The branch and the remote's have both moved on.")
            ground = there
        commit = await self._revert(ground)
        if isinstance(commit, NotLanded):
            return commit
        pushes = commit if reached and there is not None else None
        return LandingPlan(here=here, there=there, stack=None, lands=commit, pushes=pushes)

    async def _revert(self, ground: Oid) -> Oid | NotLanded:
        kit, state = self._kit, self._kit.bus.state
        tip = await kit.tip()
        trees = [await kit.objects.tree_of(commit) for commit in (tip, ground, state.stands_on)]
        merge = await kit.objects.merge_trees(*trees)
        if merge.conflicts:
            words = f"What came later builds on it in {named(merge.conflicts)}. Nothing was moved."
            return NotLanded(about="conflict", words=words)
        beads = [one.bead for one in await read_stack(kit.objects, state, tip)]
        lines = "\n".join(f"- {bead} {state.beads[bead].bead.title}" for bead in beads)
        who = Signature(kit.rig.user_name, kit.rig.user_email, kit.clock.now())
        message = f"Revert {state.title}\n\n{lines}\n\nGastown-Undo: {kit.refs.convoy}\n"
        return await kit.objects.write_commit(merge.tree, (ground,), message, who, who)

    async def _landed(self, plan: LandingPlan) -> Landed | NotLanded:
        """Tells that it is off the target, once the revert is on it."""
        kit = self._kit
        if plan.lands == plan.here:
            return NotLanded(about="remote", words="The remote does not answer. Nothing was moved.")
        await kit.bus.publish(undone_event(kit, self._target.name, plan.lands, reverted=True))
        crash_point("land-told")
        tree = await kit.objects.tree_of(plan.lands)
        return Landed(target=self._target.name, commit=plan.lands, tree=tree, beads=())
