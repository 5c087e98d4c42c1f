"""Runs of tool calls folded into one line each: a command stands alone, other calls in a row are counted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from gastown_desktop.engine.api import SpokenTurn, ToolCall

_COMMAND = "bash"
_EXIT = re.compile(r"\((exit status \d+|stopped after \d+ s)[^)]*\)\s*$")
_LONGEST_RESULT = 40
_WORTH_SAYING_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """One folded line."""

    title: str
    """The tool, or how many calls there are."""
    words: str
    result: str = ""
    outcome: Literal["", "good", "bad"] = ""
    calls: tuple[ToolCall, ...] = ()


def rows_of(turn: SpokenTurn) -> list[CallRow]:
    """The lines of a turn; the last one says how long the tools took where that is worth saying."""
    rows = [_row(run) for run in _runs(turn.calls)]
    if rows and not rows[-1].result and turn.seconds >= _WORTH_SAYING_S:
        last = rows[-1]
        words = f"{turn.seconds:.1f} s" if turn.seconds < 100 else f"{turn.seconds:.0f} s"
        rows[-1] = CallRow(title=last.title, words=last.words, result=words, calls=last.calls)
    return rows


def what_of(call: ToolCall) -> str:
    """What a call is about, without what its name says already; empty when that is all."""
    first, _, rest = call.what.partition(" ")
    if first.lower() == call.name or first.endswith("ing"):
        return "" if rest == f"a {call.name}" else rest.removeprefix("for ")
    return call.what


def said_of(call: ToolCall) -> str:
    """A call by its name and what it is about."""
    return f"{call.name} {what_of(call)}".rstrip()


def _runs(calls: Iterable[ToolCall]) -> Iterator[tuple[ToolCall, ...]]:
    for is_command, run in groupby(calls, key=lambda call: call.name == _COMMAND):
        if is_command:
            yield from ((call,) for call in run)
        else:
            yield tuple(run)


def _row(run: tuple[ToolCall, ...]) -> CallRow:
    refused = any(call.refused for call in run)
    if len(run) == 1:
        result, outcome = _result_of(run[0])
        return CallRow(title=run[0].name, words=what_of(run[0]), result=result, outcome=outcome, calls=run)
    said: list[str] = []
    before = ""
    for call in run:
        said.append(what_of(call) if call.name == before else said_of(call))
        before = call.name
    return CallRow(
        title=f"{len(run)} calls",
        words=", ".join(filter(None, said)),
        result="refused" if refused else "",
        outcome="bad" if refused else "",
        calls=run,
    )


def _result_of(call: ToolCall) -> tuple[str, Literal["", "good", "bad"]]:
    """How a call ended, in a few words: a command's last line, or its exit status."""
    if call.refused:
        return "refused", "bad"
    if call.name != _COMMAND:
        return "", ""
    ended = _EXIT.search(call.result)
    if ended is not None:
        return ended[1], "bad"
    lines = [line.strip(" =-\t") for line in call.result.splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    return (last if len(last) <= _LONGEST_RESULT else "done"), "good"
