"""Landing: a convoy's commits onto their target and, where there is one, its remote.

Fetch → re-stack where the target moved → gate exactly what would land → intent → compare-and-swap of the
convoy branch → push → move the target → event. A push that is rejected begins again before the target moved,
so that the user's branch never ends up beside the remote's. A stop between any two steps leaves either
nothing or what the next landing finds and tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import GitError, RemoteUnreachable
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.engine.crash_points import crash_point
from gastown_desktop.engine.gates import GateRunner
from gastown_desktop.engine.intents import forget, intend
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.landing_plan import MOST_NAMED, LandingPlan, NotLanded, plan_landing
from gastown_desktop.engine.landing_ports import Remote, Signer, Target
from gastown_desktop.engine.landing_recovery import (
    LAND,
    is_partial,
    landed_event,
    recover_landing,
    restacked_event,
    spelled,
)
from gastown_desktop.engine.restack import Restacked, Stacked, read_stack
from gastown_desktop.engine.secret_scan import secret_added
from gastown_desktop.engine.sensitive_changes import sensitive_changes

MOST_ROUNDS = 5
"""Times that a landing begins again because target or remote moved under it."""
_WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 10.0)
"""Pauses between attempts to reach a remote."""
_PREVIEW_WAITS_S = _WAITS_S[:2]
"""The same where a person waits for the answer, and the landing itself asks again."""
ITEM = "landing:"
"""What the names of items that stop a landing begin with."""
_Pushed = Literal["taken", "unreachable"]


class _MovedUnderIt(Exception):
    """Target or remote moved: the landing begins again. Never leaves this module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """The convoy is on its target."""

    target: str
    commit: Oid
    tree: Oid
    beads: tuple[BeadId, ...]
    skipped: tuple[BeadId, ...] = ()
    """Beads whose change was there already."""
    signed: bool = False
    missing_on: str = ""
    """The remote that does not have it yet."""


