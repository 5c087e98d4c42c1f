"""The town at work on one convoy: dispatcher, polecats and Refinery under one roof."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused, SetupFailed
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.polecat import MOST_POLECATS
from gastown_desktop.engine.dispatcher import Dispatcher
from gastown_desktop.engine.gate_proof import DiffSizes, GateProof, nothing_expected
from gastown_desktop.engine.gates import WITHOUT_GATE, GateRunner, goes_without
from gastown_desktop.engine.holding import BY_YOU
from gastown_desktop.engine.hooks import Hook
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.landing import Landed, Landing
from gastown_desktop.engine.landing_ports import Target
from gastown_desktop.engine.landing_recovery import is_partial
from gastown_desktop.engine.ref_target import RefTarget
from gastown_desktop.engine.refinery import Refinery, nothing
from gastown_desktop.engine.reviewing.review import Reviewer
from gastown_desktop.engine.reviewing.reviews import Reviews
from gastown_desktop.engine.unattended import Unattended
from gastown_desktop.engine.witness import Witness
from gastown_desktop.engine.worked_on import OVER

LIMIT_ITEM = "limit"
"""Needs-you item that says what stopped the convoy: cap, provider, model, machine, setup or a breaker."""
MACHINE_READY = {"disk": "There is room now", "power": "Go on", "setup": "Try again"}
"""What is answered when the machine has again what stopped the convoy."""
PILOT_DONE = "The pilot is done."
"""Why a convoy waits whose pilot went well."""
RED_BASE_ITEM = "gate-base"
"""Needs-you item that says that the gates are red before anything was changed."""
SETUP_ITEM = "setup"
"""Needs-you item that says that no copy can be set up."""
FIX_SETUP = "Fix setup…"
"""Answer: the user mended the rig's setup, on the target branch or the machine; `resume` reads it again."""


def _nobody_hears(_: bool) -> None:
    """Nobody wants to know whether everything rests."""


