"""The story's town as the window sees it: every question has an answer, no command does anything."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId, ConvoyId, PolecatName
from gastown_desktop.core.money import usd
from gastown_desktop.core.sensitive import SensitiveChange
from gastown_desktop.engine.api import (
    About,
    Absence,
    Bill,
    BranchLine,
    Configuration,
    DiffLine,
    EngineApi,
    FileDiff,
    GateWish,
    LandingLine,
    LandingSheet,
    Looked,
    OpenRig,
    Recent,
    RunsList,
    Settings,
    SpokenTurn,
    System,
    ToolCall,
    TownBranch,
    Transcript,
)
from gastown_desktop.paths import resource
from gastown_desktop.tour.beads import API, BEADS, SESSIONS
from gastown_desktop.tour.bill import bill_of
from gastown_desktop.tour.lives import Lands, Worked
from gastown_desktop.tour.moments import FLEET, Moment, at
from gastown_desktop.tour.story import RIG, oid

REHEARSAL = ConvoyId("cv-reh40")
"""The convoy whose evidence the story has."""
_SENSITIVE = (
    ("hb-7d1ma", "pyproject.toml", "it is run when something is installed or built"),
    ("hb-7d1ma", "tests/limits/conftest.py", "it says what is tested"),
)
"""(bead, path, why) of what is to be looked at."""
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


class HarborEngine:
    """Answers what `EngineApi` may be asked, as of a moment; every command is refused."""

    def __init__(self, moment: Moment = FLEET) -> None:
        """Shows a moment; `moment` may be set to another."""
        self.moment = moment

    @property
    def api(self) -> EngineApi:
        """The same, as what the window knows."""
        return cast("EngineApi", self)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """A command of the window's that the tour does not carry out."""
        if name.startswith("_") or not hasattr(EngineApi, name):
            raise AttributeError(name)
        return _refuse

    async def shut_down(self) -> None:
        """Nothing runs."""

    async def system(self) -> System:
        """What the pictures say was found."""
        return System(git="2.43", sandbox="bubblewrap")

    async def recents(self) -> tuple[Recent, ...]:
        """Four repositories, one of which is gone."""
        home = Path.home()
        rows = (
            (home / "code/harbor", "main", "merging", "2 convoys, 9 of 21 landed", "37.62", "40", "24 15:46"),
            (home / "code/lighthouse-ui", "develop", "landed", "7 landed", "6.18", "10", "23 18:20"),
            (home / "src/tide-tables", "main", "rehearsed", "rehearsed, 9 of 12 apart", "0", "", "18 11:05"),
            (Path("/mnt/work/pilot-docs"), "main", "missing", "folder not found", "1.03", "5", "02 09:40"),
        )
        return tuple(
            Recent(
                path=path,
                name=path.name,
                branch=branch,
                state=state,
                words=words,
                spent=usd(spent),
                cap=usd(cap) if cap else None,
                at=datetime.strptime(f"2026-11-{when}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC),
            )
            for path, branch, state, words, spent, cap, when in rows
        )

    async def look(self, path: Path) -> Looked:
        """An ordinary repository, whatever the path."""
        return Looked(kind="repository", path=path, sentence="", branch="main")

    async def open(self, path: Path) -> OpenRig:
        """Harbor, whatever the path."""
        del path
        return OpenRig(
            rig=RIG,
            path=Path.home() / "code/harbor",
            name="harbor",
            branch="main",
            commits=40,
            convoys=(ConvoyId(SESSIONS), ConvoyId(API)),
        )

    async def close(self) -> None:
        """Nothing is open."""

    async def gates(self) -> tuple[()]:
        """None that has to be asked about."""
        return ()

    async def runs_list(self, gates: tuple[Any, ...]) -> RunsList:
        """Harbor's own three gates, trusted before."""
        del gates
        items = (
            ("gate", "ruff", "ruff check ."),
            ("gate", "pyright", "pyright"),
            ("gate", "pytest", "pytest -q -n 4"),
            ("setup", "setup", "uv sync"),
        )
        return RunsList(items=items, digest="harbor", trusted=True, confined=True)

    async def settings(self) -> Settings:
        """Two of the user's own, the rest as it comes."""
        return Settings(
            polecats=12,
            rehearsal_limit=usd("40"),
            given=frozenset({"polecats", "rehearsal_limit"}),
            file=Path.home() / ".config/gastown-desktop/settings.toml",
            data=Path.home() / ".local/share/gastown-desktop",
        )

    async def configuration(self) -> Configuration:
        """Three gates, and a wish that a repository does not have."""
        gates = ("ruff check .", "pyright", "pytest -q -n 4")
        return Configuration(
            present=True,
            gates=tuple(GateWish(name=gate.split()[0], command=gate) for gate in gates),
            runs=await self.runs_list(()),
            ignored=("model",),
        )

    async def about(self) -> About:
        """The program, and a few of its parts."""
        parts = (
            ("pygit2", "1.21.0", "GPLv2 with linking exception"),
            ("PySide6_Essentials", "6.11.3", "LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only"),
            ("qasync", "0.28.0", "BSD-2-Clause"),
            ("Inter", "3.19", "OFL-1.1"),
        )
        return About(version="0.1.0", licence="MIT", parts=parts)

    async def dependants(self, convoy: ConvoyId, bead: BeadId) -> tuple[BeadId, ...]:
        """Beads that wait for it."""
        del convoy
        return tuple(BeadId(row.id) for row in BEADS if bead in row.waits)

    async def transcript(self, convoy: ConvoyId, bead: BeadId) -> Transcript:
        """The newest turns; empty for beads that no picture opens."""
        del convoy
        row = next(row for row in BEADS if row.id == bead)
        told = _transcripts()
        turns = (_turn(one) for one in told["turns"].get(bead, ()))
        done = [
            line.steps[0] for line in row.life if isinstance(line, Worked) and at(line.at) <= self.moment.at
        ]
        steps = tuple(
            (text, number < (done or [0])[-1]) for number, text in enumerate(told["steps"].get(bead, ()))
        )
        return Transcript(
            bead=bead,
            task=f"{row.title}\n\n{row.description}".strip(),
            turns=tuple(turn for turn in turns if turn.at <= self.moment.at),
            steps=steps,
        )

    async def diff(self, convoy: ConvoyId, bead: BeadId) -> tuple[FileDiff, ...]:
        """The limit middleware's change; nothing for other beads."""
        del convoy
        try:
            text = resource(f"tour/{bead}.diff").read_text(encoding="utf-8")
        except FileNotFoundError:
            return ()
        return tuple(_file_diffs(text))

    async def bill(self, convoy: ConvoyId) -> Bill:
        """The bill of both convoys."""
        return bill_of(convoy, self.moment)

    async def absence(self, convoy: ConvoyId) -> Absence | None:
        """Nobody answers, at night."""
        return bill_of(convoy, self.moment).absence

    async def branches(self) -> tuple[TownBranch, ...]:
        """Both convoys' branches, and those of the workers at work."""
        convoys = (ConvoyId(SESSIONS), ConvoyId(API))
        working = [row for row in BEADS if any(row.worker == who for who, _, _ in self.moment.actions)]
        return (
            *(
                TownBranch(name=f"convoy/{one}", kind="convoy", commit=oid(f"convoy {one}"), convoy=one)
                for one in convoys
            ),
            *(
                TownBranch(
                    name=f"work/{row.worker}/{row.id}-k4",
                    kind="worker",
                    commit=oid(f"work {row.id}"),
                    bead=BeadId(row.id),
                    worker=PolecatName(row.worker),
                )
                for row in working
            ),
        )

    async def publishing(self, names: tuple[str, ...], prefix: str) -> tuple[BranchLine, ...]:
        """A convoy's would go forward, a worker's would be new."""
        return tuple(
            BranchLine(
                source=one.name,
                branch=f"{prefix}/{one.name.removeprefix('convoy/')}",
                commit=one.commit,
                before=oid("published before") if one.kind == "convoy" else None,
                outcome="moved" if one.kind == "convoy" else "created",
            )
            for one in await self.branches()
            if one.name in names
        )

    async def landing(self, convoy: ConvoyId, branch: str) -> LandingSheet:
        """What is merged of both convoys, two changes of which somebody has to look at."""
        lines = tuple(
            LandingLine(
                bead=BeadId(row.id),
                title=row.title,
                paths=row.files,
                sensitive=tuple(
                    SensitiveChange(path=path, why=why) for bead, path, why in _SENSITIVE if bead == row.id
                ),
            )
            for row in BEADS
            if any(isinstance(one, Lands) and at(one.at) <= self.moment.at for one in row.life)
        )
        return LandingSheet(
            convoy=convoy,
            branch=branch,
            lines=lines,
            here=oid("release", "4f1c09e"),
            lands=oid("landed"),
            gates=("ruff check", "pyright", "pytest -q -n 4"),
            signed=False,
            checked_out=("/home/ada/code/harbor",),
        )

    async def evidence(self, convoy: ConvoyId) -> Mapping[str, Any] | None:
        """The report of the one rehearsal."""
        return evidence() if convoy == REHEARSAL else None


@cache
def evidence() -> Mapping[str, Any]:
    """The rehearsal of the last 40 commits, as `rehearse --json` prints one."""
    return json.loads(resource("tour/evidence.json").read_text(encoding="utf-8"))


@cache
def _transcripts() -> dict[str, Any]:
    return json.loads(resource("tour/transcripts.json").read_text(encoding="utf-8"))


async def _refuse(*_given: Any, **_named: Any) -> Any:
    raise Refused("This is the tour; nothing runs here.")


def _turn(told: Mapping[str, Any]) -> SpokenTurn:
    return SpokenTurn(
        number=told["number"],
        at=at(told["at"]),
        text=told["text"],
        calls=tuple(ToolCall(**call) for call in told["calls"]),
        cost=usd(told["cost"]),
        seconds=told["seconds"],
        told=told["told"],
        request_id=f"req_{told['number']:03}",
        prompt_tokens=61_000,
        output_tokens=1_150,
        tree=oid(f"turn {told['number']} {told['at']}"),
    )


def _file_diffs(text: str) -> Iterator[FileDiff]:
    """Reads a unified diff of files that all exist on both sides."""
    for part in re.split(r"^--- .*\n\+\+\+ b/", text, flags=re.MULTILINE)[1:]:
        path, _, body = part.partition("\n")
        hunks = tuple(_hunks(body))
        signs = [line.sign for hunk in hunks for line in hunk]
        yield FileDiff(
            path=path, change="modified", added=signs.count("+"), removed=signs.count("-"), hunks=hunks
        )


def _hunks(body: str) -> Iterator[tuple[DiffLine, ...]]:
    lines: list[DiffLine] = []
    old = new = 0
    for text in body.splitlines():
        if found := _HUNK.match(text):
            if lines:
                yield tuple(lines)
            lines, old, new = [], int(found[1]), int(found[2])
            continue
        sign = cast("Literal[' ', '+', '-']", text[:1] or " ")
        lines.append(
            DiffLine(
                sign=sign,
                old=None if sign == "+" else old,
                new=None if sign == "-" else new,
                text=text[1:],
            )
        )
        old, new = old + (sign != "+"), new + (sign != "-")
    if lines:
        yield tuple(lines)
