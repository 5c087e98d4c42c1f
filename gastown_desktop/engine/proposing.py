"""Pull-request mode: the convoy as a branch of its own on the remote; the target itself stays."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import RemoteUnreachable
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid
from gastown_desktop.engine.crash_points import crash_point
from gastown_desktop.engine.intents import forget, intend
from gastown_desktop.engine.landing import Landing
from gastown_desktop.engine.landing_plan import LandingPlan, NotLanded
from gastown_desktop.engine.landing_recovery import LAND, recover_landing, spelled
from gastown_desktop.engine.restack import Restacked

_MOST_NAMES = 20
"""Branches that one convoy may leave on a remote: each re-stacked one needs a name of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """The convoy is on a branch of the remote, to be reviewed there."""

    remote: str
    branch: str
    commit: Oid
    beads: tuple[BeadId, ...]
    words: str = ""
    """What the remote said, which is often the address at which a pull request is opened."""


def proposed_branch(user: str, convoy: ConvoyId, number: int = 1) -> str:
    """How a convoy's branch is called on a remote."""
    name = re.sub(r"[^a-z0-9]+", "-", user.lower()).strip("-") or "user"
    return f"gastown/{name}/{convoy}" + (f"-{number}" if number > 1 else "")


class Proposal(Landing):
    """Pushes a gated convoy for others to land; made like a landing, with a remote."""

    async def propose(self) -> Proposed | NotLanded:
        """Stacks the convoy on the newest target, gates it and pushes it, or says why not.

        A branch that holds an older stack is never forced: the new one gets the next name.

        Raises:
            GitError: git did what nobody expects.
        """
        await recover_landing(self._kit, self._target)
        outcome = await self._proposed()
        await self._tell(outcome if isinstance(outcome, NotLanded) else None)
        return outcome

    async def _proposed(self) -> Proposed | NotLanded:
        here = await self._target.tip()
        if here is None:
            return self._no_target()
        there, reached = await self._fetch()
        if self._remote is None or not reached:
            return NotLanded(about="remote", words="The remote does not answer. Nothing was pushed.")
        plan = await self._planned(here, there, reached=True, approved=None)
        if isinstance(plan, NotLanded):
            return plan
        if plan.stack is None or not plan.stack.stack:
            return NotLanded(about="target", words=f"Everything is on {self._branch} already.")
        stopped = await self._gate(plan)
        if stopped is not None:
            return stopped
        signed = await self._signed(plan)
        return signed if isinstance(signed, NotLanded) else await self._push_branch(signed)

    async def _push_branch(self, plan: LandingPlan) -> Proposed | NotLanded:
        assert self._remote is not None
        assert plan.stack is not None
        kit, tip, stack = self._kit, await self._kit.tip(), plan.stack
        note = {"branch": [tip, stack.tip], "stack": spelled(stack), "target": "", "remote": ""}
        intent = await intend(kit, LAND, {**note, "before": tip, "landed": tip})
        await self._move_branch(stack, tip)
        await forget(kit, LAND, intent)
        for number in range(1, _MOST_NAMES + 1):
            branch = proposed_branch(kit.rig.user_name, kit.refs.convoy, number)
            crash_point("push-before")
            try:
                answer = await self._remote.push(branch, stack.tip)
            except RemoteUnreachable as failure:
                return NotLanded(about="remote", words=f"{failure} Push again later.")
            if answer.taken:
                crash_point("push-after")
                return await self._told(self._remote.name, branch, stack, answer.words)
            if not answer.moved:
                words = f"{self._remote.name} does not take it: {answer.words}"
                return NotLanded(about="remote", words=words)
        return NotLanded(about="remote", words=f"There are {_MOST_NAMES} branches of this convoy already.")

    async def _told(self, remote: str, branch: str, stack: Restacked, words: str) -> Proposed:
        await self._kit.bus.publish(
            ev.ConvoyPushed(**self._kit.where, remote=remote, branch=branch, commit=stack.tip)
        )
        beads = tuple(one.bead for one in stack.stack)
        return Proposed(remote=remote, branch=branch, commit=stack.tip, beads=beads, words=words)