class Town:
    """Runs a convoy until it is landed, or until only the user can go on."""

    def __init__(
        self,
        kit: Kit,
        gates: GateRunner,
        *,
        fleet_size: int,
        model: str,
        strict_gates: bool = False,
        watched: bool = True,
        lands: bool = True,
        lands_each: bool = False,
        merges_only: bool = False,
        only: frozenset[BeadId] | None = None,
        unattended_s: float | None = None,
        unattended_until: datetime | None = None,
        reviewer: Reviewer | None = None,
        target: Target | None = None,
        diff_sizes: DiffSizes = nothing_expected,
    ) -> None:
        """Puts the town together.

        Args:
            kit: what polecats share.
            gates: proves what would land.
            fleet_size: how many work at once, 1 to 30.
            model: the fleet's model.
            strict_gates: refuse to start when no gate notices a broken source.
            watched: the Witness looks after the workers.
            lands: a convoy that is merged whole lands at once; else it is ready to land, which the user does.
            lands_each: every merged prefix goes on to the target at once; one that the target does not take
                waits on the convoy branch for the next.
            merges_only: what is handed in is merged and nothing else is begun or gone on with but resolvers,
                who may use the closing reserve.
            only: beads of a pilot, beyond which nothing is begun; None for all.
            unattended_s: seconds after which a question's default is taken; None waits for the user.
            unattended_until: from when on none is taken any more; None for never.
            reviewer: who reads what is handed in before it merges; None for nobody.
            target: where the convoy lands; None for the ref of town.git that its history names.
            diff_sizes: lines that the work changes, by path, to choose the sources to break.
        """
        self._kit = kit
        self._gates = gates
        self._proof = GateProof(gates, diff_sizes)
        self._strict_gates = strict_gates
        self._watched = watched
        self._target = target
        self._lands = lands
        self._dispatcher = Dispatcher(kit, fleet_size=fleet_size, model=model)
        self._wake = asyncio.Event()
        self._seen = asyncio.Event()
        self._spare = asyncio.Event()
        self._called = asyncio.Event()
        after_round = self._land_so_far if lands_each else nothing
        self._reviews = Reviews(kit, reviewer, stopped=self._dispatcher.heed, ended=self._review_ended)
        self._refinery = Refinery(kit, gates, idle=self._rest, after_round=after_round)
        self._unattended = Unattended(kit, patience_s=unattended_s, until=unattended_until)
        self._goes_on = False
        self._rests = False
        self._tell_rest: Callable[[bool], None] = _nobody_hears
        kit.bus.listen(self._heard)
        kit.waiting.listen(self._wake.set)
        kit.waiting.listen_for_sleep(self._wake.set)
        kit.gate.sleep.listen(self._wake.set)
        kit.holding.begin(merges_only=merges_only, only=only)
        kit.holding.listen(self._wake.set)

    async def run(self, hooks: list[Hook]) -> None:
        """Works until nothing can go on without the user.

        Args:
            hooks: unfinished hooks of an earlier process; their polecats go on first.

        Raises:
            Refused: strict gates were asked for and there are none that see.
            TripwirePulled, StoreError, GitError: the fleet was stopped.
        """
        if self._kit.bus.state.stage == "landed":
            await self._take_down_hooks()
            return
        if self._kit.sets_up and not await self._prove_setup():
            await self._to_stage("paused", "Setup fails before anything was changed.")
            return
        if not await self._prove_base():
            await self._to_stage("paused", "The gates are red before anything was changed.")
            return
        if self._strict_gates:
            await self._require_sight()
        await self._to_stage_at_work()
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(self._refine(), name="refinery"),
                group.create_task(self._use_spare_time(), name="spare time"),
            ]
            self._refinery.wake()
            if self._watched:
                witness = Witness(self._kit, self._dispatcher.supervisor)
                beside.append(group.create_task(witness.run(), name="witness"))
            self._dispatcher.go_on(hooks)
            await self._until_nothing_goes_on(group)
            for task in beside:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await self._conclude()

    @property
    def goes_on(self) -> bool:
        """Whether it runs and is not at its end yet."""
        return self._goes_on

    def listen_for_rest(self, listener: Callable[[bool], None]) -> None:
        """Tells `listener` when everything stands still that the user paused, and when it does no more."""
        self._tell_rest = listener

    async def cap_raised(self) -> bool:
        """The cap is higher now: whom the limit stopped goes on.

        Returns:
            False when the run is at its end already, so that another one has to begin.
        """
        if not self._goes_on:
            return False
        self._dispatcher.limit_raised()
        self._reviews.go_on()
        await self._go_on("raised")
        return True

    async def provider_back(self) -> bool:
        """The provider takes requests again, with another key or account: whom it stopped goes on.

        Returns:
            False when the run is at its end already, so that another one has to begin.
        """
        self._kit.line.reopen()
        if not self._goes_on:
            return False
        self._dispatcher.provider_back()
        self._reviews.go_on()
        await self._go_on("replaced")
        return True

    async def _go_on(self, answer: str) -> None:
        self._wake.set()
        if LIMIT_ITEM in self._kit.bus.state.needs_you:
            await self._kit.bus.publish(ev.NeedAnswered(**self._where(), item=LIMIT_ITEM, answer=answer))

    def set_fleet_size(self, polecats: int) -> None:
        """How many work at once from now on; those at work beyond that finish their bead.

        Raises:
            Refused: it is less than 1 or more than 30.
        """
        if not 1 <= polecats <= MOST_POLECATS:
            raise Refused(f"A fleet has 1 to {MOST_POLECATS} workers, not {polecats}.")
        self._dispatcher.set_fleet_size(polecats)
        self._wake.set()

    async def _prove_setup(self) -> bool:
        """Nothing starts before a copy of the base can be set up: tried once, not by every worker."""
        state = self._kit.bus.state
        try:
            await self._gates.set_up(state.base)
        except SetupFailed as failed:
            if SETUP_ITEM not in state.needs_you:
                need = ev.NeedsYou(
                    **self._where(),
                    item=SETUP_ITEM,
                    about="setup",
                    text=str(failed),
                    options=(FIX_SETUP, "Cancel"),
                )
                await self._kit.bus.publish(need)
            return False
        if SETUP_ITEM in state.needs_you:
            mended = ev.NeedAnswered(**self._where(), item=SETUP_ITEM, answer="Setup works now.")
            await self._kit.bus.publish(mended)
        return True

    async def _prove_base(self) -> bool:
        """Nothing starts before the gates are green on the base; a rehearsal goes on ungated on a red one.

        Real work asks, at every start anew until the base is green or the user does without the gates.
        """
        state = self._kit.bus.state
        if state.gate_sees is None or (state.base_green is False and not state.rehearsal):
            await self._judge_base()
        if state.base_green is not False:
            return True
        if state.rehearsal or goes_without(state.answers.get(RED_BASE_ITEM)):
            self._gates.without_gates()
            return True
        if RED_BASE_ITEM not in state.needs_you:
            need = ev.NeedsYou(
                **self._where(),
                item=RED_BASE_ITEM,
                about="gate",
                text=state.gate_reason,
                options=(FIX_SETUP, WITHOUT_GATE, "Cancel"),
            )
            await self._kit.bus.publish(need)
        return False

    async def _judge_base(self) -> None:
        state = self._kit.bus.state
        if goes_without(state.answers.get(RED_BASE_ITEM)):
            return
        verdict = await self._proof.prove_base(state.base)
        if verdict is None and state.base_green is False:
            await self._kit.bus.publish(await self._proof.prove_sight(state.base))
            if RED_BASE_ITEM in state.needs_you:
                mended = ev.NeedAnswered(**self._where(), item=RED_BASE_ITEM, answer="The base is green now.")
                await self._kit.bus.publish(mended)
        elif verdict is not None:
            await self._kit.bus.publish(verdict)

    async def _prove_sight(self) -> None:
        """Nothing lands before the gates have shown whether they see; workers need not wait for that."""
        state = self._kit.bus.state
        if state.gate_sees is None:
            await self._kit.bus.publish(await self._proof.prove_sight(state.base))

    async def _require_sight(self) -> None:
        await self._prove_sight()
        state = self._kit.bus.state
        if not state.gate_sees:
            raise Refused(
                f"--strict-gates asks for a gate that notices a broken source. {state.gate_reason}",
                safe="No worker was started.",
                remedy="Mend the gate or give another with --gate.",
            )

    async def _refine(self) -> None:
        await self._prove_sight()
        self._seen.set()
        await self._refinery.run()

    async def _use_spare_time(self) -> None:
        """Runs the gates on the base again, for a first flake rate, whenever nothing waits to land.

        Whatever is submitted meanwhile cancels such a run, so that it costs a landing nothing; it is
        repeated later.
        """
        await self._seen.wait()
        self._rest()
        while (gate := self._proof.least_known()) is not None:
            await self._spare.wait()
            async with asyncio.TaskGroup() as group:
                run = group.create_task(self._proof.run_again(gate, self._kit.bus.state.base))
                call = group.create_task(self._called.wait())
                await asyncio.wait({run, call}, return_when=asyncio.FIRST_COMPLETED)
                run.cancel()
                call.cancel()

    def _rest(self) -> None:
        """The Refinery may have nothing to do."""
        self._wake.set()
        if not self._refinery.busy and not self._refinery.waiting():
            self._spare.set()
            self._called.clear()

    def _review_ended(self) -> None:
        """What it let pass may merge, and others may be read."""
        self._refinery.wake()
        self._wake.set()

    async def _until_nothing_goes_on(self, group: asyncio.TaskGroup) -> None:
        self._goes_on = True
        while self._goes_on:
            self._wake.clear()
            await self._unattended.answer_overdue()
            self._reviews.fill(group)
            await self._dispatcher.fill(group)
            await self._say_why_stopped("provider", "disk", "power", "setup")
            if self._nothing_is_in_flight():
                await self._say_why_stopped("limit")
            self._end_vain_waiting()
            self._look_whether_all_rests()
            self._goes_on = self._wake.is_set() or self._somebody_is_at_work() or self._user_holds_work()
            if self._goes_on:
                await self._next_wake()

    def _end_vain_waiting(self) -> None:
        """Where they wait for what nobody merges, all stand still until the user goes on, or one gives up."""
        if not self._dispatcher.only_waits or self._something_moves() or self._user_holds_work():
            return
        if self._dispatcher.stopped:
            self._kit.waiting.send_away()
        else:
            self._kit.waiting.give_up()

    def _look_whether_all_rests(self) -> None:
        """The user paused, workers stand still and merges are done: tells so, where it was not so before."""
        rests = self._kit.holding.everything and not (
            self._dispatcher.working or self._refinery.busy or self._refinery.waiting() or self._reviews.busy
        )
        if rests != self._rests:
            self._rests = rests
            self._tell_rest(rests)

    def _somebody_is_at_work(self) -> bool:
        return bool(self._dispatcher.working or self._something_moves())

    def _something_moves(self) -> bool:
        """Whether something goes on without workers."""
        moves = self._next_s() is not None or self._kit.gate.sleep.near or self._reviews.busy
        return bool(moves or self._refinery.busy or self._refinery.waiting())

    def _user_holds_work(self) -> bool:
        """Whether the user holds what could go on: the town stays up until it may."""
        held, state = self._kit.holding, self._kit.bus.state
        left = {bead for bead, view in state.beads.items() if view.status not in OVER}
        return bool(left) if held.everything else bool(left & held.beads)

    def _nothing_is_in_flight(self) -> bool:
        return not self._kit.gate.ledger.totals(self._kit.scopes[0]).held

    def _next_s(self) -> float | None:
        """Seconds until something is to be done without news: a bead tried again, a default taken."""
        known = [one for one in (self._dispatcher.next_try_s, self._unattended.next_s) if one is not None]
        return min(known, default=None)

    async def _next_wake(self) -> None:
        """Waits for news, or until something is to be done without."""
        retry_s = self._next_s()
        if retry_s is None:
            await self._wake.wait()
            return
        waking = asyncio.ensure_future(self._wake.wait())
        resting = asyncio.ensure_future(self._kit.clock.sleep(retry_s))
        await asyncio.wait([waking, resting], return_when=asyncio.FIRST_COMPLETED)
        for one in (waking, resting):
            one.cancel()

    async def _conclude(self) -> None:
        state = self._kit.bus.state
        if len(state.merged()) == len(state.works()):
            await self._to_stage("ready_to_land")
            if not self._lands:
                return
            if isinstance(await self._landing().land(), Landed):
                await self._take_down_hooks()
            return
        await self._say_why_stopped("limit", "provider", "disk", "power", "setup", "model", "breaker")
        await self._to_stage("paused", self._dispatcher.stopped or self._why_it_waits())

    def _why_it_waits(self) -> str:
        held = self._kit.holding
        if held.merges_only:
            return "What was handed in is merged."
        asking = bool(self._kit.bus.state.needs_you)
        return PILOT_DONE if held.only is not None and not asking else "Some beads need you."

    async def _say_why_stopped(self, *about: str) -> None:
        """Puts to the user that nothing more is begun, where one of these is why."""
        stopped_by = self._dispatcher.stopped_by
        if stopped_by not in about or LIMIT_ITEM in self._kit.bus.state.needs_you:
            return
        options = (MACHINE_READY[stopped_by],) if stopped_by in MACHINE_READY else ()
        scope = self._dispatcher.short_of if stopped_by == "limit" else ""
        need = ev.NeedsYou(
            **self._where(),
            item=LIMIT_ITEM,
            about=stopped_by,
            text=self._dispatcher.stopped,
            options=options,
            scope=scope,
            cap=self._kit.gate.ledger.totals(scope).cap if scope else None,
        )
        await self._kit.bus.publish(need)

    def _landing(self) -> Landing:
        target = self._target or RefTarget(self._kit.objects, self._kit.bus.state.target)
        return Landing(self._kit, self._gates, target)

    async def _land_so_far(self) -> None:
        """Brings what is merged onto the target, where it is not there yet."""
        state = self._kit.bus.state
        if state.merged() and await self._kit.tip() != state.landed_commit and is_partial(self._kit):
            await self._landing().land()

    async def _take_down_hooks(self) -> None:
        """Hooks and work branches go; what they held stays reachable by the bead's transcript."""
        for hook in await self._kit.hooks.load_all():
            await self._kit.hooks.give_up(hook)
        beads = tuple(f"/{bead}-" for bead in self._kit.bus.state.beads)
        for name, oid in (await self._kit.objects.list_refs("refs/heads/work/")).items():
            if any(bead in name for bead in beads):
                await self._kit.objects.swap_ref(name, old=oid, new=None)

    async def _to_stage_at_work(self) -> None:
        """It runs, or is paused where the user said so before it began; they may go on at any moment."""
        await self._to_stage("running")
        if self._kit.holding.everything:
            await self._to_stage("paused", BY_YOU)
        if not self._kit.holding.everything:
            await self._to_stage("running")

    async def _to_stage(self, stage: str, reason: str = "") -> None:
        state = self._kit.bus.state
        if (state.stage, state.stage_reason) != (stage, reason):
            event = ev.ConvoyStageChanged(**self._where(), stage=stage, reason=reason)
            await self._kit.bus.publish(event)

    def _heard(self, event: ev.Envelope | ev.EphemeralEvent) -> None:
        if isinstance(event, ev.Envelope):
            if self._refinery.waiting():
                self._spare.clear()
                self._called.set()
            if isinstance(event.event, ev.BeadSubmitted | ev.MergeStateChanged | ev.NeedAnswered):
                self._refinery.wake()
            if isinstance(event.event, ev.NeedAnswered):
                self._dispatcher.heed_answer()
            self._wake.set()
        elif isinstance(event, ev.ActionChanged) and not event.action:
            self._wake.set()

    def _where(self) -> Any:
        return {"rig": self._kit.rig.id, "convoy": self._kit.refs.convoy}
