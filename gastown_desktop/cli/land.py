"""`land`, `undo-land` and `drop`: the newest convoy and a branch of the user's."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from gastown_desktop.adapters.git.remote import GitRemote, find_remote
from gastown_desktop.adapters.git.signing import GitSigner
from gastown_desktop.cli.asking import ask_yes
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.core.plain_text import printable, shown_url
from gastown_desktop.core.projection import Projection
from gastown_desktop.engine.dropping import dependants_of, drop
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.landing import Landed, Landing
from gastown_desktop.engine.landing_plan import LandingPlan, NotLanded
from gastown_desktop.engine.proposing import Proposal, Proposed
from gastown_desktop.engine.rehearsal_result import HOLDS, NEEDS_YOU
from gastown_desktop.engine.restack import patch_ids
from gastown_desktop.engine.sensitive_changes import sensitive_changes
from gastown_desktop.engine.undo import Undo
from gastown_desktop.engine.work import WorkSettings
from gastown_desktop.wiring.histories import newest_history
from gastown_desktop.wiring.sample import sample_folder
from gastown_desktop.wiring.stored import build_town, load_stored
from gastown_desktop.wiring.town_parts import WiredTown
from gastown_desktop.wiring.workplace import (
    Workplace,
    enter,
    open_workplace,
    require_trust,
    require_trusted_remote,
)

_L = TypeVar("_L", bound=Landing)


@dataclass(slots=True, kw_only=True)
class _Scene:
    """The newest convoy, wired."""

    given: argparse.Namespace
    workplace: Workplace
    objects: GitObjects
    town: WiredTown
    signer: GitSigner

    @property
    def state(self) -> Projection:
        """Where the convoy stands."""
        return self.town.kit.bus.state

    async def landing(self, kind: type[_L], branch: str, remote: GitRemote | None) -> _L:
        """A landing, or another kind of it, on a branch of the user's."""
        target = self.workplace.target(self.objects, branch)
        return kind(self.town.kit, self.town.gates, target, remote, self.signer)

    async def remote(self, name: str) -> GitRemote | None:
        """The remote of this name; None for no name.

        Raises:
            Refused: there is none, or it would run what the user did not agree to.
        """
        if not name:
            return None
        place = self.workplace
        remote = await find_remote(place.git, place.rig.town_git, place.facts, name)
        await require_trusted_remote(place, remote, trust=self.given.trust, say=_say_beside)
        return remote

    async def places(self, branch: str) -> tuple[str, ...]:
        """Where a branch is checked out."""
        return await self.workplace.target(self.objects, branch).places()


@asynccontextmanager
async def _scene(given: argparse.Namespace) -> AsyncIterator[_Scene]:
    """Opens the newest convoy for a change of where it stands.

    Raises:
        Refused: there is none, it is not merged whole, or a run holds the rig.
    """
    repo = sample_folder(given.data_dir) if given.repo == "sample" else Path(given.repo)
    workplace = await open_workplace(repo, given.data_dir)
    try:
        state = newest_history(workplace)
        if state is None:
            raise Refused("There is no convoy to land here.", remedy="Start with `gastown-desktop run`.")
        objects = await enter(workplace)
        stored = await load_stored(objects, state.convoy)
        settings = stored.settings
        hosts = settings.allowed_hosts if isinstance(settings, WorkSettings) else ()
        generated = settings.serialising.generated
        await require_trust(
            *(workplace, settings.gates, generated, hosts, settings.preparation),
            trust=given.trust,
            say=_say_beside,
        )
        town = await build_town(workplace, objects, stored)
        try:
            if town.kit.bus.state.base_green is False:
                town.gates.without_gates()
            yield _Scene(
                given=given, workplace=workplace, objects=objects, town=town, signer=workplace.signer()
            )
        finally:
            await town.close()
    finally:
        await workplace.close()


# --- land -----------------------------------------------------------------------------------------


