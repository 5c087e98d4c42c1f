"""Real work from the wish to its result, for the command line and the window alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from gastown_desktop.adapters.repository_config import RepositoryConfig
from gastown_desktop.core import events as ev
from gastown_desktop.core.away import Away
from gastown_desktop.core.bead import WAITING_KINDS
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.forecast import bead_cap
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid, convoy_id
from gastown_desktop.core.ledger import TOWN_SCOPE
from gastown_desktop.core.money import NANO, NanoUsd
from gastown_desktop.core.plan import OPEN_STAGES, Plan
from gastown_desktop.core.planning_folds import forecast_view
from gastown_desktop.core.projection import ForecastView
from gastown_desktop.core.staging import Finding, check, launch_events
from gastown_desktop.engine.asking import ask_patiently
from gastown_desktop.engine.bead_caps import set_bead_caps
from gastown_desktop.engine.bill import Absence, LimitLine
from gastown_desktop.engine.billing import absence_of, limits_of
from gastown_desktop.engine.forecast import forecast_event, forecast_plan
from gastown_desktop.engine.git_ports import GITLINK, GitObjects
from gastown_desktop.engine.hooks import Hook
from gastown_desktop.engine.mayor import Mayor
from gastown_desktop.engine.prompts import SystemBlocks, prefix_digest, system_blocks
from gastown_desktop.engine.reply import Reply
from gastown_desktop.engine.reviewing.review import Reviewer
from gastown_desktop.engine.spend_gate import Order
from gastown_desktop.engine.tools.toolbox import DEFINITIONS
from gastown_desktop.engine.town import LIMIT_ITEM, Town
from gastown_desktop.engine.unattended import PATIENCE_S
from gastown_desktop.engine.work import (
    StoredWork,
    WorkSettings,
    announce_work,
    store_work,
)
from gastown_desktop.engine.work_result import Spent, work_result
from gastown_desktop.wiring.histories import rig_past
from gastown_desktop.wiring.limits import shared_caps
from gastown_desktop.wiring.running import Listening, Running
from gastown_desktop.wiring.town_parts import build_slots, choose_sandbox, clear_slots, prompt
from gastown_desktop.wiring.workplace import SCRATCH, Workplace, require_trust, resolve

PILOT_CAP = NanoUsd(2 * NANO)
"""What a pilot may cost."""
_PILOT_SIZE = 2
_NOBODY = Listening()
_LOOKS_EVERY_S = 30.0
"""Seconds after which the wall clock is looked at again, where something is to be done at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where work starts from and is to land on, and what the repository proposes there."""

    branch: str
    """The user's branch, without `refs/heads/`."""
    base: Oid
    config: RepositoryConfig


async def find_start(workplace: Workplace, objects: GitObjects, branch: str = "") -> Start:
    """A branch of the user's, or the one that is checked out, as it is now.

    Raises:
        Refused: there is no such branch, or none is checked out.
    """
    found = branch or workplace.facts.head_branch
    if not found:
        raise Refused(
            "HEAD is detached, so there is no branch to land on.",
            safe="Nothing was sent.",
            remedy="Check a branch out, or name one with --on BRANCH.",
        )
    base = await resolve(workplace, objects, f"refs/heads/{branch}" if branch else "HEAD")
    return Start(branch=found, base=base, config=await workplace.config(objects, base))


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRequest:
    """What is to be done, and how."""

    goal: str
    start: Start
    settings: WorkSettings
    """What the user asked for; files that many beads touch are as `start` has them."""
    trust: bool = False
    """The user trusts the repository with what would run, from now on."""
    planned_by: Literal["mayor", "given"] = "mayor"


async def prepare_work(
    workplace: Workplace, objects: GitObjects, request: WorkRequest, listening: Listening = _NOBODY
) -> StoredWork:
    """Asks for trust and writes the convoy down; nothing was asked of a model yet.

    Raises:
        Refused: the repository is not trusted with what would run, or the allowed hosts cannot be reached
            from a sandbox here.
    """
    start = request.start
    settings = replace(request.settings, serialising=start.config.serialising)
    hosts, preparation = settings.allowed_hosts, settings.preparation
    for reached, for_setup in ((hosts, False), (preparation.hosts, True)):
        if reached:
            scratch = workplace.rig.folder / SCRATCH
            await choose_sandbox(workplace, scratch, reached, for_setup=for_setup)
    generated = settings.serialising.generated
    await require_trust(
        *(workplace, settings.gates, generated, hosts, preparation),
        trust=request.trust,
        workers=True,
        say=listening.say,
    )
    await clear_slots(await build_slots(workplace, objects))
    work = StoredWork(
        convoy=convoy_id(
            f"{workplace.rig.id} {start.base} {request.goal} {workplace.clock.now().isoformat()}"
        ),
        goal=request.goal,
        base=start.base,
        target=f"refs/heads/{start.branch}",
        settings=settings,
        planned_by=request.planned_by,
    )
    await store_work(objects, work)
    return work


