"""The engine as the window has it: the commands of `engine.api`, each carried out by what it belongs to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from gastown_desktop.adapters.gate_proposals import propose_gates
from gastown_desktop.adapters.git.signing import GitSigner
from gastown_desktop.adapters.git.trust import TrustList, TrustStore
from gastown_desktop.adapters.git.user_target import UserTarget
from gastown_desktop.adapters.repository_config import RepositoryConfig
from gastown_desktop.adapters.settings_file import read_settings
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid
from gastown_desktop.core.money import usd
from gastown_desktop.core.preparation import Preparation
from gastown_desktop.engine import holding, messages
from gastown_desktop.engine.api import (
    About,
    Absence,
    Bill,
    BranchLine,
    Configuration,
    Conflict,
    EngineApi,
    FileDiff,
    GateWish,
    LandingLine,
    LandingSheet,
    Looked,
    OpenRig,
    Outcome,
    Recent,
    RehearsalWish,
    RunsList,
    SettingName,
    Settings,
    System,
    TownBranch,
    Transcript,
)
from gastown_desktop.engine.billing import bill_of
from gastown_desktop.engine.conflict_sides import conflict_for_user
from gastown_desktop.engine.dropping import Dropped, dependants_of, drop
from gastown_desktop.engine.file_diffs import diff_of
from gastown_desktop.engine.gates import Gate
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.landing import Landed, Landing
from gastown_desktop.engine.landing_plan import LandingPlan, NotLanded
from gastown_desktop.engine.rehearsal import StoredRehearsal
from gastown_desktop.engine.resolving_by_hand import resolve_by_hand
from gastown_desktop.engine.restack import patch_ids
from gastown_desktop.engine.sensitive_changes import sensitive_changes
from gastown_desktop.engine.taking_over import give_back, take_over
from gastown_desktop.engine.transcripts import transcript_of
from gastown_desktop.engine.undo import Undo, Undone
from gastown_desktop.paths import settings_file
from gastown_desktop.wiring import publishing
from gastown_desktop.wiring.convoys import LINGER_S, Convoys
from gastown_desktop.wiring.histories import history_of
from gastown_desktop.wiring.limits import stored_limits
from gastown_desktop.wiring.opening import Opening, oddities
from gastown_desktop.wiring.preparing import find_preparation, with_setup_read_again
from gastown_desktop.wiring.rehearsing import (
    Listening,
    RehearsalRequest,
    evidence_file,
    prepare_rehearsal,
    span_of,
    write_report,
)
from gastown_desktop.wiring.running import Running, read_result
from gastown_desktop.wiring.sample import sample_folder
from gastown_desktop.wiring.settings import about, set_setting, user_settings
from gastown_desktop.wiring.stored import Stored, load_stored
from gastown_desktop.wiring.workplace import Workplace, is_confined, open_workplace, runs_list

MOST_COMMITS = 500
_T = TypeVar("_T")


class Engine:
    """The town in this process, for one open repository at a time."""

    def __init__(
        self,
        show: Callable[[ev.Envelope | ev.EphemeralEvent], None],
        data_override: Path | None,
        *,
        linger_s: float = LINGER_S,
    ) -> None:
        """Opens nothing yet; `start` has to be awaited first.

        Args:
            show: takes every event, from the engine's thread.
            data_override: what `--data-dir` says.
            linger_s: how long a convoy that was looked at keeps its rig, in seconds.
        """
        self._show = show
        self._linger_s = linger_s
        self._override = data_override
        self._opening = Opening(data_override, show)
        self._stack = AsyncExitStack()
        self._group = asyncio.TaskGroup()
        self._open: OpenRig | None = None
        self._convoys_of_rig: Convoys | None = None

    @property
    def api(self) -> EngineApi:
        """The commands."""
        return self

    async def start(self) -> Engine:
        """Makes ready; returns itself."""
        await self._stack.enter_async_context(self._group)
        return self

    async def shut_down(self) -> None:
        """Stops what runs, closes all stores, ends all children."""
        await self.close()
        await self._opening.close()
        await self._stack.aclose()

    # --- opening ---

    async def system(self) -> System:
        return await self._opening.system()

    async def recents(self) -> tuple[Recent, ...]:
        return await self._opening.recents()

    async def forget(self, path: Path) -> None:
        await self._opening.forget(path)

    async def look(self, path: Path) -> Looked:
        return await self._opening.look(path)

    async def initialise(self, path: Path) -> Path:
        return await self._opening.initialise(path)

    async def clone(self, url: str, into: Path) -> Path:
        return await self._opening.clone(url, into)

    async def make_sample(self) -> Path:
        return await self._opening.make_sample()

    async def open(self, path: Path) -> OpenRig:
        if self._convoys_of_rig is not None and self._convoys_of_rig.running():
            raise Refused(
                f"A convoy runs in {self._require_open().name}.",
                safe="It goes on as it is.",
                remedy="Stop it before you open another repository.",
            )
        workplace = await open_workplace(path, self._override)
        try:
            await self.close()
            facts = workplace.facts
            self._opening.remember(facts.top_level)
            convoys = Convoys(facts.top_level, self._override, self._show, self._group, self._linger_s)
            counted = await workplace.git.run(
                *("rev-list", "--count", "--first-parent", "--no-merges", f"--max-count={MOST_COMMITS}"),
                *("HEAD", "--"),
                git_dir=facts.git_dir,
            )
            told = await convoys.tell_histories(workplace)
            self._convoys_of_rig = convoys
            self._open = OpenRig(
                rig=workplace.rig.id,
                path=facts.top_level,
                name=facts.top_level.name,
                branch=facts.head_branch or facts.head_oid[:10],
                commits=max(0, int(counted.output) - 1),
                notes=oddities(facts),
                convoys=told,
            )
        finally:
            await workplace.close()
        return self._open

    async def close(self) -> None:
        if self._convoys_of_rig is not None:
            await self._convoys_of_rig.close()
        self._convoys_of_rig = self._open = None

    # --- settings ---

    async def settings(self) -> Settings:
        return user_settings(self._override)

    async def set_setting(self, name: SettingName, value: str | int | bool | None) -> Settings:
        settings = set_setting(self._override, name, value)
        if name in {"day_cap", "town_cap"} and self._convoys_of_rig is not None:
            await self._convoys_of_rig.put_caps_in_force()
        return settings

    async def configuration(self) -> Configuration:
        async def ask(workplace: Workplace, objects: GitObjects) -> Configuration:
            try:
                config = await workplace.config(objects, workplace.facts.head_oid)
            except Refused as refused:
                return Configuration(present=True, trouble=str(refused), remedy=refused.remedy)
            return Configuration(present=config != RepositoryConfig(), ignored=config.ignored)

        proposed = await self._convoys.beside(ask)
        if proposed.trouble:
            return proposed
        gates = await self.gates()
        return replace(proposed, gates=gates, runs=await self.runs_list(gates))

    async def about(self) -> About:
        return about()

    # --- rehearsing ---

    async def gates(self) -> tuple[GateWish, ...]:
        async def ask(workplace: Workplace, objects: GitObjects) -> tuple[GateWish, ...]:
            tip = workplace.facts.head_oid
            config = await workplace.config(objects, tip)
            if config.gates:
                return tuple(GateWish(name=gate.name, command=gate.command) for gate in config.gates)
            found = propose_gates(await workplace.gate_hints(objects, tip))
            return tuple(
                GateWish(name=f"gate {number}", command=one.command, reason=one.reason)
                for number, one in enumerate(found, 1)
            )

        return await self._convoys.beside(ask)

    async def runs_list(self, gates: tuple[GateWish, ...]) -> RunsList:
        async def ask(workplace: Workplace, objects: GitObjects) -> RunsList:
            listed, confined = await self._listed(workplace, objects, gates)
            known = TrustStore(workplace.data / "trust.json")
            trusted = known.is_trusted(workplace.facts.top_level, listed.digest)
            return RunsList(
                items=tuple((item.kind, item.name, item.value) for item in listed.items),
                digest=listed.digest,
                trusted=trusted or workplace.facts.top_level == sample_folder(self._override),
                confined=confined,
            )

        return await self._convoys.beside(ask)

    async def trust(self, digest: str, gates: tuple[GateWish, ...]) -> None:
        async def ask(workplace: Workplace, objects: GitObjects) -> None:
            listed, _ = await self._listed(workplace, objects, gates)
            if listed.digest != digest:
                raise Refused("What would run has changed since you read it.", remedy="Read it again.")
            TrustStore(workplace.data / "trust.json").trust(workplace.facts.top_level, digest)

        await self._convoys.beside(ask)

    async def _listed(
        self, workplace: Workplace, objects: GitObjects, gates: tuple[GateWish, ...]
    ) -> tuple[TrustList, bool]:
        """What would run with these gates now, and whether in a sandbox."""
        config, confined = (
            await workplace.config(objects, workplace.facts.head_oid),
            await is_confined(workplace),
        )
        generated = config.serialising.generated
        preparation = await self._preparation(workplace, config, gates)
        listed = await runs_list(workplace, as_gates(gates), generated, (), preparation, confined=confined)
        return listed, confined

    async def _preparation(
        self, workplace: Workplace, config: RepositoryConfig, gates: tuple[GateWish, ...]
    ) -> Preparation:
        """What working folders are prepared with: without gates nothing of the repository runs."""
        settings = read_settings(settings_file(self._override))
        return await find_preparation(
            workplace,
            config,
            runs=bool(gates),
            copies=bool(gates) and settings.copy_files,
            hosts=settings.setup_hosts,
        )

    async def rehearse(self, wish: RehearsalWish) -> ConvoyId:
        settings = read_settings(settings_file(self._override))

        async def prepare(workplace: Workplace, objects: GitObjects) -> StoredRehearsal:
            _, tip = await span_of(workplace, objects, wish.span or None)
            config = await workplace.config(objects, tip)
            request = RehearsalRequest(
                last=wish.last,
                span=wish.span or None,
                gates=as_gates(wish.gates),
                trust=workplace.facts.top_level == sample_folder(self._override),
                polecats=wish.polecats,
                cap=wish.cap if wish.cap is not None else usd(settings.rehearsal_limit_usd),
                real_pace=wish.real_pace,
                model=settings.model,
                plan=wish.plan,
                preparation=await self._preparation(workplace, config, wish.gates),
            )
            planned = Listening(planned=self._tell_planned)
            return await prepare_rehearsal(workplace, objects, request, config, planned)

        return await self._convoys.begin(prepare)

    def _tell_planned(self, done: int, all_: int) -> None:
        rig = self._require_open().rig
        self._show(ev.Progressed(rig=rig, task="plan", done=done, all=all_, words="Planning"))

    # --- the running convoy ---

    async def resume(self, convoy: ConvoyId) -> None:
        town = self._convoys.town(convoy)
        if town is not None and town.goes_on:
            await holding.resume_all(self._running(convoy).town.kit)
            self._convoys.tell_run(held=False)
            return
        await self.go_on(convoy)

    async def go_on(self, convoy: ConvoyId) -> None:
        town = self._convoys.town(convoy)
        if town is not None and town.goes_on:
            return
        await self._convoys.wait_for_end(convoy)
        await self._convoys.begin(lambda workplace, objects: self._renewed(workplace, objects, convoy))

    async def _renewed(self, workplace: Workplace, objects: GitObjects, convoy: ConvoyId) -> Stored:
        """A convoy as it was written down; where its start failed, with the setup as it is now."""
        stored, state = await load_stored(objects, convoy), history_of(workplace, convoy)
        hosts = read_settings(settings_file(self._override)).setup_hosts
        return await with_setup_read_again(workplace, objects, stored, state, hosts=hosts)

    async def stop(self, convoy: ConvoyId) -> None:
        await self._convoys.stop(convoy)

    async def pause(self, convoy: ConvoyId) -> None:
        await holding.pause_all(self._running(convoy).town.kit)
        self._convoys.tell_run(held=True)

    async def finish_merges(self, convoy: ConvoyId) -> None:
        town = self._convoys.town(convoy)
        if town is None or not town.goes_on:
            await self._convoys.wait_for_end(convoy)
            await self._convoys.begin(lambda _, objects: load_stored(objects, convoy), merges_only=True)
            return
        await holding.finish_merges(self._running(convoy).town.kit)
        self._convoys.tell_run(held=False)

    async def set_cap(self, convoy: ConvoyId, cap: int) -> None:
        async with self._convoys.wired(convoy) as run:
            await run.change(cap=cap)
            town = self._convoys.town(convoy)
            if await run.raised_caps() and town is not None:
                await town.cap_raised()

    async def set_fleet_size(self, convoy: ConvoyId, polecats: int) -> None:
        async with self._convoys.wired(convoy) as run:
            await run.change(polecats=polecats)
            town = self._convoys.town(convoy)
            if town is not None:
                town.set_fleet_size(polecats)
                self._convoys.tell_run()

    async def answer(self, convoy: ConvoyId, item: str, text: str) -> None:
        async with self._convoys.wired(convoy) as run:
            kit = run.town.kit
            need = kit.bus.state.needs_you.get(item)
            if need is None:
                raise Refused("That was answered already.", safe="Nothing was changed.")
            if need.about == "limit":
                raise Refused("The spending limit is not raised by words.", remedy="Raise the limit.")
            await kit.bus.publish(ev.NeedAnswered(**kit.where, item=item, answer=text))

    # --- one worker ---

    async def message(self, convoy: ConvoyId, bead: BeadId, text: str) -> None:
        async with self._convoys.wired(convoy) as run:
            await messages.send(run.town.kit, bead, text)

    async def pause_bead(self, convoy: ConvoyId, bead: BeadId) -> None:
        await holding.pause_bead(self._running(convoy).town.kit, bead)

    async def resume_bead(self, convoy: ConvoyId, bead: BeadId) -> None:
        await holding.resume_bead(self._running(convoy).town.kit, bead)

    async def stop_bead(self, convoy: ConvoyId, bead: BeadId) -> None:
        await holding.stop_bead(self._running(convoy).town.kit, bead)

    async def fresh_context(self, convoy: ConvoyId, bead: BeadId) -> None:
        await holding.fresh_context(self._running(convoy).town.kit, bead)

    async def take_over(self, convoy: ConvoyId, bead: BeadId) -> Path:
        async with self._convoys.wired(convoy) as run:
            return (await take_over(run.town.kit, bead)).folder

    async def give_back(self, convoy: ConvoyId, bead: BeadId) -> tuple[str, ...]:
        async with self._convoys.wired(convoy) as run:
            return await give_back(run.town.kit, bead)

    async def dependants(self, convoy: ConvoyId, bead: BeadId) -> tuple[BeadId, ...]:
        async with self._convoys.wired(convoy) as run:
            return dependants_of(run.town.kit.bus.state, [bead])

    async def discard(self, convoy: ConvoyId, bead: BeadId, *, with_dependants: bool) -> Outcome:
        async with self._convoys.wired(convoy) as run:
            town = run.town
            beads = [bead]
            if with_dependants:
                beads += dependants_of(town.kit.bus.state, beads)
            outcome = await drop(town.kit, town.gates, beads, "discarded by the user")
            if isinstance(outcome, Dropped):
                return Outcome(done=True, words=f"{', '.join(beads)} left the convoy.")
            return Outcome(done=False, words=outcome.words)

    # --- looking ---

    async def transcript(self, convoy: ConvoyId, bead: BeadId) -> Transcript:
        async with self._convoys.wired(convoy) as run:
            return await transcript_of(run.town.kit, bead)

    async def diff(self, convoy: ConvoyId, bead: BeadId) -> tuple[FileDiff, ...]:
        async with self._convoys.wired(convoy) as run:
            return await diff_of(run.town.kit, bead)

    async def conflict(self, convoy: ConvoyId, bead: BeadId) -> Conflict:
        async with self._convoys.wired(convoy) as run:
            return await conflict_for_user(run.town.kit, bead)

    async def resolve_conflict(
        self, convoy: ConvoyId, bead: BeadId, files: Mapping[str, bytes | None], tip: Oid
    ) -> None:
        async with self._convoys.wired(convoy) as run:
            await resolve_by_hand(run.town.kit, bead, files, tip)

    async def bill(self, convoy: ConvoyId) -> Bill:
        async with self._convoys.wired(convoy) as run:
            gate = run.town.gate
            bill = bill_of(gate.records, gate.ledger, run.town.kit.bus.state)
            return replace(bill, limits=run.limits(), absence=run.absence())

    async def absence(self, convoy: ConvoyId) -> Absence | None:
        run = self._convoys.run_of(convoy)
        if run is not None:
            return run.absence()
        _, absence = await self._without_lock(lambda workplace: stored_limits(workplace, convoy))
        return absence

    async def evidence(self, convoy: ConvoyId) -> Mapping[str, Any] | None:
        file = evidence_file(self._opening.rig_folder(self._require_open().path), convoy)
        return read_result(file)

    async def export_evidence(self, convoy: ConvoyId, folder: Path) -> tuple[Path, ...]:
        result = await self.evidence(convoy)
        if result is None:
            raise Refused("This convoy has no report yet.", remedy="It is written when the rehearsal ends.")
        return write_report(folder, dict(result))

    # --- publishing ---

    async def branches(self) -> tuple[TownBranch, ...]:
        return await self._without_lock(publishing.branches)

    async def publishing(self, names: tuple[str, ...], prefix: str) -> tuple[BranchLine, ...]:
        return await self._without_lock(lambda workplace: publishing.preview(workplace, names, prefix))

    async def publish(self, names: tuple[str, ...], prefix: str) -> tuple[BranchLine, ...]:
        done = await self._without_lock(lambda workplace: publishing.publish(workplace, names, prefix))
        return tuple(publishing.as_line(one.source, one.published) for one in done)

    async def _without_lock(self, ask: Callable[[Workplace], Awaitable[_T]]) -> _T:
        """Asks a rig that is only read, whatever runs in it meanwhile."""
        workplace = await open_workplace(self._require_open().path, self._override)
        try:
            return await ask(workplace)
        finally:
            await workplace.close()

    # --- landing ---

    async def landing(self, convoy: ConvoyId, branch: str) -> LandingSheet:
        async with self._convoys.wired(convoy) as run:
            landing, target, signer = self._landing(run, branch)
            plan = await landing.preview()
            places = await target.places()
            sheet = LandingSheet(
                convoy=convoy,
                branch=branch,
                lines=(),
                here=None,
                lands=None,
                gates=tuple(gate.command for gate in run.town.gates.gates),
                signed=await signer.wanted(),
                checked_out=tuple(places),
                stands_in_the_way=plan.words if isinstance(plan, NotLanded) else "",
            )
            return sheet if isinstance(plan, NotLanded) else await _filled(run, sheet, plan)

    async def land(
        self, convoy: ConvoyId, branch: str, approved: Mapping[BeadId, str], *, looked: bool
    ) -> Outcome:
        async with self._convoys.wired(convoy) as run:
            _require_merged(run)
            landing, _, _ = self._landing(run, branch, looked=looked)
            outcome = await landing.land(approved or None)
            if isinstance(outcome, Landed):
                count = len(outcome.beads)
                words = f"{count} beads are on {branch} at {outcome.commit[:10]}."
                return Outcome(done=True, words=words)
            return Outcome(done=False, words=outcome.words)

    async def undo_land(self, convoy: ConvoyId) -> Outcome:
        async with self._convoys.wired(convoy) as run:
            branch = run.town.kit.bus.state.landed_on.removeprefix("refs/heads/")
            if not branch or branch.startswith("rehearsal/"):
                raise Refused("The convoy is on no branch of yours.", safe="Nothing was changed.")
            target = self._target(run, branch)
            undo = Undo(run.town.kit, run.town.gates, target, None, run.workplace.signer())
            outcome = await undo.undo()
            if isinstance(outcome, Undone):
                how = "by a revert" if outcome.reverted else "as it was"
                return Outcome(done=True, words=f"{branch} is at {outcome.commit[:10]}, {how}.")
            return Outcome(done=False, words=outcome.words)

    def _landing(
        self, run: Running, branch: str, *, looked: bool = False
    ) -> tuple[Landing, UserTarget, GitSigner]:
        target, signer = self._target(run, branch), run.workplace.signer()
        landing = Landing(run.town.kit, run.town.gates, target, None, signer, looked=looked)
        return landing, target, signer

    @staticmethod
    def _target(run: Running, branch: str) -> UserTarget:
        if not re.fullmatch(r"[^\s~^:?*\[\\-][^\s~^:?*\[\\]*", branch):
            raise Refused(f"{branch or 'Nothing'} is no name of a branch.", remedy="Name a branch of yours.")
        return run.workplace.target(run.objects, branch)

    # --- what is open ---

    def _running(self, convoy: ConvoyId) -> Running:
        run = self._convoys.run_of(convoy)
        if run is None:
            raise Refused("The convoy does not run.", safe="Nothing was changed.", remedy="Resume it first.")
        return run

    def _require_open(self) -> OpenRig:
        if self._open is None:
            raise Refused("No repository is open.", remedy="Open one first.")
        return self._open

    @property
    def _convoys(self) -> Convoys:
        self._require_open()
        assert self._convoys_of_rig is not None
        return self._convoys_of_rig


def as_gates(wishes: tuple[GateWish, ...]) -> tuple[Gate, ...]:
    """Gates as the engine has them."""
    return tuple(Gate(wish.name, wish.command) for wish in wishes)


def _require_merged(run: Running) -> None:
    state = run.town.kit.bus.state
    left = len(state.works()) - len(state.merged())
    if left or state.stage not in {"ready_to_land", "landed"}:
        raise Refused(
            f"{left} of {len(state.works())} beads are not merged.",
            safe="Nothing was changed.",
            remedy="Let the convoy end, or discard them.",
        )


async def _filled(run: Running, sheet: LandingSheet, plan: LandingPlan) -> LandingSheet:
    """The sheet with what the plan says."""
    state = run.town.kit.bus.state
    lines: list[LandingLine] = []
    for one in plan.stack.stack if plan.stack else ():
        before = await run.objects.tree_of(one.commit.parents[0])
        changes = await run.objects.diff_trees(before, one.commit.tree)
        lines.append(
            LandingLine(
                bead=one.bead,
                title=state.beads[one.bead].bead.title,
                paths=tuple(change.path for change in changes),
                sensitive=await sensitive_changes(run.objects, before, one.commit.tree),
            )
        )
    approved = await patch_ids(run.objects, plan.stack.stack) if plan.stack else {}
    return replace(sheet, lines=tuple(lines), here=plan.here, lands=plan.lands, approved=approved)
