"""The town at work on one convoy: dispatcher, polecats and Refinery under one roof."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused
from gastown_desktop.engine.dispatcher import Dispatcher
from gastown_desktop.engine.gates import GateRunner
from gastown_desktop.engine.hooks import Hook
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.refinery import Refinery
from gastown_desktop.engine.witness import Witness

LIMIT_ITEM = "limit"
"""Needs-you item that says that the cap stopped the convoy."""


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
    ) -> None:
        """Puts the town together.

        Args:
            kit: what polecats share.
            gates: proves what would land.
            fleet_size: how many work at once, 1 to 30.
            model: the fleet's model.
            strict_gates: refuse to start when no gate notices a broken source.
            watched: the Witness looks after the workers.
        """
        self._kit = kit
        self._gates = gates
        self._strict_gates = strict_gates
        self._watched = watched
        self._dispatcher = Dispatcher(kit, fleet_size=fleet_size, model=model)
        self._wake = asyncio.Event()
        self._refinery = Refinery(kit, gates, idle=self._wake.set)
        kit.bus.listen(self._heard)
        kit.waiting.listen(self._wake.set)

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
        await self._prove_base()
        if self._strict_gates:
            await self._require_sight()
        await self._to_stage("running")
        async with asyncio.TaskGroup() as group:
            refinery = group.create_task(self._refine(), name="refinery")
            self._refinery.wake()
            beside = [refinery]
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

    async def _prove_base(self) -> None:
        """Nothing starts before the gates are green on the base; on a red base the work goes on ungated."""
        state = self._kit.bus.state
        if state.gate_sees is None:
            verdict = await self._gates.prove_base(state.base)
            if verdict is not None:
                await self._kit.bus.publish(verdict)
        if state.base_green is False:
            self._gates.without_gates()

    async def _prove_sight(self) -> None:
        """Nothing lands before the gates have shown whether they see; workers need not wait for that."""
        state = self._kit.bus.state
        if state.gate_sees is None:
            await self._kit.bus.publish(await self._gates.prove_sight(state.base))

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
        await self._refinery.run()

    async def _until_nothing_goes_on(self, group: asyncio.TaskGroup) -> None:
        while True:
            self._wake.clear()
            await self._dispatcher.fill(group)
            at_work = self._dispatcher.working or self._dispatcher.next_try_s is not None
            if not at_work and not self._refinery.busy and not self._refinery.waiting():
                return
            await self._next_wake()

    async def _next_wake(self) -> None:
        """Waits for news, or until a bead that could not be started may be tried again."""
        retry_s = self._dispatcher.next_try_s
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
            await self._kit.bus.publish(await self._refinery.land(state.target))
            await self._take_down_hooks()
            return
        if self._dispatcher.stopped and LIMIT_ITEM not in state.needs_you:
            need = ev.NeedsYou(
                **self._where(),
                item=LIMIT_ITEM,
                about=self._dispatcher.stopped_by,
                text=self._dispatcher.stopped,
            )
            await self._kit.bus.publish(need)
        await self._to_stage("paused", self._dispatcher.stopped or "Some beads need you.")

    async def _take_down_hooks(self) -> None:
        """Hooks and work branches go; what they held stays reachable by the bead's transcript."""
        for hook in await self._kit.hooks.load_all():
            await self._kit.hooks.give_up(hook)
        beads = tuple(f"/{bead}-" for bead in self._kit.bus.state.beads)
        for name, oid in (await self._kit.objects.list_refs("refs/heads/work/")).items():
            if any(bead in name for bead in beads):
                await self._kit.objects.swap_ref(name, old=oid, new=None)

    async def _to_stage(self, stage: str, reason: str = "") -> None:
        if self._kit.bus.state.stage != stage:
            event = ev.ConvoyStageChanged(**self._where(), stage=stage, reason=reason)
            await self._kit.bus.publish(event)

    def _heard(self, event: ev.Envelope | ev.EphemeralEvent) -> None:
        if isinstance(event, ev.Envelope):
            if isinstance(event.event, ev.BeadSubmitted | ev.MergeStateChanged):
                self._refinery.wake()
            self._wake.set()
        elif isinstance(event, ev.ActionChanged) and not event.action:
            self._wake.set()

    def _where(self) -> Any:
        return {"rig": self._kit.rig.id, "convoy": self._kit.refs.convoy}