@dataclass(slots=True, kw_only=True)
class Working(Running):
    """A convoy of real work that is wired and can run."""

    stored: StoredWork
    _pilot_cap: NanoUsd | None = None
    """What the convoy may have committed when its pilot is at its end, while that runs."""
    _foreseen: ev.ConvoyForecast | None = None

    @property
    def convoy(self) -> ConvoyId:
        """Which convoy it is."""
        return self.stored.convoy

    @property
    def settings(self) -> WorkSettings:
        """What the user asked for."""
        return self.stored.settings

    @property
    def result_file(self) -> Path:
        """Where the window keeps what a run came to."""
        return self.workplace.work_folder(self.convoy) / "result.json"

    async def announce(self) -> None:
        """Makes branch and convoy, where an earlier process did not."""
        await announce_work(self.town.kit.bus, self.objects, self.workplace.rig, self.stored)

    async def keep(self, *, cap: int, polecats: int) -> None:
        """Writes a cap (nano-dollars) and a number of workers down."""
        settings = replace(self.settings, cap=cap, polecats=polecats)
        self.stored = replace(self.stored, settings=settings)
        await store_work(self.objects, self.stored)

    async def leave(self, away: Away) -> None:
        """The user is away from now on, or was already; written down before anything is spent meanwhile."""
        spent = self.town.gate.ledger.totals(self.town.kit.scopes[0]).committed
        settings = replace(self.settings, unattended=replace(away, spent_before=spent))
        self.stored = replace(self.stored, settings=settings)
        await store_work(self.objects, self.stored)

    async def set_caps(self) -> None:
        """Puts the caps in force: the convoy's, the town's, the day's, and the sum while the user is away."""
        gate, (day_cap, town_cap) = self.town.gate, shared_caps(self.workplace)
        before = self._shared_caps_in_force()
        if gate.ledger.totals(TOWN_SCOPE).cap != town_cap:
            await gate.set_cap(TOWN_SCOPE, town_cap)
        await gate.set_day_cap(day_cap)
        await self._tell_changed(before)
        await self._set_own_cap()

    async def raised_caps(self) -> bool:
        """Puts the caps in force anew; tells whether the convoy has more room by it, under any of them."""
        before = list(self._shared_caps_in_force().values())
        raised = await Running.raised_caps(self)
        after = self._shared_caps_in_force().values()  # of a new day, maybe, which by itself makes no room
        return raised or any(_is_higher(new, old) for new, old in zip(after, before, strict=True))

    def _shared_caps_in_force(self) -> dict[str, NanoUsd | None]:
        """The caps of the day that requests count under, and of everything, by scope."""
        gate = self.town.gate
        return {scope: gate.ledger.totals(scope).cap for scope in (gate.day, TOWN_SCOPE)}

    async def _tell_changed(self, before: dict[str, NanoUsd | None]) -> None:
        """Tells which caps beyond the convoy's own are others than they were."""
        kit, after = self.town.kit, self._shared_caps_in_force()
        for scope, old in before.items():
            if old is not None and scope in after and after[scope] != old:
                await kit.bus.publish(ev.CapChanged(**kit.where, scope=scope, old=old, new=after[scope]))

    def limits(self) -> tuple[LimitLine, ...]:
        """The convoy's limit, the day's and that of everything: as in force, or as they will be."""
        gate, ledger = self.town.gate, self.town.gate.ledger
        day_cap, town_cap = ledger.totals(gate.day).cap, ledger.totals(TOWN_SCOPE).cap
        if self.at_work is None:
            with suppress(Refused):
                day_cap, town_cap = shared_caps(self.workplace)
        return limits_of(ledger, self.town.kit.scopes[0], day=gate.day, day_cap=day_cap, town_cap=town_cap)

    def absence(self) -> Absence | None:
        """How long the user is away, and what was spent meanwhile."""
        kit = self.town.kit
        return absence_of(self.settings.unattended, kit.gate.records, kit.scopes[0], kit.clock.now())

    async def _set_own_cap(self) -> None:
        """Puts the convoy's cap in force, or what is left of it while the user is away."""
        gate, scope = self.town.gate, self.town.kit.scopes[0]
        cap, own, away = self._cap(), self.settings.cap, self.settings.unattended
        if away is not None and cap == away.cap(own, self.town.kit.clock.now()) < own:
            gate.named[scope] = away.limit()
        else:
            gate.named.pop(scope, None)
        await self._set_cap(cap)

    def _cap(self) -> NanoUsd:
        """The cap that is in force now, in nano-dollars."""
        away, cap = self.settings.unattended, self.settings.cap
        if self._pilot_cap is not None:
            cap = min(cap, self._pilot_cap)
        return NanoUsd(cap) if away is None else away.cap(cap, self.town.kit.clock.now())

    def away_words(self) -> str:
        """How long nobody answers, and what was spent meanwhile; empty where somebody does."""
        away, gate = self.settings.unattended, self.town.gate
        return "" if away is None else away.words(away.spent(gate.records, self.town.kit.scopes[0]))

    async def work(self, whole: Town, hooks: list[Hook]) -> None:
        """Runs the town to its end; when the user is back meanwhile, the cap is their own again.

        Raises:
            Refused: strict gates were asked for and none sees.
            TripwirePulled, StoreError, GitError: the fleet was stopped.
        """
        back = asyncio.ensure_future(self.user_is_back())
        try:
            await Running.work(self, whole, hooks)
        finally:
            back.cancel()
            with suppress(asyncio.CancelledError):
                await back

    async def user_is_back(self) -> None:
        """Waits for that, then sets their own cap; a sum that stopped somebody stays until they go on."""
        away, kit = self.settings.unattended, self.town.kit
        if away is None or away.until is None or away.at_most is None:
            return
        while away.lasts(kit.clock.now()):
            left_s = (away.until - kit.clock.now()).total_seconds()
            await kit.clock.sleep(min(max(left_s, 0.0), _LOOKS_EVERY_S))  # a machine that slept is late
        if kit.scopes[0] not in kit.gate.met:
            await self._set_own_cap()

    @property
    def has_plan(self) -> bool:
        """Whether there are beads to work on."""
        return bool(self.town.kit.bus.state.works())

    async def take_beads(self, facts: list[ev.BeadAdded | ev.DependencyAdded]) -> None:
        """Takes beads that were planned elsewhere."""
        await self.town.kit.bus.publish(*facts)

    def mayor(self) -> Mayor:
        """Who plans this convoy; the talk goes on where it rested."""
        kit, settings = self.town.kit, self.settings
        return Mayor(
            bus=kit.bus,
            objects=self.objects,
            refs=kit.refs,
            rig=kit.rig,
            clock=kit.clock,
            base=self.stored.base,
            model=settings.model,
            price=settings.price,
            scopes=kit.scopes,
            system=tuple(dict(block) for block in self._system("mayor")),
            ask=self._ask,
            prefix=kit.rig.prefix,
            gates=self._gates,
            serialising=settings.serialising,
            secrets=kit.secrets,
        )

    async def ask_about_limit(self) -> None:
        """Puts to the user that a cap left the Mayor no room to plan."""
        kit = self.town.kit
        text, scope = kit.gate.why_short(kit.scopes), kit.gate.short_of(kit.scopes)
        cap = kit.gate.ledger.totals(scope).cap
        need = ev.NeedsYou(**kit.where, item=LIMIT_ITEM, about="limit", text=text, scope=scope, cap=cap)
        await kit.bus.publish(need)

    def _system(self, role: str) -> SystemBlocks:
        """The rules of a role, then what all roles are told of the repository."""
        _, *shared = self.town.kit.system
        return (*system_blocks(prompt(role)), *shared)

    @property
    def _gates(self) -> tuple[str, ...]:
        return tuple(gate.command for gate in self.settings.gates)

    async def _ask(self, order: Order, on_text: Callable[[str], None]) -> Reply:
        kit = self.town.kit
        return await ask_patiently(kit.gate, kit.line, kit.clock, order, on_text=on_text)

    async def foresee(self) -> ForecastView | None:
        """Reckons from the rig's own past what the unfinished beads will cost; None where there are none.

        What was reckoned last is told when the convoy is launched.
        """
        kit, settings = self.town.kit, self.settings
        past, prices = await rig_past(self.workplace, self.objects)
        found = await asyncio.to_thread(
            forecast_plan, kit.bus.state, past, prices, model=settings.model, price=settings.price
        )
        if found is None:
            self._foreseen = None
            return None
        totals = self.town.gate.ledger.totals(kit.scopes[0])
        spent = totals.settled + totals.assumed
        self._foreseen = forecast_event(kit.where, found, past, workers=settings.polecats, spent=spent)
        return forecast_view(self._foreseen)

    async def findings(self, forecast: ForecastView | None = None) -> list[Finding]:
        """What is wrong or doubtful about the plan as it is.

        Args:
            forecast: what it will cost, where that is known.
        """
        state, objects = self.town.kit.bus.state, self.objects
        tree = await objects.tree_of(self.stored.base)
        entries = await objects.list_tree(tree, recursive=True)
        files = [entry.oid for entry in entries if entry.mode != GITLINK]
        sizes = await objects.blob_sizes(files)
        return check(
            Plan.of(state),
            known_paths={entry.path for entry in entries},
            gates=list(self._gates),
            forecast_p90=forecast.p90 if forecast is not None else None,
            free=self.town.gate.free(self.town.kit.scopes),
            slots_wanted=self.settings.polecats,
            slot_bytes=sum(sizes),
            disk=self.town.kit.disk(),
            serialising=self.settings.serialising,
        )

    async def launch(self) -> None:
        """Opens what was planned, so that it is worked on; what was launched before stays so.

        What was foreseen is told first, to be held against what it comes to; beads have their caps by it.
        """
        told = launch_events(self.town.kit.bus.state)
        foreseen = [self._foreseen] if self._foreseen is not None else []
        if told:
            await self.town.kit.bus.publish(*foreseen, *told)
        await set_bead_caps(self.town.kit, self._bead_caps(foreseen))

    def _bead_caps(self, foreseen: list[ev.ConvoyForecast]) -> dict[BeadId, int]:
        """What the user said that a bead may cost, else what was foreseen allows."""
        said = self.settings.bead_cap
        if said is not None:
            return dict.fromkeys(self.town.kit.bus.state.works(), said)
        return {BeadId(bead): bead_cap(p90) for one in foreseen for bead, p90 in one.bead_p90.items()}

    def whole_town(self, *, merges_only: bool = False) -> Town:
        """Dispatcher, polecats and Refinery, as the settings have them.

        Args:
            merges_only: nothing new is begun but what lets handed-in work merge.
        """
        settings = self.settings
        away = settings.unattended
        return Town(
            self.town.kit,
            self.town.gates,
            fleet_size=settings.polecats,
            model=settings.model,
            strict_gates=settings.strict_gates,
            merges_only=merges_only,
            only=self._pilot_beads() if settings.pilot == "first" else None,
            unattended_s=None if away is None else PATIENCE_S,
            unattended_until=None if away is None else away.until,
            reviewer=self._reviewer() if settings.review else None,
            lands=False,
        )

    def _reviewer(self) -> Reviewer:
        return Reviewer(model=self.settings.model, system=self._system("reviewer"), gates=self._gates)

    async def pilot(self, hooks: list[Hook]) -> bool:
        """Tries two beads for two dollars at most; tells whether they were merged and the rest may follow.

        Raises:
            TripwirePulled, StoreError, GitError: the fleet was stopped.
        """
        totals = self.town.gate.ledger.totals(self.town.kit.scopes[0])
        self._pilot_cap = NanoUsd(totals.committed + PILOT_CAP)
        await self._set_own_cap()
        chosen = self._pilot_beads()
        try:
            await self.work(self.whole_town(), hooks)
        finally:
            self._pilot_cap = None
            await self._set_own_cap()
        if not chosen <= self.town.kit.bus.state.merged():
            return False
        self.stored = replace(self.stored, settings=replace(self.settings, pilot="done"))
        await store_work(self.objects, self.stored)
        return True

    def _pilot_beads(self) -> frozenset[BeadId]:
        """Two small beads that wait for nothing; those that were begun stay the pilot."""
        state = self.town.kit.bus.state
        works = [state.beads[bead] for bead in state.works()]
        waits = {one.bead for one in state.dependencies if one.kind in WAITING_KINDS}
        free = [view for view in works if view.bead.id not in waits]
        chosen = sorted(free, key=lambda view: (not view.attempts, "SML".index(view.bead.size)))
        return frozenset(view.bead.id for view in chosen[:_PILOT_SIZE])

    async def result(self, listening: Listening, *, checked: bool) -> dict[str, Any]:
        """Measures what was done; `run --json` prints it.

        Args:
            listening: hears what changed in the user's repository.
            checked: there is no history to check real work against.
        """
        del checked
        kit, gate = self.town.kit, self.town.gate
        state = kit.bus.state
        tip = await self.objects.read_ref(kit.refs.convoy_branch)
        landed: Oid | None = None
        if state.landed_commit is not None:
            landed = await self.objects.tree_of(state.landed_commit)
        prefix = prefix_digest(DEFINITIONS, kit.system)
        spent = Spent(records=tuple(gate.records), ledger=gate.ledger, prefix=prefix)
        forecast = await self.foresee() if state.stage in OPEN_STAGES else state.forecast
        measured = await self._measured(listening)
        return work_result(state, self.stored, tip, landed, spent, measured, forecast)


def _is_higher(new: NanoUsd | None, old: NanoUsd | None) -> bool:
    """Whether a cap leaves more room than it did; None is no cap at all."""
    return old is not None and (new is None or new > old)
