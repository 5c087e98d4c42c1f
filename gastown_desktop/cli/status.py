"""`status` and `audit`: both only look, also while a rehearsal runs."""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gastown_desktop.adapters.system_clock import SystemClock
from gastown_desktop.adapters.town_store import HistoryIndex, HistoryQuery
from gastown_desktop.cli.progress import event_json
from gastown_desktop.core.away import Away
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.events import Envelope
from gastown_desktop.core.money import show_usd
from gastown_desktop.core.plain_text import printable
from gastown_desktop.core.projection import Projection
from gastown_desktop.engine.bill import Absence, LimitLine
from gastown_desktop.wiring.histories import newest_history
from gastown_desktop.wiring.limits import stored_limits
from gastown_desktop.wiring.sample import sample_folder
from gastown_desktop.wiring.workplace import Workplace, open_workplace

_AROUND = timedelta(minutes=10)


async def status(given: argparse.Namespace) -> int:
    """Says where the newest convoy stands."""
    workplace = await _open(given)
    try:
        state = newest_history(workplace)
        if state is None:
            print(json.dumps({"convoy": None}) if given.json else "Nothing was done here yet.")
            return 0
        limits, absence = await stored_limits(workplace, state.convoy)
        if given.json:
            print(json.dumps({**_as_json(state), **_money_json(limits, absence)}))
        else:
            print("\n".join([status_words(state), *_money_words(state, limits, absence)]))
        return 0
    finally:
        await workplace.close()


async def audit(given: argparse.Namespace) -> int:
    """Says what a worker, or everybody, did, and when."""
    workplace = await _open(given)
    try:
        if not workplace.rig.folder.is_dir():
            raise Refused("Nothing was done here yet.")
        index = HistoryIndex(workplace.rig.folder)
        index.update()
        since, until = _around(given.at)
        found = list(index.find(HistoryQuery(polecat=given.polecat, since=since, until=until)))
        index.close()
        if given.json:
            print(json.dumps([event_json(envelope) for envelope in found]))
        else:
            for envelope in found:
                print(_line(envelope))
        return 0
    finally:
        await workplace.close()


async def _open(given: argparse.Namespace) -> Workplace:
    repo = sample_folder(given.data_dir) if given.repo == "sample" else Path(given.repo)
    return await open_workplace(repo, given.data_dir)


def _as_json(state: Projection) -> dict[str, Any]:
    return {
        "convoy": state.convoy,
        "title": state.title,
        "stage": state.stage,
        "reason": state.stage_reason,
        "beads": Counter(view.status for view in state.beads.values()),
        "merged": sorted(state.merged()),
        "landed_on": state.landed_on,
        "missing_on": state.missing_on,
        "working": [
            {"polecat": view.name, "bead": view.bead, "state": view.state, "turn": view.turn}
            for view in state.polecats.values()
            if view.bead is not None
        ],
        "queue": [view.id for view in state.merges.values() if view.state == "queued"],
        "needs_you": [
            {"item": need.item, "about": need.about, "bead": need.bead, "text": need.text}
            for need in state.needs_you.values()
        ],
        "by_default": [
            {"bead": one.bead, "question": one.question, "answer": one.answer, "at": one.at.isoformat()}
            for one in state.by_default
        ],
        "gate_runs": state.gate_runs,
        "last_seq": state.last_seq,
    }


def status_words(state: Projection) -> str:
    """Where a convoy stands, in lines."""
    counts = Counter(view.status for view in state.beads.values())
    lines = [
        f"{state.convoy} {printable(state.title)}",
        f"{state.stage}{': ' + printable(state.stage_reason) if state.stage_reason else ''}",
        ", ".join(f"{count} {name}" for name, count in counts.items()),
    ]
    lines += [
        f"  {view.name} has {view.bead} (turn {view.turn}, {view.state})"
        for view in state.polecats.values()
        if view.bead is not None
    ]
    if state.missing_on:
        branch = state.landed_on.removeprefix("refs/heads/")
        lines.append(printable(f"  landed on {branch}, not on {state.missing_on}"))
    lines += [f"  needs you: {printable(need.text)}" for need in state.needs_you.values()]
    return "\n".join(lines)


_LIMITS = {"convoy": "this convoy", "day": "today", "town": "everything"}


def _money_words(state: Projection, limits: tuple[LimitLine, ...], absence: Absence | None) -> Iterator[str]:
    """What is left of each limit, the nearest named, and what happens while the user is away, in lines."""
    nearest = min(limits, key=lambda limit: limit.left, default=None)
    for limit in limits:
        near = ", the nearest limit" if limit is nearest and len(limits) > 1 else ""
        left = f"{show_usd(limit.left)} of {show_usd(limit.cap)}"
        yield f"  {left} left for {_LIMITS[limit.kind]}{near}"
    if absence is not None:
        away = Away(until=absence.until, at_most=absence.at_most)
        yield f"  {'' if absence.lasts else 'was '}{away.words(absence.spent)}"
    for taken in state.by_default:
        yield f"  by default: {printable(taken.words)}"


def _money_json(limits: tuple[LimitLine, ...], absence: Absence | None) -> dict[str, Any]:
    until = absence.until if absence is not None else None
    return {
        "limits": [{"kind": one.kind, "cap": one.cap, "used": one.used, "left": one.left} for one in limits],
        "unattended": None
        if absence is None
        else {
            "lasts": absence.lasts,
            "until": until.isoformat() if until is not None else None,
            "at_most": absence.at_most,
            "spent": absence.spent,
        },
    }


def _line(envelope: Envelope) -> str:
    local = envelope.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    event = event_json(envelope)
    rest = {name: value for name, value in event.items() if name not in _HIDDEN}
    words = " ".join(f"{name}={_short(value)}" for name, value in rest.items() if value not in (None, "", []))
    return printable(f"{local} {event['kind']} {words}")


_HIDDEN = frozenset({"v", "seq", "at", "cause", "kind", "rig", "convoy"})


def _short(value: object) -> str:
    text = str(value).replace("\n", " ")
    return text if len(text) <= 60 else text[:59] + "…"


def _around(at: str | None) -> tuple[str | None, str | None]:
    """Ten minutes either side of a local time, as the histories spell times.

    Raises:
        Refused: it is no time.
    """
    if at is None:
        return None, None
    today = SystemClock().now().astimezone().date().isoformat()
    text = f"{today}T{at}" if re.fullmatch(r"\d\d:\d\d(:\d\d)?", at) else at
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{at} is not a time.", remedy="Write it as 2026-05-01T03:00 or 03:00.") from None
    moment = moment.astimezone(UTC)
    return (moment - _AROUND).isoformat(), (moment + _AROUND).isoformat()
