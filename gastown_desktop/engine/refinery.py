"""The Refinery: lands finished beads on the convoy branch, one proven prefix at a time.

Candidates are stacked without a checkout. The gates run on a prefix of the stack; the longest green prefix
lands by compare-and-swap after its intent is written down. A red is narrowed to one candidate and confirmed
before that candidate is blamed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import GitError
from gastown_desktop.core.ids import BY_HAND, BeadId, MergeId, Oid
from gastown_desktop.core.merge_queue import MAX_OVERTAKEN, PrefixSearch
from gastown_desktop.core.merge_request import MergeRequest
from gastown_desktop.core.projection import MergeView
from gastown_desktop.core.queue_order import in_order
from gastown_desktop.engine.crash_points import crash_point
from gastown_desktop.engine.gates import Doubt, GateResult, GateRunner
from gastown_desktop.engine.git_ports import Merge
from gastown_desktop.engine.intents import forget, intend
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.resolving import after_turned_down
from gastown_desktop.engine.settling import Settled, Settling


@dataclass(frozen=True, slots=True)
class Candidate:
    """One merge request stacked on those before it."""

    merge: MergeId
    bead: BeadId
    under: Oid
    """The commit that it stands on."""
    commit: Oid
    """The squash commit that would land."""
    tree: Oid
    settled: str = ""
    """How code settled a conflict of it."""


async def nothing() -> None:
    """What follows a round where nothing does."""


@dataclass(frozen=True, slots=True)
class _Suspicion:
    """A red that may be chance."""

    result: GateResult
    trees: frozenset[Oid]
    """Trees with the change on top that were red."""


class Refinery:
    """Works through the merge queue of one convoy."""

    def __init__(
        self,
        kit: Kit,
        gates: GateRunner,
        *,
        idle: Callable[[], None],
        after_round: Callable[[], Awaitable[None]] = nothing,
    ) -> None:
        """Starts with nothing in hand.

        Args:
            kit: what the convoy shares.
            gates: prove what would land.
            idle: called whenever the queue is worked off.
            after_round: awaited after each round, when nothing is stacked.
        """
        self._idle = idle
        self._after_round = after_round
        self._kit = kit
        self._gates = gates
        self._settling = Settling(kit)
        self._aside: dict[MergeId, _Suspicion] = {}
        """Requests that were red, perhaps by chance: they come when nobody else waits."""
        self._wake = asyncio.Event()
        self.busy = False

    def wake(self) -> None:
        """Something was submitted."""
        self._wake.set()

    def waiting(self) -> list[MergeView]:
        """Merge requests that can land, in no particular order; none while the user is asked about a gate."""
        state = self._kit.bus.state
        if any(need.about == "gate" for need in state.needs_you.values()):
            return []
        return [view for view in state.merges.values() if view.state == "queued" and state.may_merge(view)]

    async def run(self) -> None:
        """Works whenever there is something; ends by cancellation."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            self.busy = True
            try:
                while self.waiting():
                    await self._round()
                    await self._after_round()
            finally:
                self.busy = False
                self._idle()

    async def _round(self) -> None:
        """Builds one stack of what waits and works through it until it is landed or somebody is blamed."""
        stack = await self._stack()
        if not stack:
            return
        search = PrefixSearch([candidate.merge for candidate in stack], self._gates.failure_rate)
        results: dict[int, GateResult] = {}
        while (probe := search.next_probe()) is not None:
            tested = stack[: probe.length]
            suspect = tested[-1].merge
            result = await self._gates.check(
                tested[-1].commit,
                purpose="confirm" if probe.confirming else "candidate",
                beads=tuple(candidate.bead for candidate in tested),
                fresh=probe.confirming,
                doubt=self._doubt(suspect),
            )
            results[probe.length] = result
            if not result.certain:
                known = self._aside.get(suspect)
                trees = known.trees if known else frozenset[Oid]()
                self._aside[suspect] = _Suspicion(result, trees | {tested[-1].tree})
                return
            if probe.confirming and not result.blames:
                await self._kit.bus.publish(self._gates.distrust(result))
                return
            search.record(probe, result.green)
            if search.landable:
                if not await self._merge(stack[: search.landable]):
                    return
                landed = search.landable
                self._gates.judged(landed=landed)
                stack = stack[landed:]
                results = {length - landed: kept for length, kept in results.items() if length > landed}
                search.landed(landed)
        if search.blamed is not None:
            self._gates.judged(blamed=1)
            blamed = next(candidate for candidate in stack if candidate.merge == search.blamed)
            await self._turn_down(blamed.merge, "red", _red_reason(results))

    def _doubt(self, suspect: MergeId) -> Doubt:
        """A red that may be chance is confirmed once and set aside while others wait, else to the end."""
        others = [view for view in self.waiting() if view.id not in {suspect, *self._aside}]
        known = self._aside.get(suspect)
        return Doubt(trees=known.trees if known else frozenset(), most_runs=1 if others else None)

    async def _stack(self) -> list[Candidate]:
        """Squash commits of what waits, in landing order, each on the one before.

        What conflicts with the tip is turned down. What conflicts only with those before it is ordered after
        them: it stays in the queue, and the others go on unless it was overtaken often enough.
        """
        tip = await self._kit.tip()
        stack: list[Candidate] = []
        for request, view in self._not_aside(self._in_order()):
            under = stack[-1].commit if stack else tip
            merge = await self._merged(view, under)
            settled = await self._settled(view, under, merge)
            if settled is not None:
                stack.append(await self._candidate(view, under, settled))
                continue
            on_tip = await self._merged(view, tip) if stack else merge
            if on_tip.conflicts:
                await self._turn_down_in_conflict(view, on_tip.conflicts)
            elif request.overtaken + len(stack) >= MAX_OVERTAKEN:
                break
        return stack

    async def _merged(self, view: MergeView, under: Oid) -> Merge:
        objects = self._kit.objects
        trees = [await objects.tree_of(commit) for commit in (view.base, under, view.commit)]
        return await objects.merge_trees(*trees)

    async def _settled(self, view: MergeView, under: Oid, merge: Merge) -> Settled | None:
        """The merged tree; None where a conflict is left, or no gate would prove how it was settled."""
        if not merge.conflicts:
            return Settled(merge.tree, "")
        return await self._settling.settle(view, under, merge) if self._gates.gates else None

    async def _learn(self, candidate: Candidate) -> None:
        """Remembers how a conflict was resolved, now that the gates proved it and it is merged."""
        merges = self._kit.bus.state.merges
        view = merges[candidate.merge]
        before = [one for one in merges.values() if one.bead == view.bead and one.id != view.id]
        handed_in = [one for one in before if one.resolver is None]
        if (view.resolver is not None or view.polecat == BY_HAND) and handed_in and self._gates.gates:
            await self._settling.learn(handed_in[-1], view)

    def _not_aside(self, order: list[tuple[MergeRequest, MergeView]]) -> list[tuple[MergeRequest, MergeView]]:
        """Those that are under suspicion come when nobody else waits, one by one."""
        clear = [(request, view) for request, view in order if view.id not in self._aside]
        return clear or order[:1]

    def _in_order(self) -> list[tuple[MergeRequest, MergeView]]:
        state = self._kit.bus.state
        order = in_order(((state, view) for view in self.waiting()), self._kit.clock.now())
        return [(request, state.merges[request.id]) for request in order]

    async def _candidate(self, view: MergeView, under: Oid, settled: Settled) -> Candidate:
        objects = self._kit.objects
        work = await objects.read_commit(view.commit)
        committer = type(work.committer)(work.committer.name, work.committer.email, self._kit.clock.now())
        commit = await objects.write_commit(settled.tree, (under,), work.message, work.author, committer)
        return Candidate(view.id, view.bead, under, commit, settled.tree, settled.how)

    async def _merge(self, landing: list[Candidate]) -> bool:
        """Moves the convoy branch over a gated prefix: intent → compare-and-swap → events.

        Returns:
            False where the user moved the branch or took one of these beads out of it meanwhile: nothing was
            merged then, and what still waits is stacked anew.
        """
        kit, name = self._kit, landing[-1].merge
        async with kit.moving:
            if not await self._is_current(landing):
                return False
            intent = await self._move(landing)
            await kit.bus.publish(*(self._merged_event(one) for one in landing))
        crash_point("merged-event-after")
        await forget(kit, name, intent)
        for one in landing:
            await self._learn(one)
        return True

    async def _is_current(self, landing: list[Candidate]) -> bool:
        """Whether a prefix still stands on the tip and all of it still waits."""
        merges = self._kit.bus.state.merges
        waits = all(merges[one.merge].state == "queued" for one in landing)
        return waits and landing[0].under == await self._kit.tip()

    async def _move(self, landing: list[Candidate]) -> Oid:
        """Moves the branch after its intent; returns that.

        Raises:
            GitError: somebody else moved it at this moment.
        """
        kit, old, new = self._kit, landing[0].under, landing[-1].commit
        beads = [candidate.bead for candidate in landing]
        intent = await intend(kit, landing[-1].merge, {"old": old, "new": new, "beads": beads})
        crash_point("branch-swap-before")
        if not await kit.objects.swap_ref(kit.refs.convoy_branch, old=old, new=new):
            raise GitError("The convoy branch moved under the Refinery.")
        crash_point("branch-swap-after")
        crash_point("merged-event-before")
        return intent

    def _merged_event(self, one: Candidate) -> ev.BeadMerged:
        return ev.BeadMerged(
            **self._kit.where,
            bead=one.bead,
            merge=one.merge,
            commit=one.commit,
            tree=one.tree,
            settled=one.settled,
        )

    async def _turn_down_in_conflict(self, view: MergeView, paths: tuple[str, ...]) -> None:
        """A conflict goes to a resolver; one of work that was red twice, back to its worker with both."""
        reason = "it conflicts with what was merged meanwhile in " + ", ".join(paths[:5])
        red = self._aside.pop(view.id, None)
        if red is None:
            await self._turn_down(view.id, "conflicted", reason, paths)
        else:
            await self._turn_down(view.id, "red", f"{_red_reason({1: red.result})}\n\nAnd {reason}.", paths)

    async def _turn_down(self, merge: MergeId, state: str, reason: str, paths: tuple[str, ...] = ()) -> None:
        """Says why a merge request that still waits does not land, and hands its bead on."""
        kit = self._kit
        if kit.bus.state.merges[merge].state != "queued":
            return
        bead = kit.bus.state.merges[merge].bead
        await kit.bus.publish(
            ev.MergeStateChanged(
                **self._kit.where, merge=merge, bead=bead, state=state, reason=reason, paths=paths
            )
        )
        await kit.bus.publish(*await after_turned_down(kit, kit.bus.state.merges[merge]))


def _red_reason(results: dict[int, GateResult]) -> str:
    """What the gate said of the shortest red prefix: the one that ends with the blamed candidate."""
    reds = [result for _, result in sorted(results.items()) if not result.green]
    return f"{reds[0].gate} is red with it:\n{reds[0].tail}"