async def land(given: argparse.Namespace) -> int:
    """Brings the newest convoy onto a branch; returns the exit code."""
    async with _scene(given) as scene:
        state = scene.state
        _require_merged(state, given.repo)
        branch = _branch(given, state)
        if given.pull_request:
            return await _propose(scene, branch)
        remote = await scene.remote(given.remote or _remembered(state, branch))
        landing = await scene.landing(Landing, branch, remote)
        plan = await landing.preview()
        if isinstance(plan, NotLanded) and plan.about == "target":
            raise Refused(plan.words)
        approved: Mapping[BeadId, str] | None = None
        if isinstance(plan, LandingPlan) and not given.yes:
            await _ask(await _summary(scene, plan, branch, remote), "Land it?")
            approved = None if plan.stack is None else await patch_ids(scene.objects, plan.stack.stack)
        return await _tell(scene, await landing.land(approved), branch)


def _require_merged(state: Projection, repo: str) -> None:
    left = len(state.works()) - len(state.merged())
    if state.stage not in {"ready_to_land", "landed"} or left:
        raise Refused(
            f"{left} of {len(state.works())} beads are not merged.",
            remedy=f"Go on with `gastown-desktop resume {shlex.quote(repo)}`, or drop them.",
        )


def _branch(given: argparse.Namespace, state: Projection) -> str:
    """The branch to land on: the one that was named, or the one that it landed on before or is meant for."""
    known = "" if state.landed_on.startswith("refs/heads/rehearsal/") else state.landed_on
    if not known and not state.rehearsal:
        known = state.target
    branch = given.on or known
    if not branch:
        raise Refused(
            "A rehearsal lands on a branch only when you name it.",
            safe="Nothing was changed.",
            remedy="Add --on BRANCH; `git branch scratch` makes one to try it on.",
        )
    return branch.removeprefix("refs/heads/")


def _remembered(state: Projection, branch: str) -> str:
    """The remote that an earlier landing on this branch was meant for as well."""
    return state.landed_remote if state.landed_on == f"refs/heads/{branch}" else ""


async def _propose(scene: _Scene, branch: str) -> int:
    remote = await scene.remote(scene.given.remote or "origin")
    proposal = await scene.landing(Proposal, branch, remote)
    if not scene.given.yes:
        count = len(scene.state.merged())
        place = shown_url(remote.push_url) if remote else "nowhere"
        await _ask(f"{count} beads go to a branch of {place} for review.", "Push it?")
    return await _tell(scene, await proposal.propose(), branch)


async def _summary(scene: _Scene, plan: LandingPlan, branch: str, remote: GitRemote | None) -> str:
    """Everything that is to be known before it is agreed to."""
    state = scene.state
    lines = [f"{state.convoy} {state.title}"]
    for one in plan.stack.stack if plan.stack else ():
        lines.append(f"  {one.bead} {state.beads[one.bead].bead.title}")
        before = await scene.objects.tree_of(one.commit.parents[0])
        changes = await scene.objects.diff_trees(before, one.commit.tree)
        lines += [f"      {change.path}" for change in changes]
    if plan.lands != plan.here:
        trees = [await scene.objects.tree_of(commit) for commit in (plan.here, plan.lands)]
        sensitive = await sensitive_changes(scene.objects, *trees)
        lines += ["  look at:", *(f"      {one.words}" for one in sensitive)] if sensitive else []
    if plan.stack and plan.stack.skipped:
        lines.append(f"  there already: {', '.join(plan.stack.skipped)}")
    places = await scene.places(branch)
    where = f"checked out in {', '.join(places)}" if places else "not checked out"
    lines.append(f"onto {branch} ({where}), {plan.here[:10]} → {plan.lands[:10]}")
    signed = "signed" if await scene.signer.wanted() else "unsigned"
    gates = ", ".join(gate.command for gate in scene.town.gates.gates) or "none"
    lines.append(f"{signed}; gates: {gates}; pushed to {shown_url(remote.push_url) if remote else 'nowhere'}")
    if remote is not None and plan.silent:
        lines.append(f"{remote.name} does not answer now; if it stays silent, this lands here only")
    if remote is not None and plan.there is not None and plan.there != plan.here:
        lines.append(f"{remote.name} is at {plan.there[:10]}")
    return "\n".join(lines)


# --- undo-land and drop ---------------------------------------------------------------------------


