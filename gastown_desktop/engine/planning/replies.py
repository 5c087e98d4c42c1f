"""What each way in which a reply can end comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gastown_desktop.engine.conversation import tool_result
from gastown_desktop.engine.planning.session import Entry

WINDOW_EXCEEDED = "model_context_window_exceeded"
CUT = frozenset({"max_tokens", WINDOW_EXCEEDED})
"""Stop reasons of replies that break off."""
NUDGE = "Propose a convoy with `propose_convoy`, or say why not."
"""What a reply without a plan is answered with, once."""
SPLIT = (
    "Your reply was cut because it was too long, and nothing of it was done. Say less: propose at most ten "
    "beads with short texts, then add the others one by one with `add_bead`."
)
REFUSED = "The model refused to go on. Say it in other words, or choose another model."
CUT_AGAIN = "The Mayor's replies are too long again and again; ask for a smaller plan."
_NOT_DONE = "Not done: the reply was cut."
_LONGEST_GOAL = 20_000
_LONGEST_LATELY = 6_000
_LATELY = 4


def calls_of(entry: Entry) -> list[dict[str, Any]]:
    """The tool calls of a reply, in order."""
    return [block for block in entry.assistant if block["type"] == "tool_use"]


def since_said(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The model's turns after the last thing that the user said."""
    last = max((at for at, entry in enumerate(entries, 1) if entry.who == "you"), default=0)
    return tuple(entries[last:])


def since_asked(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The model's turns after the user last said something of their own accord; answers do not count."""
    asked = (at for at, entry in enumerate(entries, 1) if entry.who == "you" and not entry.answers)
    return tuple(entry for entry in entries[max(asked, default=0) :] if entry.who == "mayor")


def refused(entry: Entry) -> Entry:
    """The model does not want to: the user has to say something else."""
    return replace(entry, rest="refused", why=REFUSED)


def cut(entry: Entry, before: Entry | None) -> Entry:
    """A reply that breaks off: nothing of it is done, and the model is told to say less."""
    kept = [block for block in entry.assistant if _is_whole(block)]
    if kept and kept[-1]["type"] == "tool_use" and entry.assistant[-1] is kept[-1]:
        kept.pop()
    results = [tool_result(block, _NOT_DONE, refused=True) for block in kept if block["type"] == "tool_use"]
    again = before is not None and before.stop_reason in CUT
    return replace(
        entry,
        assistant=kept,
        results=results,
        told=SPLIT,
        rest="limit" if again else "",
        why=CUT_AGAIN if again else "",
    )


def ended(entry: Entry, earlier: Sequence[Entry], *, has_beads: bool) -> Entry:
    """A reply without a call: the talk rests, unless there is no plan yet and nobody has asked for one."""
    if not has_beads and all(one.told != NUDGE for one in earlier):
        return replace(entry, told=NUDGE)
    changed = any(one.facts for one in earlier)
    return replace(entry, rest="planned" if changed else "talked")


def fresh_start(entries: Sequence[Entry], plan: str) -> str:
    """The first message of a fresh context: what the user wants, what was said lately, and the plan."""
    said = [entry.text for entry in entries if entry.who == "you"]
    lately = [entry.said for entry in entries if entry.who == "mayor" and entry.said][-_LATELY:]
    lines = ["The talk became too long, so what was said is cleared. The user said, oldest first:"]
    lines += ["", _first_and_last(said, _LONGEST_GOAL)]
    if lately:
        lines += ["", "You said lately:", "", "\n\n".join(lately)[-_LONGEST_LATELY:]]
    question = entries[-1].question
    if question is not None:
        lines += ["", f"You have just asked the user: {question.text}"]
    lines += ["", "The plan as it is:", plan, "", "Go on."]
    return "\n".join(lines)


def _is_whole(block: dict[str, Any]) -> bool:
    """Whether a block of a reply that was cut can be sent back: thinking only with its signature."""
    if block["type"] == "thinking":
        return bool(block.get("signature"))
    return block["type"] != "tool_use" or "malformed" not in block["input"]


def _first_and_last(texts: Sequence[str], longest: int) -> str:
    """Texts as far as there is room: the first, which is the goal, and the newest."""
    first, *others = texts or [""]
    kept: list[str] = []
    room = longest - len(first)
    for text in reversed(others):
        room -= len(text)
        if room < 0:
            kept.append("…")
            break
        kept.append(text)
    return "\n\n".join([first, *reversed(kept)])
