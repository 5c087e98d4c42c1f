"""A rig, forgotten: what would go, why it must not, and its removal.

The ledger of real work stays: it is the record of the bill, and the caps of a day and of everything are held
against it. What a rehearsal counted at list price was never paid and goes with the rig.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from gastown_desktop.adapters.file_lock import FileLock
from gastown_desktop.adapters.git.files import delete_any, is_folder
from gastown_desktop.adapters.git.trust import TrustStore
from gastown_desktop.adapters.money_log import read_ledger
from gastown_desktop.adapters.recent_repositories import RecentRepositories
from gastown_desktop.adapters.sandbox import kill_orphans
from gastown_desktop.adapters.town_store import read_lines
from gastown_desktop.core.charges import charges_of, sums_of
from gastown_desktop.core.errors import Refused, StoreError
from gastown_desktop.core.event_lines import decode
from gastown_desktop.core.ids import Oid
from gastown_desktop.core.plain_text import one_line
from gastown_desktop.core.projection import Projection, fold
from gastown_desktop.engine.taking_over import is_hand_slot
from gastown_desktop.wiring.histories import history_files
from gastown_desktop.wiring.workplace import FORGOTTEN, RIG_LOCK, Workplace, half_forgotten

_OVER = frozenset({"landed", "abandoned"})


@dataclass(frozen=True, slots=True)
class Part:
    """A file or folder that goes."""

    what: str
    path: Path
    size: int
    """Bytes."""


@dataclass(slots=True, kw_only=True)
class Holdings:
    """Everything that is kept of a rig."""

    parts: list[Part] = field(default_factory=list[Part])
    convoys: int = 0
    unlanded: list[str] = field(default_factory=list[str])
    """Work that is nowhere else, a sentence each."""
    spent: int = 0
    """Nano-dollars of real money; their records stay."""
    trusted: bool = False

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(part.size for part in self.parts)


def lock_rig(workplace: Workplace) -> None:
    """Takes the rig, so that nobody works on it meanwhile.

    Raises:
        Refused: there is nothing to forget, or another process works on it; names the process.
    """
    kept = is_folder(workplace.rig.folder) or os.path.lexists(workplace.slots_root)
    if not kept and not half_forgotten(workplace.data, workplace.rig.id):
        raise Refused("Nothing was done here yet.", safe="Nothing was changed.")
    workplace.lock = FileLock(workplace.rig.folder / RIG_LOCK, "Work on this repository")


async def holdings(workplace: Workplace) -> Holdings:
    """Looks at everything that would go. The rig's lock is held."""
    found = Holdings()
    found.parts = await asyncio.to_thread(_parts, workplace)
    await _look_at_convoys(workplace, found)
    if is_folder(workplace.slots_root):
        taken = sorted(name for name in os.listdir(workplace.slots_root) if is_hand_slot(name))  # noqa: PTH208
        found.unlanded += [f"{workplace.slots_root / name} is in your hands" for name in taken]
    found.trusted = TrustStore(workplace.data / "trust.json").knows(workplace.facts.top_level)
    return found


def _parts(workplace: Workplace) -> list[Part]:
    rig = workplace.rig
    known = {
        rig.town_git: "its repository with all work",
        workplace.slots_root: "working folders",
        rig.folder / "events": "histories",
        rig.folder / "rehearsals": "rehearsals",
        rig.folder / "convoys": "reports and scratch files",
    }
    there = [path for path in known if os.path.lexists(path)]
    there += [path for path in sorted(rig.folder.iterdir()) if path not in known and path.name != RIG_LOCK]
    parts = [Part(known.get(path, "caches"), path, _size(path)) for path in there]
    left = half_forgotten(workplace.data, rig.id)
    return parts + [Part("what was left when it was forgotten before", path, _size(path)) for path in left]


async def forget(workplace: Workplace) -> None:
    """Deletes everything of a rig, and nothing else. The rig's lock is held.

    The working folders go first, as they are made anew from the rig when it is still there.

    Raises:
        OSError: something could not be deleted; what is left is found by the next time.
    """
    await workplace.launcher.sweep()
    await kill_orphans()
    await asyncio.to_thread(delete_any, workplace.slots_root)
    TrustStore(workplace.data / "trust.json").forget(workplace.facts.top_level)
    recents = RecentRepositories(workplace.data / "recents.json")
    if any(one.path == workplace.facts.top_level for one in recents.all()):
        recents.remove(workplace.facts.top_level)
    aside = workplace.data / FORGOTTEN / f"{workplace.rig.id}.{os.getpid()}"
    aside.parent.mkdir(mode=0o700, exist_ok=True)
    await asyncio.to_thread(delete_any, aside)
    workplace.rig.folder.rename(aside)
    for left in half_forgotten(workplace.data, workplace.rig.id):
        await asyncio.to_thread(delete_any, left)
    with suppress(OSError):  # others may be on their way
        aside.parent.rmdir()


async def _look_at_convoys(workplace: Workplace, found: Holdings) -> None:
    names: set[str] = set()
    for file in history_files(workplace):
        names.add(file.stem)
        try:
            state = fold([decode(line) for line in read_lines(file)])
        except StoreError as error:
            found.unlanded.append(f"{file.stem} cannot be read: {error}")
            continue
        if not state.convoy:
            continue
        found.convoys += 1
        words = "" if state.rehearsal else await _not_landed(workplace, state)
        if words:
            found.unlanded.append(words)
    charges = charges_of(read_ledger(workplace.money_file))
    rig = workplace.rig.id
    own = [one for one in charges if one.named("rig") == rig or one.named("convoy") in names]
    found.spent = sums_of(own).spent


async def _not_landed(workplace: Workplace, state: Projection) -> str:
    """What of a convoy would be lost; empty where the user has it, or where there is nothing."""
    title = one_line(state.title)
    if state.stage not in _OVER:
        merged, works = len(state.merged()), len(state.works())
        if not works:
            return ""
        stage = state.stage.replace("_", " ")
        return f"{state.convoy} {title}: {stage}, {merged} of {works} beads merged, not landed"
    landed = state.landed_commit if state.stage == "landed" else None
    if landed is None or await _is_in(workplace, landed):
        return ""
    branch = state.landed_on.removeprefix("refs/heads/")
    return f"{state.convoy} {title}: it landed on {branch}, and no branch of yours has it any more"


async def _is_in(workplace: Workplace, commit: Oid) -> bool:
    """Tells whether a ref of the user's repository reaches a commit; nothing of the repository runs."""
    found = await workplace.git.run(
        *("for-each-ref", "--count=1", "--format=x", f"--contains={commit}"),
        git_dir=workplace.facts.common_dir,
        check=False,
    )
    return found.exit_code == 0 and bool(found.output.strip())


def _size(path: Path) -> int:
    """Bytes of what is below a path; links count as themselves, hard links once each."""
    return sum(_sizes(path))


def _sizes(path: Path) -> Iterator[int]:
    try:
        info = path.lstat()
    except OSError:
        return
    if not stat.S_ISDIR(info.st_mode):
        yield info.st_size
        return
    for parent, _, files in os.walk(path):
        for name in files:
            try:
                yield Path(parent, name).lstat().st_size
            except OSError:
                continue


def ways_to_keep(repo: str) -> str:
    """What to do with work that is not landed."""
    quoted = shlex.quote(repo)
    return (
        f"Land it, or keep it with `gastown-desktop publish {quoted}` or "
        f"`gastown-desktop export {quoted} DIR`; --yes --even-unlanded forgets it as well."
    )
