"""The dispatcher: slings ready beads to free polecats, at once, as long as there is room."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import Any

from gastown_desktop.core import events as ev
from gastown_desktop.core.bead import NOT_DISPATCHABLE
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.errors import GitError, MoneyError, StoreError
from gastown_desktop.core.ids import BeadId, PolecatName, base36, polecat_name
from gastown_desktop.engine.hooks import Assignment, Hook
from gastown_desktop.engine.polecat import Kit, Outcome, Polecat

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

    async def fill(self, group: asyncio.TaskGroup, *, others_at_work: bool) -> None:
        """Slings ready beads until no polecat is free.

        Args:
            group: where polecats run.
            others_at_work: something may still be merged; a bead that came back waits for that.
        """
        for bead in self.ready():
            active = len(self._busy) - len(self._kit.waiting.beads)
            if active >= self._fleet_size or self.stopped:
                return
            if self._waits_for_news(bead) and (others_at_work or active):
                continue
            names = map(polecat_name, itertools.count())
            await self._sling(group, bead, next(name for name in names if name not in self._busy))

    async def _sling(self, group: asyncio.TaskGroup, bead: BeadId, polecat: PolecatName) -> None:
        kit, state = self._kit, self._kit.bus.state
        base = await kit.objects.read_ref(kit.refs.convoy_branch)
        if base is None:
            raise GitError("The convoy branch is gone.")
        self._busy.add(polecat)
        attempt = state.beads[bead].attempts + 1
        moment = base36(int(kit.clock.now().timestamp() * 1000))
        assignment = Assignment(
            polecat=polecat,
            bead=bead,
            base=base,
            branch=f"refs/heads/work/{polecat}/{bead}-{moment}",
            epoch=attempt,
            model=state.beads[bead].bead.model or self._model,
            remark=state.beads[bead].reason,
        )
        hook = await kit.hooks.hang(assignment)
        await kit.bus.publish(slung_event(kit, assignment))
        group.create_task(self._supervise(hook), name=f"polecat {polecat}")

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
        if death == MOST_RESTARTS:
            await kit.bus.publish(
                ev.NeedsYou(
                    **self._where(),
                    item=f"{hook.assignment.bead}:stuck:{hook.assignment.epoch}",
                    about="stuck",
                    text=f"Its worker died {death} times: {reason}",
                    bead=hook.assignment.bead,
                )
            )
            return hook
        await self._publish_state(hook, "starting", reason)
        head = await kit.objects.read_ref(kit.refs.hook(hook.assignment.polecat))
        return await kit.hooks.load(head) if head else hook

    def _heed(self, outcome: Outcome) -> None:
        if outcome == "limit":
            self.stopped = "The spending limit leaves no room for the next request."
        elif outcome == "failed":
            self.stopped = "The model cannot be used."

    def _waits_for_news(self, bead: BeadId) -> bool:
        """A bead that came back is tried again when something else was merged since it was submitted."""
        views = self._kit.bus.state.beads
        since = views[bead].submitted_at
        if since is None or not views[bead].rework:
            return False
        return not any(view.merged_at is not None and view.merged_at > since for view in views.values())

    async def _publish_state(self, hook: Hook, state: str, reason: str) -> None:
        await self._kit.bus.publish(
            ev.PolecatStateChanged(
                **self._where(), polecat=hook.assignment.polecat, state=state, reason=reason
            )
        )

    def _where(self) -> Any:
        return {"rig": self._kit.rig.id, "convoy": self._kit.refs.convoy}


def slung_event(kit: Kit, assignment: Assignment) -> ev.BeadSlung:
    """The event that tells of an assignment."""
    return ev.BeadSlung(
        rig=kit.rig.id,
        convoy=kit.refs.convoy,
        bead=assignment.bead,
        polecat=assignment.polecat,
        epoch=assignment.epoch,
        base=assignment.base,
        branch=assignment.branch,
        model=assignment.model,
    )
