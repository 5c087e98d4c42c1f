"""Which branches of town.git are meant, and what they are called in the user's repository."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gastown_desktop.adapters.git.objects import open_objects
from gastown_desktop.adapters.git.publishing import Published, Publisher
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid, PolecatName
from gastown_desktop.core.plain_text import shown_path
from gastown_desktop.engine.api import BranchLine, TownBranch
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.hooks import Hooks
from gastown_desktop.engine.rig import RefNames
from gastown_desktop.wiring.histories import history_files, newest_history
from gastown_desktop.wiring.workplace import Workplace

PREFIX = "gastown"
_HEADS = "refs/heads/"
_CONVOY = "convoy/"
_KINDS = ("convoy", "worker", "landing")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedBranch:
    """A branch of town.git and the user's that has its commit now."""

    source: str
    published: Published


async def town_branches(objects: GitObjects) -> dict[str, Oid]:
    """Branches of town.git by their names without `refs/heads/`: convoys', workers' and rehearsals'."""
    refs = await objects.list_refs(_HEADS)
    return {name.removeprefix(_HEADS): oid for name, oid in refs.items()}


async def branches(workplace: Workplace) -> tuple[TownBranch, ...]:
    """What can be published: convoys, the last one at work first, then workers, then rehearsed landings.

    Town.git is only read.
    """
    if not workplace.rig.town_git.is_dir():
        return ()
    workplace.objects = await open_objects(workplace.git, workplace.rig.town_git)
    newest = [file.stem for file in history_files(workplace)]
    found = [_described(name, oid) for name, oid in (await town_branches(workplace.objects)).items()]
    known = [one for one in found if one is not None]

    def rank(one: TownBranch) -> tuple[int, int, str]:
        age = newest.index(one.convoy) if one.convoy in newest else len(newest)
        return _KINDS.index(one.kind), age, one.name

    return tuple(sorted(known, key=rank))


def _described(name: str, commit: Oid) -> TownBranch | None:
    """A branch with what it is about; None for one that is none of the work's."""
    match name.split("/"):
        case ["convoy", convoy]:
            return TownBranch(name=name, kind="convoy", commit=commit, convoy=ConvoyId(convoy))
        case ["rehearsal", convoy]:
            return TownBranch(name=name, kind="landing", commit=commit, convoy=ConvoyId(convoy))
        case ["work", worker, work]:
            bead, who = BeadId(work.rpartition("-")[0]), PolecatName(worker)
            return TownBranch(name=name, kind="worker", commit=commit, bead=bead, worker=who)
        case _:
            return None


async def preview(workplace: Workplace, wanted: Sequence[str], prefix: str) -> tuple[BranchLine, ...]:
    """What `publish` would do; nothing is written.

    Raises:
        Refused: nothing was done here, or one of them is not there.
    """
    publisher, branches, named = await _planned(workplace, wanted, prefix)
    foreseen = await publisher.preview({name: branches[source] for name, source in named.items()})
    return tuple(
        replace(as_line(named[one.published.branch], one.published), refusal=one.refusal) for one in foreseen
    )


async def publish(workplace: Workplace, wanted: Sequence[str], prefix: str) -> list[PublishedBranch]:
    """Copies branches into the user's repository; town.git is only read, so a run may go on meanwhile.

    Args:
        workplace: the rig; its lock is not needed.
        wanted: branches of town.git, convoys or beads; none for the newest convoy.
        prefix: what the names of the user's branches begin with.

    Raises:
        Refused: nothing was done here, one of them is not there, or a branch of the user's is in the way.
    """
    publisher, branches, named = await _planned(workplace, wanted, prefix)
    done = await publisher.publish({name: branches[source] for name, source in named.items()})
    return [PublishedBranch(source=named[one.branch], published=one) for one in done]


def as_line(source: str, one: Published) -> BranchLine:
    """A branch of the user's as the window shows it."""
    return BranchLine(
        source=source, branch=one.branch, commit=one.commit, before=one.before, outcome=one.outcome
    )


async def _planned(
    workplace: Workplace, wanted: Sequence[str], prefix: str
) -> tuple[Publisher, dict[str, Oid], dict[str, str]]:
    """Who publishes, all branches of town.git, and the wanted ones by their names at the user's."""
    if not workplace.rig.town_git.is_dir():
        raise Refused("Nothing was done here yet.")
    workplace.objects = await open_objects(workplace.git, workplace.rig.town_git)
    branches = await town_branches(workplace.objects)
    for one in wanted:
        branches |= await _handed_in(workplace, workplace.objects, one)
    sources = [_meant(one, branches) for one in wanted or [_newest(workplace)]]
    named = {_name(source, prefix): source for source in dict.fromkeys(sources)}
    publisher = Publisher(workplace.git, workplace.rig.town_git, workplace.facts)
    return publisher, branches, named


async def _handed_in(workplace: Workplace, objects: GitObjects, bead: str) -> dict[str, Oid]:
    """The branch on which a bead was handed in last, as its transcript has it; none where it has none.

    A branch goes when its bead is done; the commit stays.
    """
    refs = [
        *await objects.list_refs("refs/gastown/convoys/"),
        *await objects.list_refs("refs/gastown/rehearsals/"),
    ]
    found = [parts for parts in (name.split("/") for name in refs) if parts[4:-1] == ["transcripts", bead]]
    if not found:
        return {}
    newest = max(found, key=lambda parts: int(parts[-1]))
    names = RefNames(ConvoyId(newest[3]), rehearsal=newest[2] == "rehearsals")
    hook = await Hooks(objects, names, workplace.clock).attempt(BeadId(bead), int(newest[-1]))
    if hook is None or hook.submitted is None:
        return {}
    return {hook.assignment.branch.removeprefix(_HEADS): hook.submitted}


def _newest(workplace: Workplace) -> str:
    state = newest_history(workplace)
    if state is None:
        raise Refused("Nothing was done here yet.")
    return state.convoy


def _meant(wanted: str, branches: dict[str, Oid]) -> str:
    """The one branch that a name means: its own, a convoy's, or the newest of a bead.

    Raises:
        Refused: none, or several.
    """
    name = wanted.removeprefix(_HEADS)
    for spelled in (name, f"{_CONVOY}{name}"):
        if spelled in branches:
            return spelled
    of_bead = sorted(one for one in branches if _is_work_on(one, name))
    if len(of_bead) == 1:
        return of_bead[0]
    if of_bead:
        raise Refused(
            f"{shown_path(wanted)} has several branches.", remedy=f"Name one: {', '.join(of_bead)}."
        )
    listed = ", ".join(sorted(branches)) or "none"
    raise Refused(f"There is no branch {shown_path(wanted)} here.", remedy=f"There are: {listed}.")


def _is_work_on(branch: str, bead: str) -> bool:
    """Tells whether it is `work/<worker>/<bead>-<time>`."""
    parts = branch.split("/")
    return len(parts) == 3 and parts[0] == "work" and parts[2].rpartition("-")[0] == bead


def _name(source: str, prefix: str) -> str:
    """`gastown/cv-1abcd` for a convoy's, `gastown/work/Nux/…` for a worker's."""
    return f"{prefix.rstrip('/')}/{source.removeprefix(_CONVOY)}"
