"""The dispatcher: slings ready beads to free polecats, at once, as long as there is room."""

from __future__ import annotations

import asyncio
import itertools
import logging

from gastown_desktop.core import events as ev
from gastown_desktop.core.bead import NOT_DISPATCHABLE
from gastown_desktop.core.breaker import Breaker
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.disk import show_bytes
from gastown_desktop.core.disk_errors import disk_trouble
from gastown_desktop.core.errors import GitError
from gastown_desktop.core.ids import BeadId, PolecatName, polecat_name
from gastown_desktop.core.pace import Pace
from gastown_desktop.core.slowing import most_per_hour
from gastown_desktop.engine.assigning import assign, conflict_of, request_in_conflict
from gastown_desktop.engine.bead_caps import renew_bead_cap
from gastown_desktop.engine.holding import BY_YOU
from gastown_desktop.engine.hooks import Hook
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.polecat import Outcome
from gastown_desktop.engine.prewarm import prewarm
from gastown_desktop.engine.supervisor import Supervisor
from gastown_desktop.engine.taking_turns import in_turn
from gastown_desktop.engine.telling import goes_on, slung_event

_MACHINE = frozenset({"disk", "power", "setup"})
"""What stops a convoy until the user says that it is as it should be."""
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
        self._left: list[Hook] = []
        """Hooks of an earlier process."""
        self._standing: list[Hook] = []
        """Hooks whose workers stood still in this one."""
        self._somebody_stands = False
        self._breaker = Breaker()
        kit.line.pace = Pace.of(fleet_size)
        self.supervisor = Supervisor(kit, ended=self.heed, died=self._note_death)
        kit.holding.stop = self.supervisor.stop
        self._told = False
        self._warmed = False
        self.stopped = ""
        """Why no new work is started; empty while it is."""
        self.stopped_by = ""
        """What that is about: `limit`, `provider`, `disk`, `power`, `setup`, `model` or `breaker`."""
        self.short_of = ""
        """The scope whose cap stopped it last; empty before one did."""

    @property
    def working(self) -> int:
        """How many polecats are at work."""
        return len(self.supervisor.workers)

    @property
    def only_waits(self) -> bool:
        """Whether all who are at work wait for merges, and looked at what there is."""
        beads = {worker.bead for worker in self.supervisor.workers.values()}
        return bool(beads) and beads <= self._kit.waiting.asleep

    @property
    def next_try_s(self) -> float | None:
        """Seconds until a bead that could not be started is tried again; None when none is."""
        return None if self.stopped else self._breaker.next_try(self._kit.clock.monotonic())

    def ready(self) -> list[BeadId]:
        """Beads that could be slung now, most urgent first, then by how much waits behind them."""
        state = self._kit.bus.state
        dag = Dag(state.beads, state.dependencies)
        taken = set(state.beads) - set(state.with_status("open")) - state.merged()
        taken |= {bead for bead, view in state.beads.items() if view.bead.kind in NOT_DISPATCHABLE}
        ready = dag.ready(done=state.merged(), taken=taken)
        behind = dag.remaining()
        urgent = sorted(ready, key=lambda bead: (state.beads[bead].bead.priority, -behind[bead]))
        return [bead for bead in in_turn(self._kit, urgent) if not self._is_held(bead)]

    def go_on(self, hooks: list[Hook]) -> None:
        """Hooks that an earlier process left: their polecats are the first that are started."""
        self._left += hooks

    async def fill(self, group: asyncio.TaskGroup) -> None:
        """Starts polecats until there is no room: those that were left first, then ready beads.

        While the system goes to sleep nobody is started.

        Args:
            group: where polecats run.
        """
        if self._kit.gate.sleep.near:
            return
        while self._somebody_stands:
            await self._take_up()
        while self._has_room() and (hook := self._next_of(self._left)) is not None:
            again = ev.PolecatStateChanged(
                **self._kit.where,
                polecat=hook.assignment.polecat,
                state="starting",
                reason="restarted from its hook",
            )
            await self._kit.bus.publish(again)
            self.supervisor.start(group, hook)
        while self._has_room() and (hook := self._next_of(self._standing)) is not None:
            self.supervisor.start(group, hook)
        if self.stopped_by == "breaker" and not self._told:
            self._told = True
            await self._kit.bus.publish(ev.DispatchPaused(**self._kit.where, reason=self.stopped))
        ready = self.ready()
        if ready and not self._machine_takes_more():
            return
        self._warm(group, len(ready))
        for bead in ready:
            if not self._may_begin(bead) or not self._starts_work or self._kit.gate.sleep.near:
                return
            if self._breaker.may_try(bead, self._kit.clock.monotonic()):
                await self._try(group, bead)

    def limit_raised(self) -> None:
        """The cap is higher: those whom it stopped go on."""
        self._go_on_after("limit")

    def provider_back(self) -> None:
        """The provider takes requests again: those whom it stopped go on."""
        self._go_on_after("provider")

    def _go_on_after(self, stop: str) -> None:
        if self.stopped_by == stop:
            self.stopped = self.stopped_by = ""
        self._somebody_stands = True

    def heed_answer(self) -> None:
        """The user answered something: the model is tried again once nobody asks about it any more."""
        if self.stopped_by == "model" and not self._asks_about_model():
            self._go_on_after("model")
        if self.stopped_by in _MACHINE and not self._asks_about(self.stopped_by):
            self._go_on_after(self.stopped_by)

    def set_fleet_size(self, polecats: int) -> None:
        """How many work at once from now on, 1 to 30; those at work beyond that finish their bead."""
        self._fleet_size = polecats
        self._kit.line.pace = self._kit.line.pace.resized(polecats)

    def _asks_about_model(self) -> bool:
        return self._asks_about("model")

    def _asks_about(self, about: str) -> bool:
        return any(need.about == about for need in self._kit.bus.state.needs_you.values())

    def _machine_takes_more(self) -> bool:
        """Whether disk and battery allow one more worker; where nobody else works that stops the convoy."""
        disk, power = self._kit.disk(), self._kit.power()
        if disk.takes_slot and not power.is_low:
            return True
        if not self._active and not self.stopped and disk.takes_slot:
            self.stopped_by = "power"
            self.stopped = f"The battery is at {power.percent} %: nothing more is begun."
        elif not self._active and not self.stopped:
            self._stop_for_disk()
        return False

    def _stop_for_disk(self) -> None:
        free = show_bytes(self._kit.disk().free)
        self.stopped = f"Only {free} of the disk are free: nothing more is begun until there is room."
        self.stopped_by = "disk"

    @property
    def _starts_work(self) -> bool:
        """Whether beads are begun; at the limit only what merges others may, out of the closing reserve."""
        return not self.stopped or (self.stopped_by == "limit" and self._kit.holding.merges_only)

    async def _take_up(self) -> None:
        """Finds the hooks whose workers stood still; those whom the limit stopped wait until it is raised."""
        self._somebody_stands = False
        known = {hook.assignment.bead for hook in (*self._left, *self._standing)}
        known |= {worker.bead for worker in self.supervisor.workers.values()}
        for hook in await self._kit.hooks.load_all():
            is_new = hook.assignment.bead not in known and goes_on(self._kit, hook)
            if is_new and not (self.stopped and self._is_short(hook)):
                self._standing.append(hook)

    def _is_short(self, hook: Hook) -> bool:
        view = self._kit.bus.state.polecats[hook.assignment.polecat]
        return view.state == "paused" and view.reason != BY_YOU

    def _next_of(self, hooks: list[Hook]) -> Hook | None:
        """Takes the first hook that nobody holds; what was taken off its hook meanwhile is forgotten."""
        hooks[:] = [hook for hook in hooks if goes_on(self._kit, hook)]
        free = next((hook for hook in hooks if not self._is_held(hook.assignment.bead)), None)
        if free is not None:
            hooks.remove(free)
        return free

    def _is_held(self, bead: BeadId) -> bool:
        return self._kit.holding.holds(self._kit.bus.state.beads[bead].bead)

    def _has_room(self) -> bool:
        return self._active < min(self._fleet_size, self._kit.line.pace.at(self._kit.clock.monotonic()))

    def _may_begin(self, bead: BeadId) -> bool:
        """Whether this bead may be begun, besides those that go on."""
        if not self._has_room():
            return False
        kit, totals = self._kit, self._kit.gate.ledger.totals(self._kit.scopes[0])
        if not kit.first.may_begin(bead):
            return False
        most = most_per_hour(kit.per_hour, totals.settled + totals.assumed, self.supervisor.worker_s())
        if most is not None and self._active >= most:
            return False
        return self._active == 0 or not kit.machine_is_busy()

    @property
    def _active(self) -> int:
        """Workers that are at work and do not wait for others' merges."""
        return self.working - len(self._kit.waiting.beads)

    def _warm(self, group: asyncio.TaskGroup, ready: int) -> None:
        """Warms the provider's cache before the first wave, while its slots are prepared."""
        wave = min(ready, self._fleet_size)
        if self._warmed or self.stopped or wave < 2 or self.working:
            return
        self._warmed = True
        if self._kit.warms:
            self._kit.warm.clear()
            group.create_task(self._warm_up(wave), name="warming the cache")

    async def _warm_up(self, wave: int) -> None:
        try:
            await prewarm(self._kit, self._model, wave)
        finally:
            self._kit.warm.set()

    async def _try(self, group: asyncio.TaskGroup, bead: BeadId) -> None:
        """Slings a bead; one that cannot be is tried again later, then the user is asked."""
        now = self._kit.clock.monotonic()
        try:
            await self._sling(group, bead)
        except (GitError, OSError) as error:
            if (trouble := disk_trouble(error)) is not None:
                raise trouble from error
            _log.exception("%s could not be started", bead)
            self._breaker = self._breaker.failed(bead, now)
            if self._breaker.is_given_up(bead):
                await self._ask(bead, f"It could not be started: {error}")
            self._trip()
        else:
            self._breaker = self._breaker.dispatched(bead)

    async def _sling(self, group: asyncio.TaskGroup, bead: BeadId) -> None:
        kit = self._kit
        if await self._is_settled(bead):
            return
        await renew_bead_cap(kit, bead)
        assignment, earlier = await assign(kit, bead, self._name_for(bead), self._model)
        hook = await kit.hooks.hang(assignment, earlier)
        await kit.bus.publish(slung_event(kit, assignment))
        self.supervisor.start(group, hook)

    async def _is_settled(self, bead: BeadId) -> bool:
        """Puts a merge request back into the queue whose conflict has gone before a resolver began."""
        view = self._kit.bus.state.beads[bead]
        if view.bead.kind != "resolve" or view.goes_on:
            return False
        request = request_in_conflict(self._kit, bead)
        if (await conflict_of(self._kit, request)).conflicts:
            return False
        queued = ev.MergeStateChanged(
            **self._kit.where,
            merge=request.id,
            bead=request.bead,
            state="queued",
            reason="it conflicts no more",
        )
        await self._kit.bus.publish(queued)
        return True

    def _name_for(self, bead: BeadId) -> PolecatName:
        """Who had the bead before, where it goes on and they are free; else the first who is."""
        view = self._kit.bus.state.beads[bead]
        left = (*self._left, *self._standing)
        busy = {*self.supervisor.workers, *(hook.assignment.polecat for hook in left)}
        if view.goes_on and view.polecat is not None and view.polecat not in busy:
            return view.polecat
        return next(name for name in map(polecat_name, itertools.count()) if name not in busy)

    async def _ask(self, bead: BeadId, text: str) -> None:
        epoch = self._kit.bus.state.beads[bead].attempts
        need = ev.NeedsYou(
            **self._kit.where, item=f"{bead}:start:{epoch}", about="stuck", text=text, bead=bead
        )
        await self._kit.bus.publish(need)

    def _note_death(self, bead: BeadId) -> None:
        self._breaker = self._breaker.died(bead, self._kit.clock.monotonic())
        self._trip()

    def _trip(self) -> None:
        if not self.stopped and (reason := self._breaker.tripped(self._kit.clock.monotonic())):
            self.stopped, self.stopped_by = reason, "breaker"

    def heed(self, outcome: Outcome) -> None:
        """Takes in how a worker ended, or that a review stands still: `limit`, `provider` or `disk`."""
        self._somebody_stands |= outcome == "held"
        if outcome == "limit":
            gate, scopes = self._kit.gate, self._kit.scopes
            self.stopped, self.stopped_by = gate.why_short(scopes), "limit"
            self.short_of = gate.short_of(scopes)
        elif outcome == "provider":
            self.stopped, self.stopped_by = self._kit.line.closed, "provider"
        elif outcome == "disk":
            self._stop_for_disk()
        elif outcome == "setup":
            self.stopped, self.stopped_by = self._kit.setup_failed, "setup"
        elif outcome == "failed" and self._asks_about_model():
            self.stopped, self.stopped_by = "The model cannot be used.", "model"
