"""The dispatcher: slings ready beads to free polecats, at once, as long as there is room."""

from __future__ import annotations

import asyncio
import itertools
import logging

from gastown_desktop.core import events as ev
from gastown_desktop.core.bead import NOT_DISPATCHABLE
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.errors import MoneyError, StoreError
from gastown_desktop.core.ids import BeadId, PolecatName, polecat_name
from gastown_desktop.engine.assigning import assign, conflict_of, request_in_conflict
from gastown_desktop.engine.hooks import Assignment, Hook
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.polecat import Outcome, Polecat

MOST_RESTARTS = 3
"""Deaths of workers on one bead after which it asks."""

_log = logging.getLogger(__name__)


class Dispatcher:
    """Keeps a fleet busy with the beads of one convoy."""

    def __init__(self, kit: Kit, *, fleet_size: int, model: str) -> None:
        """Starts with nobody at work.

        Args:
            kit: what polecats share.
            fleet_size: how many work at once, 1 to 30.
            model: the fleet's model; a bead's own overrides it.
        """
        self._kit = kit
        self._model = model
        self._fleet_size = fleet_size
        self._busy: set[PolecatName] = set()
        self.stopped = ""
        """Why no new work is started; empty while it is."""

    @property
    def working(self) -> int:
        """How many polecats are at work."""
        return len(self._busy)

    def ready(self) -> list[BeadId]:
        """Beads that could be slung now, most urgent first, then by how much waits behind them."""
        state = self._kit.bus.state
        dag = Dag(state.beads, state.dependencies)
        taken = set(state.beads) - set(state.with_status("open")) - state.merged()
        taken |= {bead for bead, view in state.beads.items() if view.bead.kind in NOT_DISPATCHABLE}
        ready = dag.ready(done=state.merged(), taken=taken)
        behind = dag.remaining()
        return sorted(ready, key=lambda bead: (state.beads[bead].bead.priority, -behind[bead]))

    async def go_on(self, group: asyncio.TaskGroup, hooks: list[Hook]) -> None:
        """Starts polecats for hooks that an earlier process left."""
        for hook in hooks:
            self._busy.add(hook.assignment.polecat)
            await self._publish_state(hook, "starting", "restarted from its hook")
            group.create_task(self._supervise(hook), name=f"polecat {hook.assignment.polecat}")

    async def fill(self, group: asyncio.TaskGroup) -> None:
        """Slings ready beads until no polecat is free; polecats run in `group`."""
        for bead in self.ready():
            active = len(self._busy) - len(self._kit.waiting.beads)
            if active >= self._fleet_size or self.stopped:
                return
            await self._sling(group, bead)

    async def _sling(self, group: asyncio.TaskGroup, bead: BeadId) -> None:
        kit = self._kit
        if await self._is_settled(bead):
            return
        polecat = self._name_for(bead)
        self._busy.add(polecat)
        assignment, earlier = await assign(kit, bead, polecat, self._model)
        hook = await kit.hooks.hang(assignment, earlier)
        await kit.bus.publish(slung_event(kit, assignment))
        group.create_task(self._supervise(hook), name=f"polecat {polecat}")

    async def _is_settled(self, bead: BeadId) -> bool:
        """Puts a merge request back into the queue whose conflict has gone before a resolver began."""
        view = self._kit.bus.state.beads[bead]
        if view.bead.kind != "resolve" or view.goes_on:
            return False
        request = request_in_conflict(self._kit, bead)
        if (await conflict_of(self._kit, request)).conflicts:
            return False
        await self._kit.bus.publish(
            ev.MergeStateChanged(
                **self._kit.where,
                merge=request.id,
                bead=request.bead,
                state="queued",
                reason="it conflicts no more",
            )
        )
        return True

    def _name_for(self, bead: BeadId) -> PolecatName:
        """Who had the bead before, where it goes on and they are free; else the first who is."""
        view = self._kit.bus.state.beads[bead]
        if view.goes_on and view.polecat is not None and view.polecat not in self._busy:
            return view.polecat
        return next(name for name in map(polecat_name, itertools.count()) if name not in self._busy)

    async def _supervise(self, hook: Hook) -> None:
        """Runs one polecat to its outcome; a death is a restart from its hook, three of them ask."""
        name = hook.assignment.polecat
        try:
            for death in range(1, MOST_RESTARTS + 1):
                try:
                    self._heed(await Polecat(self._kit, hook).work())
                except (StoreError, MoneyError):
                    raise
                except Exception as error:  # noqa: BLE001 - the supervisor: logged, restarted, then asked about
                    _log.exception("polecat %s died", name)
                    hook = await self._after_death(hook, f"{type(error).__name__}: {error}", death)
                else:
                    return
        finally:
            self._busy.discard(name)
            self._kit.bus.show(ev.ActionChanged(rig=self._kit.rig.id, polecat=name, action=""))

    async def _after_death(self, hook: Hook, reason: str, death: int) -> Hook:
        kit = self._kit
        head = await kit.objects.read_ref(kit.refs.hook(hook.assignment.polecat))
        hook = await kit.hooks.load(head) if head else hook
        if death == MOST_RESTARTS:
            await kit.bus.publish(
                ev.NeedsYou(
                    **self._kit.where,
                    item=f"{hook.assignment.bead}:stuck:{hook.assignment.epoch}",
                    about="stuck",
                    text=f"Its worker died {death} times: {reason}",
                    bead=hook.assignment.bead,
                )
            )
            if head is not None:
                await kit.hooks.give_up(hook)
            return hook
        await self._publish_state(hook, "starting", reason)
        return hook

    def _heed(self, outcome: Outcome) -> None:
        if outcome == "limit":
            self.stopped = "The spending limit leaves no room for the next request."
        elif outcome == "failed":
            self.stopped = "The model cannot be used."

    async def _publish_state(self, hook: Hook, state: str, reason: str) -> None:
        await self._kit.bus.publish(
            ev.PolecatStateChanged(
                **self._kit.where, polecat=hook.assignment.polecat, state=state, reason=reason
            )
        )


def slung_event(kit: Kit, assignment: Assignment) -> ev.BeadSlung:
    """The event that tells of an assignment."""
    return ev.BeadSlung(
        **kit.where,
        bead=assignment.bead,
        polecat=assignment.polecat,
        epoch=assignment.epoch,
        base=assignment.base,
        branch=assignment.branch,
        model=assignment.model,
        turn=assignment.carried,
    )