class Landing:
    """Lands one convoy on one target.

    Args:
        kit: the convoy.
        gates: prove what lands.
        target: the branch it lands on.
        remote: where that branch is shared; None to land here only.
        signer: signs the commits, if the user's git would.
        looked: the user has looked at it; else it is stopped where something of it has to be looked at.
    """

    def __init__(
        self,
        kit: Kit,
        gates: GateRunner,
        target: Target,
        remote: Remote | None = None,
        signer: Signer | None = None,
        *,
        looked: bool = True,
    ) -> None:
        self._looked = looked
        self._kit = kit
        self._gates = gates
        self._target = target
        self._remote = remote
        self._signer = signer
        self._branch = target.name.removeprefix("refs/heads/")
        self._undoes = False

    async def preview(self) -> LandingPlan | NotLanded:
        """What landing would do as things are now; nothing but objects and fetched refs is written."""
        await recover_landing(self._kit, self._target)
        here = await self._target.tip()
        if here is None:
            return self._no_target()
        there, reached = await self._fetch(_PREVIEW_WAITS_S)
        plan = await plan_landing(self._kit, self._target.name, here, there, pushing=reached, approved=None)
        if isinstance(plan, NotLanded):
            return plan
        return await self._refusal(plan) or replace(plan, silent=self._remote is not None and not reached)

    async def land(self, approved: Mapping[BeadId, str] | None = None) -> Landed | NotLanded:
        """Lands the convoy; what stands in the way becomes an item of Needs you.

        Args:
            approved: the patch-id of each bead that the user agreed to; None for whatever comes.

        Raises:
            GitError: git did what nobody expects; the next landing finds out how far this one came.
        """
        await recover_landing(self._kit, self._target)
        outcome = await self._in_rounds(approved)
        await self._tell(outcome if isinstance(outcome, NotLanded) else None)
        return outcome

    async def _in_rounds(self, approved: Mapping[BeadId, str] | None) -> Landed | NotLanded:
        for _ in range(MOST_ROUNDS):
            try:
                return await self._round(approved)
            except _MovedUnderIt:
                continue
        words = f"The branch moved {MOST_ROUNDS} times while the convoy landed. Try again later."
        return NotLanded(about="remote", words=words)

    # --- one round ---

    async def _round(self, approved: Mapping[BeadId, str] | None) -> Landed | NotLanded:
        """From fetching to the event."""
        here = await self._target.tip()
        if here is None:
            return self._no_target()
        there, reached = await self._fetch()
        crash_point("land-fetched")
        plan = await self._planned(here, there, reached=reached, approved=approved)
        if isinstance(plan, NotLanded):
            return plan
        crash_point("land-stacked")
        stopped = await self._stopped(plan) or await self._unseen(plan) or await self._gate(plan)
        if stopped is not None:
            return stopped
        crash_point("land-gated")
        signed = await self._signed(plan)
        return signed if isinstance(signed, NotLanded) else await self._move(signed)

    async def _planned(
        self, here: Oid, there: Oid | None, *, reached: bool, approved: Mapping[BeadId, str] | None
    ) -> LandingPlan | NotLanded:
        """What this landing would do."""
        return await plan_landing(
            self._kit, self._target.name, here, there, pushing=reached, approved=approved
        )

    async def _move(self, plan: LandingPlan) -> Landed | NotLanded:
        """Everything that moves a ref, each behind its intent."""
        kit = self._kit
        tip = await kit.tip()
        note = {
            "branch": [tip, plan.stack.tip if plan.stack else tip],
            "stack": None if plan.stack is None else spelled(plan.stack),
            "target": self._target.name,
            "before": plan.here,
            "landed": plan.lands,
            "remote": self._remote.name if self._remote else "",
            "undo": self._undoes,
        }
        intent = await intend(kit, LAND, note)
        try:
            outcome = await self._move_all(plan, tip)
        except _MovedUnderIt:
            await forget(kit, LAND, intent)
            raise
        await forget(kit, LAND, intent)
        return outcome

    async def _move_all(self, plan: LandingPlan, tip: Oid) -> Landed | NotLanded:
        await self._move_branch(plan.stack, tip)
        stopped = await self._stopped(plan)
        if stopped is not None:
            return stopped
        pushed = await self._push(plan)
        if isinstance(pushed, NotLanded):
            return pushed
        if plan.joins and pushed == "unreachable":
            return await self._landed(replace(plan, lands=plan.here))
        if plan.lands != plan.here:
            crash_point("land-before")
            words = await self._target.advance(plan.here, plan.lands)
            if words:
                return await self._not_advanced(plan, words, pushed=pushed)
            crash_point("land-after")
        return await self._landed(plan)

    async def _move_branch(self, stack: Restacked | None, tip: Oid) -> None:
        """The convoy branch goes to the stack that lands, before anything of the user's moves."""
        kit = self._kit
        if stack is None or (stack.tip == tip and stack.base == kit.bus.state.stands_on):
            return
        crash_point("restack-swap-before")
        if not await kit.objects.swap_ref(kit.refs.convoy_branch, old=tip, new=stack.tip):
            raise GitError("The convoy branch moved while the convoy landed.")
        crash_point("restack-swap-after")
        await kit.bus.publish(restacked_event(kit, spelled(stack), stack.tip))
        crash_point("restack-told")

    async def _not_advanced(self, plan: LandingPlan, words: str, *, pushed: _Pushed) -> NotLanded:
        """The target could not follow: begin again, unless the remote has it already."""
        if self._remote is not None and plan.pushes is not None and pushed == "taken":
            here = f"It is on {self._remote.name}, and not on {self._branch} here: {words}"
            return NotLanded(about="target", words=f"{here} Then run git pull.")
        await self._begin_again_if_moved(plan)
        return NotLanded(about="target", words=words)

    async def _begin_again_if_moved(self, plan: LandingPlan) -> None:
        if await self._target.tip() != plan.here:
            raise _MovedUnderIt

    async def _landed(self, plan: LandingPlan) -> Landed | NotLanded:
        """Tells that the convoy is on its target, unless that was told."""
        kit, state = self._kit, self._kit.bus.state
        remote = self._remote.name if self._remote else ""
        known = state.landed_commit if state.landed_on == self._target.name else None
        if plan.lands != plan.here:
            landed, before = plan.lands, plan.here
        else:
            landed, before = known or await kit.tip(), state.landed_before if known else None
        is_told = (known, state.landed_remote) == (landed, remote)
        if not is_told or (state.stage != "landed" and not is_partial(kit)):
            await kit.bus.publish(await landed_event(kit, self._target.name, landed, before, remote))
            crash_point("land-told")
        tip = await kit.tip()
        return Landed(
            target=self._target.name,
            commit=landed,
            tree=await kit.objects.tree_of(landed),
            beads=tuple(one.bead for one in await read_stack(kit.objects, state, tip)),
            skipped=plan.stack.skipped if plan.stack else (),
            signed=state.signed_tip == tip,
            missing_on=state.missing_on,
        )

    # --- steps ---

    async def _fetch(self, waits_s: Sequence[float] = _WAITS_S) -> tuple[Oid | None, bool]:
        """Where the remote's branch is, and whether the remote answered."""
        if self._remote is None:
            return None, False
        for wait_s in (*waits_s, None):
            try:
                return await self._remote.fetch(self._branch), True
            except RemoteUnreachable as failure:
                if wait_s is None or not failure.waiting_helps:
                    break
                await self._kit.clock.sleep(wait_s)
        return None, False

    async def _refusal(self, plan: LandingPlan) -> NotLanded | None:
        if plan.lands == plan.here:
            return None
        words = await self._target.refusal(plan.here, plan.lands)
        return NotLanded(about="target", words=f"{words} Nothing was moved.") if words else None

    async def _stopped(self, plan: LandingPlan) -> NotLanded | None:
        """As `_refusal`; begins again where the reason is that the target moved."""
        stopped = await self._refusal(plan)
        if stopped is not None:
            await self._begin_again_if_moved(plan)
        return stopped

    async def _unseen(self, plan: LandingPlan) -> NotLanded | None:
        """What nobody has looked at and somebody has to."""
        if self._looked or plan.lands == plan.here:
            return None
        trees = [await self._kit.objects.tree_of(commit) for commit in (plan.here, plan.lands)]
        found = await sensitive_changes(self._kit.objects, *trees)
        if not found:
            return None
        more = f", and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        named = "; ".join(one.words for one in found[:MOST_NAMED])
        words = f"Somebody has to look at this before it lands: {named}{more}."
        return NotLanded(about="review", words=words)

    async def _gate(self, plan: LandingPlan) -> NotLanded | None:
        """Runs all gates on exactly the tree that lands; a red has to come twice."""
        if plan.lands == plan.here and plan.pushes is None:
            return None
        trees = [await self._kit.objects.tree_of(commit) for commit in (plan.here, plan.gated)]
        if found := await secret_added(self._kit, *trees, by_looks=False):
            return NotLanded(about="secret", words=f"{found}. Nothing was moved.")
        beads = tuple(one.bead for one in plan.stack.stack) if plan.stack else ()
        result = await self._gates.check(plan.gated, purpose="landing", beads=beads)
        if not result.green:
            result = await self._gates.check(plan.gated, purpose="landing", beads=beads, fresh=True)
        if result.green:
            return None
        words = f"{result.gate} is red on what would land. Nothing was moved.\n{result.tail}"
        under = plan.stack.base if plan.stack else plan.here
        if not (await self._gates.check(under, purpose="base")).green:
            words = f"{result.gate} is red on the target itself. Nothing was moved.\n{result.tail}"
        return NotLanded(about="red", words=words)

    async def _signed(self, plan: LandingPlan) -> LandingPlan | NotLanded:
        """The same stack with signatures, once; trees and what the gates said of them stay."""
        stack = plan.stack
        if self._signer is None or stack is None or not stack.stack or not await self._signer.wanted():
            return plan
        if self._kit.bus.state.signed_tip == stack.tip:
            return plan
        made: list[Stacked] = []
        under = stack.base
        for one in stack.stack:
            try:
                under = await self._signer.sign(one.commit, (under,))
            except GitError as failure:
                words = f"{one.bead} could not be signed: {failure} Nothing was moved."
                return NotLanded(about="signing", words=words)
            made.append(Stacked(one.bead, await self._kit.objects.read_commit(under)))
        signed = replace(stack, stack=tuple(made), tip=under, signed=True)
        return replace(plan, stack=signed, lands=under, pushes=under if plan.pushes else None)

    async def _push(self, plan: LandingPlan) -> _Pushed | NotLanded:
        """Pushes without force; when nobody answers, looks whether it arrived all the same."""
        if plan.pushes is None or self._remote is None:
            await self._tell_pushed(plan)
            return "taken"
        crash_point("push-before")
        for wait_s in (*_WAITS_S, None):
            try:
                answer = await self._remote.push(self._branch, plan.pushes)
            except RemoteUnreachable as failure:
                if wait_s is None or not failure.waiting_helps:
                    break
                await self._kit.clock.sleep(wait_s)
                continue
            if answer.taken:
                crash_point("push-after")
                await self._tell_pushed(plan)
                return "taken"
            if answer.moved:
                raise _MovedUnderIt
            words = f"{self._remote.name} does not take it: {answer.words} Nothing was moved."
            return NotLanded(about="remote", words=words)
        return "unreachable"

    async def _tell_pushed(self, plan: LandingPlan) -> None:
        """Tells that the remote has it, unless that was told."""
        if self._remote is None or (plan.pushes is None and plan.there is None):
            return
        kit, state = self._kit, self._kit.bus.state
        commit = plan.pushes or (plan.lands if plan.lands != plan.here else state.landed_commit or plan.lands)
        if state.pushed.get(f"{self._remote.name}/{self._branch}") == commit:
            return
        event = ev.ConvoyPushed(**kit.where, remote=self._remote.name, branch=self._branch, commit=commit)
        await kit.bus.publish(event)
        crash_point("push-told")

    def _no_target(self) -> NotLanded:
        return NotLanded(about="target", words=f"There is no branch {self._branch}.")

    async def _tell(self, stopped: NotLanded | None) -> None:
        """Asks, or takes down what was asked about an earlier attempt."""
        kit = self._kit
        item = f"{ITEM}{stopped.about}" if stopped else ""
        for name in list(kit.bus.state.needs_you):
            if name.startswith(ITEM) and name != item:
                answer = ev.NeedAnswered(**kit.where, item=name, answer="tried again")
                await kit.bus.publish(answer)
        asked = kit.bus.state.needs_you.get(item)
        if stopped is not None and (asked is None or asked.text != stopped.words):
            need = ev.NeedsYou(
                **kit.where, item=item, about=stopped.about, text=stopped.words, bead=stopped.bead
            )
            await kit.bus.publish(need)
