"""Transcripts as Markdown that anybody reads: every attempt, every turn, every call with its whole result.

Text of models, tools and repositories stands in fences: none of it passes for a remark of ours, and no viewer
loads a picture that it names. What cannot be seen in it shows as an escape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gastown_desktop.core.money import show_usd
from gastown_desktop.core.plain_text import one_line, shown_text
from gastown_desktop.core.views import BeadView
from gastown_desktop.engine.hooks import Hook, Turn
from gastown_desktop.engine.planning.session import Entry
from gastown_desktop.engine.worth_page import cell

_TICKS = re.compile("`+")


def transcript_as_markdown(view: BeadView, attempts: Sequence[Hook]) -> str:
    """What was done on a bead.

    Args:
        view: the bead and where it stands.
        attempts: those that are kept, oldest first.
    """
    bead = view.bead
    lines = [
        f"# {bead.id}: {_plain(bead.title)}",
        "",
        f"{view.status} · {len(attempts)} attempts · {sum(_own(one) for one in attempts)} turns · "
        f"{show_usd(view.cost)} at list price",
        "",
    ]
    if view.commit is not None:
        lines += [f"Commit on the convoy's branch: `{view.commit}`", ""]
    if view.reason:
        lines += _quoted(view.reason)
    for attempt in attempts:
        lines += _attempt(attempt)
    return "\n".join(lines).rstrip() + "\n"


def talk_as_markdown(entries: Iterable[Entry]) -> str:
    """The talk with the Mayor."""
    lines = ["# The Mayor", ""]
    for entry in entries:
        who = "You" if entry.who == "you" else "Mayor"
        cost = f" · {show_usd(entry.cost)}" if entry.cost else ""
        lines += [f"## {entry.number}. {who} · {entry.at}{cost}", ""]
        if entry.who == "you":
            lines += _quoted(entry.text)
            continue
        lines += _reply(entry.assistant, entry.results)
        for told in (entry.told, entry.why, entry.fresh):
            if told:
                lines += ["The town:", "", *_quoted(told)]
    return "\n".join(lines).rstrip() + "\n"


def _own(attempt: Hook) -> int:
    """Turns that are not an earlier attempt's."""
    return len(attempt.turns) - attempt.assignment.carried


def _attempt(attempt: Hook) -> list[str]:
    task = attempt.assignment
    lines = [
        f"## Attempt {task.epoch}: {task.polecat}, {_plain(task.model)}",
        "",
        f"From commit `{task.base}`, on the branch {_plain(task.branch.removeprefix('refs/heads/'))}.",
        "",
    ]
    if attempt.submitted is not None:
        lines += [f"Handed in: `{attempt.submitted}`", ""]
    said = _said(attempt)
    if task.carried:
        lines += [f"It goes on after turn {task.carried} of the attempt before.", ""]
    else:
        lines += ["Its task:", "", *_quoted(task.task)]
    lines += said.get(task.carried, [])
    for turn in attempt.turns[task.carried :]:
        lines += [*_turn(turn), *said.get(turn.number, [])]
    return lines


def _said(attempt: Hook) -> dict[int, list[str]]:
    """What was put in after each turn."""
    found: dict[int, list[str]] = {}
    for one in attempt.assignment.said:
        found.setdefault(one.after, []).extend(["The worker was told:", "", *_quoted(one.text)])
    return found


def _turn(turn: Turn) -> list[str]:
    facts = [
        turn.at,
        show_usd(turn.cost),
        f"{turn.prompt_tokens} prompt and {turn.output_tokens} reply tokens",
        f"tools {turn.tool_s:.1f} s",
    ]
    lines = [f"### Turn {turn.number} · {' · '.join(facts)}", ""]
    lines += [f"Request {_plain(turn.request_id)}, copy after it: tree `{turn.tree}`.", ""]
    lines += _reply(turn.assistant, turn.results)
    if turn.notes:
        lines += ["Notes so far:", "", *_quoted("\n".join(turn.notes))]
    if turn.between:
        lines += ["The worker was told:", "", *_quoted(turn.between)]
    return lines


def _reply(blocks: Iterable[Mapping[str, Any]], results: Iterable[Mapping[str, Any]]) -> list[str]:
    """What a model said and called, each call with its result."""
    answers = {str(result.get("tool_use_id", "")): result for result in results}
    lines: list[str] = []
    for block in blocks:
        kind = block.get("type")
        if kind == "text":
            lines += _quoted(str(block.get("text", "")))
        elif kind == "tool_use":
            lines += _call(block, answers.get(str(block.get("id", ""))))
        elif kind == "thinking":
            lines += ["Thought:", "", *_quoted(str(block.get("thinking", "")))]
        else:
            lines += _fenced(_json(block), "json")
    return lines


def _call(block: Mapping[str, Any], result: Mapping[str, Any] | None) -> list[str]:
    lines = [f"**{_plain(str(block.get('name', '')))}**", "", *_fenced(_json(block.get("input")), "json")]
    if result is None:
        return [*lines, "No result.", ""]
    content = result.get("content", "")
    text = content if isinstance(content, str) else _json(content)
    return [*lines, "Refused:" if result.get("is_error") else "Result:", "", *_fenced(text)]


def _quoted(text: str) -> list[str]:
    """Words of somebody; nothing for nothing."""
    return _fenced(text, "text") if text.strip() else []


def _fenced(text: str, language: str = "") -> list[str]:
    """Text between fences that are longer than any in it."""
    longest = max((len(run) for run in _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence + language, shown_text(text).rstrip("\n"), fence, ""]


def _plain(text: str) -> str:
    """Text in a line of ours."""
    return cell(one_line(text))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
