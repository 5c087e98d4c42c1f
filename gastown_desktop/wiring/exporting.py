"""Everything of a rig in a folder that is read without us. It only looks, also while a run goes on."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gastown_desktop.adapters.git.exporting import copy_repository
from gastown_desktop.adapters.git.files import delete_any
from gastown_desktop.adapters.git.objects import open_objects
from gastown_desktop.adapters.git.town import lives
from gastown_desktop.adapters.money_log import read_ledger
from gastown_desktop.adapters.town_store import read_lines
from gastown_desktop.core.beads_jsonl import ListedBead, render
from gastown_desktop.core.charges import Charge, charges_of
from gastown_desktop.core.errors import GitError, Refused, StoreError
from gastown_desktop.core.event_lines import decode
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid
from gastown_desktop.core.plain_text import one_line, shown_path
from gastown_desktop.core.projection import Projection, fold
from gastown_desktop.engine.convoy_record import convoy_record, ledger_as_csv
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.hooks import Hook, Hooks
from gastown_desktop.engine.planning.session import Sessions
from gastown_desktop.engine.rig import RefNames
from gastown_desktop.engine.transcript_page import talk_as_markdown, transcript_as_markdown
from gastown_desktop.engine.work import settings_ref
from gastown_desktop.engine.worth_page import cell
from gastown_desktop.wiring.histories import history_files
from gastown_desktop.wiring.workplace import Workplace

REPOSITORY = "repository.git"
LEDGER = "ledger.csv"
INDEX = "README.md"
_PART = ".gastown-export-"
"""What folders begin with in which a process exports: then its number, a dash, chance."""
MAYOR = "mayor.md"
_TRANSCRIPTS = "transcripts"
_REPOSITORY_LINE = (
    f"| all branches | `{REPOSITORY}`, a bare git repository: `git clone {REPOSITORY} somewhere` |"
)


@dataclass(slots=True, kw_only=True)
class ExportedConvoy:
    """What was written of one convoy."""

    convoy: str
    title: str
    stage: str
    rehearsal: bool
    beads: int
    transcripts: int
    landed_on: str = ""


@dataclass(slots=True, kw_only=True)
class Exported:
    """What was written."""

    folder: Path
    convoys: list[ExportedConvoy] = field(default_factory=list[ExportedConvoy])
    branches: list[str] = field(default_factory=list[str])
    requests: int = 0
    left_out: list[str] = field(default_factory=list[str])
    """What could not be read, a sentence each."""


async def export(workplace: Workplace, folder: Path) -> Exported:
    """Writes everything of a rig beside the folder, then puts it in its place.

    Args:
        workplace: the rig; its lock is not needed.
        folder: where to; it does not exist, or is empty.

    Raises:
        Refused: there is nothing to export, or the folder will not do.
        DiskFull: no space left; nothing is left behind.
    """
    if not history_files(workplace) and not workplace.rig.town_git.is_dir():
        raise Refused("Nothing was done here yet.", safe="Nothing was written.")
    into = _place(folder, workplace.data)
    with _beside(into) as part:
        exported = Exported(folder=into)
        await _Export(workplace, part, exported).write()
    return exported


def _place(folder: Path, data: Path) -> Path:
    """The folder as it will be.

    Raises:
        Refused: something is in it, or the program keeps its own things there.
    """
    into = folder.expanduser().resolve()
    if os.path.lexists(into) and (not into.is_dir() or any(into.iterdir())):
        raise _not_empty(into)
    if into.is_relative_to(data.resolve()):
        raise Refused(
            f"{into} is in the program's own folder.", safe="Nothing was written.", remedy="Choose another."
        )
    return into


def _not_empty(into: Path) -> Refused:
    return Refused(
        f"{into} is not empty.", safe="Nothing was written.", remedy="Name a folder that is not there yet."
    )


@contextmanager
def _beside(into: Path) -> Iterator[Path]:
    """A new folder beside the one that is wanted, which takes its place at the end; else nothing stays.

    Raises:
        Refused: somebody else put something there meanwhile.
    """
    made = [folder for folder in into.parents if not folder.exists()]
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        _remove_left(into.parent)
        part = Path(tempfile.mkdtemp(prefix=f"{_PART}{os.getpid()}-", dir=into.parent))
        try:
            yield part
            _put(part, into)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except BaseException:
        with suppress(OSError):
            for folder in made:
                folder.rmdir()
        raise


def _put(part: Path, into: Path) -> None:
    try:
        part.rename(into)  # an empty folder is replaced, any other is not
    except OSError:
        if not os.path.lexists(into):
            raise
        raise _not_empty(into) from None


def _remove_left(parent: Path) -> None:
    """Deletes what exports left there that were killed; what cannot be deleted stays."""
    for left in parent.glob(f"{_PART}*"):
        owner = left.name.removeprefix(_PART).partition("-")[0]
        if owner.isdecimal() and not lives(int(owner)):
            with suppress(OSError):
                delete_any(left)


class _Export:
    """One export under way."""

    def __init__(self, workplace: Workplace, part: Path, exported: Exported) -> None:
        self._workplace = workplace
        self._part = part
        self._exported = exported
        self._objects: GitObjects | None = None
        self._named: dict[str, Oid] = {}
        """Branches that town.git has no more, or not by such a name."""

    async def write(self) -> None:
        """Writes everything into the folder."""
        workplace = self._workplace
        if workplace.rig.town_git.is_dir():
            workplace.objects = await open_objects(workplace.git, workplace.rig.town_git)
            self._objects = workplace.objects
        for file in reversed(history_files(workplace)):
            await self._convoy(file)
        self._ledger()
        if self._objects is not None:
            try:
                await self._repository(self._objects)
            except GitError as error:
                self._exported.left_out.append(f"{REPOSITORY}: {error}")
        _write(self._part / INDEX, _index(workplace, self._exported))

    # --- a convoy ---

    async def _convoy(self, file: Path) -> None:
        folder = self._part / "convoys" / file.stem
        folder.mkdir(parents=True)
        try:
            lines = read_lines(file)
            state = fold([decode(line) for line in lines])
        except StoreError as error:
            shutil.copyfile(file, folder / "history.damaged")
            self._exported.left_out.append(f"{file.stem}: {error} Its file is there as it is.")
            return
        if not state.convoy:
            folder.rmdir()
            return
        listed = _listed(state)
        _write(folder / "history.jsonl", "".join(_without_checksum(line) for line in lines))
        _write(folder / "beads.jsonl", render(listed))
        record = convoy_record(state) | {"asked_for": await self._asked_for(state.convoy)}
        _write(folder / "convoy.json", json.dumps(record, indent=1) + "\n")
        written = await self._transcripts(state, folder)
        if state.landed_commit is not None and self._objects is not None:
            await self._note_landed(self._objects, state.convoy, state.landed_commit)
        self._exported.convoys.append(
            ExportedConvoy(
                convoy=state.convoy,
                title=one_line(state.title),
                stage=state.stage,
                rehearsal=state.rehearsal,
                beads=len(listed),
                transcripts=written,
                landed_on=state.landed_on,
            )
        )

    async def _asked_for(self, convoy: ConvoyId) -> dict[str, Any] | None:
        """What the user asked for, as it was stored; None for a rehearsal or a mere list of beads."""
        if self._objects is None:
            return None
        try:
            blob = await self._objects.read_ref(settings_ref(convoy))
            return None if blob is None else json.loads(await self._objects.read_blob(blob))
        except (StoreError, GitError, ValueError) as error:
            self._exported.left_out.append(f"{convoy}, what was asked for: {error}")
            return None

    async def _transcripts(self, state: Projection, folder: Path) -> int:
        """Writes a page for each bead that somebody worked on, and one for the Mayor; returns the beads'."""
        if self._objects is None:
            return 0
        refs = RefNames(state.convoy, rehearsal=state.rehearsal)
        pages: dict[str, str] = {}
        clock = self._workplace.clock
        hooks = Hooks(self._objects, refs, clock)
        for bead, view in state.beads.items():
            attempts = await self._attempts(hooks, bead, view.attempts)
            if attempts:
                pages[f"{bead}.md"] = transcript_as_markdown(view, attempts)
        try:
            talk = await Sessions(self._objects, refs.mayor, clock).load()
        except (StoreError, GitError) as error:
            self._exported.left_out.append(f"{state.convoy}: {error}")
        else:
            if talk.entries:
                _write(folder / MAYOR, talk_as_markdown(talk.entries))
        if pages:
            (folder / _TRANSCRIPTS).mkdir()
        for name, page in pages.items():
            _write(folder / _TRANSCRIPTS / name, page)
        return len(pages)

    async def _attempts(self, hooks: Hooks, bead: BeadId, count: int) -> list[Hook]:
        found: list[Hook] = []
        for epoch in range(1, count + 1):
            try:
                attempt = await hooks.attempt(bead, epoch)
            except (StoreError, GitError) as error:
                self._exported.left_out.append(f"{bead}, attempt {epoch}: {error}")
                continue
            if attempt is not None:
                found.append(attempt)
                if attempt.submitted is not None:
                    branch = attempt.assignment.branch.removeprefix("refs/heads/")
                    self._named[branch] = attempt.submitted
        return found

    async def _note_landed(self, objects: GitObjects, convoy: ConvoyId, commit: Oid) -> None:
        """Gives what landed a branch, where town.git has it: the user's branch may have gone on since."""
        with suppress(StoreError, GitError):  # what cannot be read is told with its branch
            if await objects.resolve(commit) is None:
                return
        self._named[f"landed/{convoy}"] = commit

    # --- the rest ---

    def _ledger(self) -> None:
        """Writes every request of this rig: real ones from the ledger of all, a rehearsal's from its own."""
        rig, place = self._workplace.rig, self._workplace
        convoys = {file.stem for file in history_files(place)}
        lines: list[tuple[str, Charge]] = [
            ("paid", one)
            for one in self._charges(place.money_file)
            if one.named("rig") == rig.id or one.named("convoy") in convoys
        ]
        for file in sorted(rig.folder.glob("rehearsals/*/money.log")):
            lines += [("rehearsed", one) for one in self._charges(file)]
        self._exported.requests = len(lines)
        _write(self._part / LEDGER, ledger_as_csv(lines))

    def _charges(self, file: Path) -> Sequence[Charge]:
        try:
            return charges_of(read_ledger(file))
        except StoreError as error:
            self._exported.left_out.append(str(error))
            return ()

    async def _repository(self, objects: GitObjects) -> None:
        works = await objects.list_refs("refs/heads/work/")
        named = self._named | {name.removeprefix("refs/heads/"): oid for name, oid in works.items()}
        heads = [f"convoy/{one.convoy}" for one in reversed(self._exported.convoys)]
        copied = await copy_repository(
            self._workplace.git,
            self._workplace.rig.town_git,
            self._part / REPOSITORY,
            objects.hash_name,
            named,
            heads,
        )
        self._exported.branches = copied.branches
        self._exported.left_out += [f"{name}: objects of it cannot be read." for name in copied.damaged]


