"""`inbox`: what waits for the user, and their answers."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import Any

from gastown_desktop.adapters.file_lock import FileLock
from gastown_desktop.adapters.town_store import FileEventStore
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.plain_text import printable
from gastown_desktop.core.projection import NeedView, Projection
from gastown_desktop.core.reviews import ABOUT_REVIEW
from gastown_desktop.engine.bus import Bus
from gastown_desktop.wiring.histories import newest_history
from gastown_desktop.wiring.sample import sample_folder
from gastown_desktop.wiring.workplace import RIG_LOCK, Workplace, open_workplace

_ASKS = {
    "question": "asks",
    "conflict": "has a conflict that three resolvers could not settle",
    "red": "stayed red",
    "stuck": "is stuck",
    "model": "could not use the model",
    "limit": "reached the spending limit",
    "cap": "used up its own limit",
    "provider": "is not served by the provider any more",
    "disk": "has too little disk",
    "power": "has too little battery",
    "setup": "cannot set up its copies",
    "breaker": "was stopped because too much failed",
    "gate": "has a gate that cannot be trusted",
    "taken": "is in your hands",
    ABOUT_REVIEW: "is not approved by its reviewer",
    "review": "changed since you read it",
    "target": "cannot land on its branch",
    "remote": "cannot land on its remote",
    "signing": "could not be signed",
    "secret": "holds a secret",
}


async def inbox(given: argparse.Namespace) -> int:
    """Lists what waits for the user in the newest convoy, or takes an answer."""
    repo = sample_folder(given.data_dir) if given.repo == "sample" else Path(given.repo)
    workplace = await open_workplace(repo, given.data_dir)
    try:
        state = newest_history(workplace)
        if given.action == "answer":
            return await _answer(given, workplace, state)
        if given.json:
            print(json.dumps([_as_json(need) for need in _needs(state)]))
        else:
            print(_as_text(state, given.repo))
        return 0
    finally:
        await workplace.close()


async def _answer(given: argparse.Namespace, workplace: Workplace, state: Projection | None) -> int:
    """Writes an answer into the history; whoever goes on with the convoy acts on it.

    Raises:
        Refused: there is no such item, it takes no answer in words, or a run holds the rig.
    """
    text = " ".join(given.text).strip()
    if not given.item or not text:
        raise Refused("An answer needs an item and a text.", remedy="inbox REPO answer ITEM TEXT")
    need = answerable(state, given.item, given.repo)
    workplace.lock = FileLock(workplace.rig.folder / RIG_LOCK, "A run on this repository")
    assert state is not None
    left = await write_answer(workplace, state.convoy, need.item, text)
    print(f"{answered_words(left)} Go on with: gastown-desktop resume {shlex.quote(given.repo)}")
    return 0


def answerable(state: Projection | None, name: str, repo: str) -> NeedView:
    """The item of this name, or the only one of the bead of this name, that takes an answer in words.

    Args:
        state: the convoy.
        name: what the user calls it.
        repo: how the user calls the repository.

    Raises:
        Refused: there is no such item, or it takes no answer in words; says what helps.
    """
    need, place = _named(state, name), shlex.quote(repo)
    if need.about == "taken":
        raise Refused(
            f"{need.bead} is in your hands.", remedy=f"gastown-desktop give-back {place} {need.bead}"
        )
    if need.about == "provider":
        raise Refused(need.text, remedy=f"Mend the key or the account, then gastown-desktop resume {place}")
    if need.about == "limit":
        raise Refused(
            "The spending limit is not raised by words.",
            remedy=f"gastown-desktop resume {place} --cap USD; limits of a day and of the town are settings.",
        )
    return need


async def write_answer(workplace: Workplace, convoy: ConvoyId, item: str, text: str) -> int:
    """Writes an answer into the history of a convoy that does not run; returns how many items are left."""
    store = FileEventStore(workplace.events_file(convoy))
    try:
        bus = Bus(store, workplace.clock)
        answered = ev.NeedAnswered(rig=bus.state.rig, convoy=convoy, item=item, answer=text)
        await bus.publish(answered)
        return len(bus.state.needs_you)
    finally:
        await store.close()


def answered_words(left: int) -> str:
    """That an answer was taken, and how many items are left."""
    return f"Answered. {f'{left} more wait for you.' if left else 'Nothing else waits for you.'}"


def _needs(state: Projection | None) -> list[NeedView]:
    return [] if state is None else list(state.needs_you.values())


def _named(state: Projection | None, name: str) -> NeedView:
    """The item of this name, or the only one of the bead of this name."""
    found = [need for need in _needs(state) if name in {need.item, need.bead}]
    if len(found) != 1:
        known = ", ".join(need.item for need in _needs(state)) or "nothing waits for you"
        raise Refused(f"{name} names no item that waits for you.", remedy=f"There is: {known}.")
    return found[0]


def _as_json(need: NeedView) -> dict[str, Any]:
    return {
        "item": need.item,
        "about": need.about,
        "bead": need.bead,
        "text": need.text,
        "options": list(need.options),
        "default": need.default,
        "at": need.at.isoformat(),
    }


def _as_text(state: Projection | None, repo: str) -> str:
    needs = _needs(state)
    if state is None or not needs:
        return "Nothing needs you."
    lines = [f"{state.convoy} {state.title}: {len(needs)} wait for you", ""]
    for need in needs:
        lines += [f"{need.item}", f"  {_heading(state, need)}"]
        lines += [f"    {line}" for line in need.text.splitlines()]
        if need.options:
            lines.append("    choose: " + " · ".join(need.options))
        if need.default:
            lines.append(f"    unless you say otherwise: {need.default}")
        lines.append("")
    lines.append(f"Answer with: gastown-desktop inbox {shlex.quote(repo)} answer ITEM TEXT")
    return printable("\n".join(lines))


def _heading(state: Projection, need: NeedView) -> str:
    asks = _ASKS.get(need.about, need.about)
    if need.bead is None:
        return f"the convoy {asks}"
    return f"{need.bead} {state.beads[need.bead].bead.title}: {asks}"
