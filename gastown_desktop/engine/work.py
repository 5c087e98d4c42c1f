"""Real work as `resume` finds it: what the user asked for, written down before anything of it happens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from gastown_desktop.core import events as ev
from gastown_desktop.core.away import Away
from gastown_desktop.core.errors import GitError
from gastown_desktop.core.ids import ConvoyId, Oid
from gastown_desktop.core.preparation import NO_PREPARATION, Preparation, preparation_of
from gastown_desktop.core.prices import Price
from gastown_desktop.core.serialising import Generated, SerialisingFiles
from gastown_desktop.engine.bus import Bus
from gastown_desktop.engine.gates import Gate
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.rig import RefNames, Rig

_LONGEST_TITLE = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSettings:
    """What the user asked for, besides the goal."""

    polecats: int
    gates: tuple[Gate, ...]
    cap: int
    """Nano-dollars."""
    model: str
    base_url: str
    """Where the model is."""
    price: Price
    """What its tokens cost; prices do not change under a convoy."""
    bead_cap: int | None = None
    """Nano-dollars that one bead may cost before the user is asked; None for what its forecast says."""
    per_hour: int | None = None
    """Nano-dollars that an hour is to cost at most; None for no such limit."""
    strict_gates: bool = False
    pilot: Literal["no", "first", "done"] = "no"
    """Whether two beads are tried first, for a small sum, and where that stands."""
    review: bool = False
    """What is handed in is read by a reviewer before it merges."""
    unattended: Away | None = None
    """The user is away: the default of a question that nobody answers is taken after a while."""
    allowed_hosts: tuple[str, ...] = ()
    """Hosts with their ports that commands of workers and gates may reach; none: no network."""
    serialising: SerialisingFiles = field(default=SerialisingFiles())
    """What the repository's `.gastown.toml` says about files that many beads touch."""
    preparation: Preparation = NO_PREPARATION
    """What working folders are prepared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWork:
    """One convoy of real work."""

    convoy: ConvoyId
    goal: str
    base: Oid
    """Commit of the target that the work starts from."""
    target: str
    """Full name of the user's branch that it is to land on."""
    settings: WorkSettings
    planned_by: Literal["mayor", "given"] = "mayor"
    """Who makes the plan: the Mayor from the goal, or somebody elsewhere."""


_KNOWN = frozenset(one.name for one in fields(WorkSettings))
"""Settings of a later version are left out."""


def settings_ref(convoy: ConvoyId) -> str:
    """Where the settings of a convoy are kept, as a blob."""
    return f"refs/gastown/convoys/{convoy}/settings"


async def store_work(objects: GitObjects, work: StoredWork) -> None:
    """Writes it down; the same again changes nothing.

    Raises:
        GitError: somebody else wrote it meanwhile.
    """
    settings = asdict(work.settings)
    settings["unattended"] = _away_json(work.settings.unattended)
    stored = {
        "goal": work.goal,
        "base": work.base,
        "target": work.target,
        "settings": settings,
        "planned_by": work.planned_by,
    }
    blob = await objects.write_blob(json.dumps(stored, ensure_ascii=True, indent=1).encode("ascii"))
    name = settings_ref(work.convoy)
    old = await objects.read_ref(name)
    if old != blob and not await objects.swap_ref(name, old=old, new=blob):
        raise GitError("Another convoy has this name.")


async def load_work(objects: GitObjects, convoy: ConvoyId) -> StoredWork | None:
    """Reads it back; None when this convoy is no real work."""
    blob = await objects.read_ref(settings_ref(convoy))
    if blob is None:
        return None
    stored: dict[str, Any] = json.loads(await objects.read_blob(blob))
    settings: dict[str, Any] = stored["settings"]
    settings["gates"] = tuple(Gate(**gate) for gate in settings["gates"])
    settings["price"] = Price(**settings["price"])
    settings["allowed_hosts"] = tuple(settings.get("allowed_hosts", ()))
    settings["serialising"] = serialising_of(settings["serialising"])
    settings["preparation"] = preparation_of(settings.get("preparation", {}))
    settings["unattended"] = _away_of(settings.get("unattended"))
    return StoredWork(
        convoy=convoy,
        goal=stored["goal"],
        base=Oid(stored["base"]),
        target=stored["target"],
        settings=WorkSettings(**{name: value for name, value in settings.items() if name in _KNOWN}),
        planned_by=stored.get("planned_by", "mayor"),
    )


def _away_json(away: Away | None) -> dict[str, Any] | None:
    if away is None:
        return None
    return {**asdict(away), "until": None if away.until is None else away.until.isoformat()}


def _away_of(stored: dict[str, Any] | bool | None) -> Away | None:
    """Reads it back; the first versions kept whether the user was away, and nothing else."""
    if not stored:
        return None
    if stored is True:
        return Away()
    until = stored.get("until")
    return Away(
        until=None if until is None else datetime.fromisoformat(until),
        at_most=stored.get("at_most"),
        spent_before=stored.get("spent_before", 0),
    )


def serialising_of(fields: Mapping[str, Any]) -> SerialisingFiles:
    """Serialising files as they were stored."""
    return SerialisingFiles(
        generated=tuple(Generated(**one) for one in fields.get("generated", ())),
        union=tuple(fields.get("union", ())),
        serial=tuple(fields.get("serial", ())),
    )


async def stored_work(objects: GitObjects) -> list[ConvoyId]:
    """Names of all convoys of real work that were written down."""
    refs = await objects.list_refs("refs/gastown/convoys/")
    return [ConvoyId(name.split("/")[3]) for name in refs if name.endswith("/settings")]


async def announce_work(bus: Bus, objects: GitObjects, rig: Rig, work: StoredWork) -> None:
    """Makes branch and convoy; what an earlier process already told is not told again."""
    branch = RefNames(work.convoy, rehearsal=False).convoy_branch
    if await objects.read_ref(branch) is None:
        await objects.swap_ref(branch, old=None, new=work.base)
    if not bus.state.convoy:
        where: Any = {"rig": rig.id, "convoy": work.convoy}
        title = " ".join(work.goal.split())[:_LONGEST_TITLE]
        created = ev.ConvoyCreated(
            **where, title=title, base=work.base, target=work.target, reviewed=work.settings.review
        )
        await bus.publish(created)