def _listed(state: Projection) -> list[ListedBead]:
    return [
        ListedBead(
            bead=view.bead,
            status=view.status,
            dependencies=tuple(one for one in state.dependencies if one.bead == bead),
        )
        for bead, view in state.beads.items()
    ]


def _without_checksum(line: bytes) -> str:
    return line.partition(b" ")[2].decode("ascii")


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


def _index(workplace: Workplace, exported: Exported) -> str:
    """The README of the folder."""
    rig = workplace.rig
    lines = [
        f"# {cell(shown_path(rig.checkout.name))}: work of Gas Town Desktop",
        "",
        f"Everything that was done on {cell(shown_path(str(rig.checkout)))}, written on "
        f"{workplace.clock.now().astimezone().isoformat(timespec='seconds')}. Nothing here needs the "
        "program: git, a text editor and a spreadsheet read all of it. Transcripts hold what models and "
        "tools said, and with it what they saw of the repository.",
        "",
        "| what | where |",
        "|---|---|",
        *([_REPOSITORY_LINE] if exported.branches else []),
        "| a convoy: where it stands, its beads, its merges | `convoys/<convoy>/convoy.json` |",
        "| its beads in the form of the `bd` tool | `convoys/<convoy>/beads.jsonl` |",
        "| all that happened, one event a line | `convoys/<convoy>/history.jsonl` |",
        "| what each worker said, called and was answered | `convoys/<convoy>/transcripts/<bead>.md` |",
        f"| the talk in which it was planned, if it was | `convoys/<convoy>/{MAYOR}` |",
        f"| every request and what it cost, in dollars | `{LEDGER}`; `rehearsed` was not paid |",
        "",
        "## Convoys",
        "",
        "| convoy | title | stage | beads | transcripts |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.convoy} | {cell(one.title)} | {_stage(one)} | {one.beads} | {one.transcripts} |"
        for one in exported.convoys
    ]
    if exported.branches:
        lines += ["", "## Branches", "", *_branch_words(exported)]
    if exported.left_out:
        lines += ["", "## Left out", "", *(f"- {cell(words)}" for words in exported.left_out)]
    return "\n".join(lines) + "\n"


def _branch_words(exported: Exported) -> list[str]:
    return [
        "- `convoy/<convoy>`: what is merged, one commit a bead; its trailers name bead and worker",
        "- `landed/<convoy>`: what landed on a branch of yours",
        "- `work/<worker>/…`: what a worker handed in",
        "- `rehearsal/<convoy>`: what a rehearsal landed on",
        "- `source/…` and the tags: your own, as they were when they were read last",
        "- below `refs/gastown/`: the record of each turn, as JSON in commits; the second parent of such a "
        "commit holds the files of the worker after that turn",
        "",
        f"There are {len(exported.branches)}; `git --git-dir {REPOSITORY} branch` lists them.",
    ]


def _stage(one: ExportedConvoy) -> str:
    kind = "rehearsal, " if one.rehearsal else ""
    where = f" on {cell(one.landed_on.removeprefix('refs/heads/'))}" if one.landed_on else ""
    return f"{kind}{one.stage.replace('_', ' ')}{where}"