async def undo_land(given: argparse.Namespace) -> int:
    """Takes the newest convoy off the branch that it landed on; returns the exit code."""
    async with _scene(given) as scene:
        state = scene.state
        if not state.landed_on or state.landed_on.startswith("refs/heads/rehearsal/"):
            raise Refused("The convoy is on no branch of yours.", safe="Nothing was changed.")
        branch = state.landed_on.removeprefix("refs/heads/")
        undo = await scene.landing(Undo, branch, await scene.remote(given.remote or state.landed_remote))
        if not given.yes:
            await _ask(f"{state.convoy} {state.title} comes off {branch} again.", "Undo it?")
        return await _tell(scene, await undo.undo(), branch)


async def drop_beads(given: argparse.Namespace) -> int:
    """Takes beads out of the newest convoy; returns the exit code."""
    async with _scene(given) as scene:
        state = scene.state
        beads = [BeadId(bead) for bead in given.beads]
        unknown = [bead for bead in beads if bead not in state.works()]
        if unknown:
            raise Refused(f"{unknown[0]} is not in the convoy.", safe="Nothing was changed.")
        dependants = dependants_of(state, beads)
        if given.with_dependants:
            beads += dependants
        elif dependants and not given.keep_dependants:
            raise Refused(
                f"{', '.join(dependants)} wait for it.",
                safe="Nothing was changed.",
                remedy="Say --with-dependants or --keep-dependants.",
            )
        if not given.yes:
            titles = "\n".join(f"  {bead} {state.beads[bead].bead.title}" for bead in beads)
            await _ask(f"These leave the convoy:\n{titles}", "Drop them?")
        return await _tell(
            scene, await drop(scene.town.kit, scene.town.gates, beads, "dropped by the user"), ""
        )


# --- asking and telling ---------------------------------------------------------------------------


def _say_beside(text: str) -> None:
    """Says something that is not the result."""
    print(printable(text), file=sys.stderr)


async def _ask(summary: str, question: str) -> None:
    """Shows what would happen and waits for a yes.

    Raises:
        Refused: nobody can be asked, or the answer is no.
        Unanswered: the user interrupts.
    """
    if not sys.stdin.isatty():
        raise Refused(printable(summary) + "\nNobody can be asked here.", remedy="Add --yes to agree.")
    print(printable(summary))
    await ask_yes(question)


async def _tell(scene: _Scene, outcome: Any, branch: str) -> int:
    """Prints what came of it; returns the exit code."""
    code = NEEDS_YOU if isinstance(outcome, NotLanded) else HOLDS
    if scene.given.json:
        state = scene.state
        fields = {"exit": code, "convoy": state.convoy, "stage": state.stage, "branch": branch}
        print(json.dumps({**fields, "outcome": type(outcome).__name__.lower(), **asdict(outcome)}))
    else:
        print(printable(_words(outcome, branch)), file=sys.stderr if code else sys.stdout)
    return code


def _words(outcome: Any, branch: str) -> str:
    match outcome:
        case NotLanded(words=words):
            return words
        case Landed(beads=beads, commit=commit):
            there = _missing_on(outcome.missing_on) if outcome.missing_on else ""
            skipped = f" There already: {', '.join(outcome.skipped)}." if outcome.skipped else ""
            signed = "signed" if outcome.signed else "unsigned"
            return f"{len(beads)} beads are on {branch} at {_short(commit)}, {signed}.{skipped}{there}"
        case Proposed(remote=remote, branch=pushed, words=words):
            return f"{len(outcome.beads)} beads are on {remote} as {pushed}. {words}".strip()
        case _:
            commit = getattr(outcome, "commit", None) or outcome.tip
            how = "by a revert" if getattr(outcome, "reverted", False) else "as it was"
            if branch:
                return f"{branch} is at {_short(commit)}, {how}."
            return f"{', '.join(outcome.beads)} left the convoy, which is at {_short(commit)}."


def _missing_on(remote: str) -> str:
    return f" Landed here, not on {remote}: it did not answer. `land` again pushes it when it does."


def _short(commit: Oid) -> str:
    return commit[:10]
