"""Each rule as a table: what the last turns were, and whether the worker goes in circles."""

from __future__ import annotations

from typing import Any

import pytest

from gastown_desktop.core.stuck import CallFacts, Measure, TurnFacts, hint, measure_against, stuck_by


def turns(script: str) -> list[TurnFacts]:
    """One turn per word. `a` a call; `a=1` with that result; `!` refused; `?` failed; `-` text only.

    `a+b` two calls in one turn; `@x` after a word: the copy is x after it, else new; `#n`, `#f` at the
    end of a word: a nudge, a fresh context after it.
    """
    made: list[TurnFacts] = []
    for number, written in enumerate(script.split()):
        word, _, measure = written.partition("#")
        calls_part, _, tree = word.partition("@")
        calls = [] if calls_part == "-" else [_call(part, number) for part in calls_part.split("+")]
        measures: dict[str, Measure] = {"": "go_on", "n": "nudge", "f": "fresh"}
        made.append(TurnFacts(calls=tuple(calls), tree=tree or f"new {number}", measure=measures[measure]))
    return made


def _call(part: str, number: int) -> CallFacts:
    refused, failed = part.endswith("!"), part.endswith("?")
    call, _, result = part.rstrip("!?").partition("=")
    return CallFacts(call=call, result=result or f"result {number}", refused=refused, failed=failed)


@pytest.mark.parametrize(
    ("script", "rule"),
    [
        ("", None),
        ("a=1 a=1 a=1", None),
        ("a=1 a=1 a=1 a=1", "same_call"),
        ("a=1+a=1 a=1+a=1", "same_call"),
        ("a=1 a=1 b=1 a=1 a=1", None),
        ("a=1 a=2 a=1 a=2", None),
        ("a=no! b=no!", None),
        ("a=no! b=no! c=no!", "same_error"),
        ("a=no! b=no! c=other!", None),
        ("a=no! b=no! d c=no!", None),
        ("- -", None),
        ("- - -", "text_only"),
        ("- - a -", None),
        ("a - - -", "text_only"),
        ("a b a b a", None),
        ("a b a b a b", "alternating"),
        ("a b a c a b", None),
        ("a=1 b=2 a=1 b=2 a=1 b=2", "alternating"),
        (" ".join(f"c{n}@x" for n in range(12)), None),
        (" ".join(f"c{n}@x" for n in range(13)), "unchanged"),
        (" ".join(f"c{n}@x" for n in range(12)) + " d@y", None),
        ("t=red? e u=red?", None),
        ("t=red? e t=red? f g t=red?", "same_failure"),
        ("t=red? e t=other? f t=red?", None),
        ("a=1 a=1 a=1 a=1#n", None),
        ("a=1 a=1 a=1 a=1#n a=1 a=1 a=1", None),
        ("a=1 a=1 a=1 a=1#n a=1 a=1 a=1 a=1", "same_call"),
    ],
)
def test_a_worker_is_stuck_by(script: str, rule: str | None) -> None:
    assert stuck_by(turns(script)) == rule


@pytest.mark.parametrize(
    ("script", "rule", "measure"),
    [
        ("a", None, "go_on"),
        ("a#n", None, "go_on"),
        ("a", "same_call", "nudge"),
        ("a#n b", "same_call", "fresh"),
        ("a#n b", "text_only", "fresh"),
        ("a#n b#f c", "same_call", "ask"),
    ],
)
def test_the_measures_grow(script: str, rule: Any, measure: str) -> None:
    assert measure_against(turns(script), rule) == measure


@pytest.mark.parametrize(
    "rule", ["same_call", "same_error", "text_only", "alternating", "unchanged", "same_failure"]
)
def test_every_rule_has_a_hint_with_its_figures(rule: Any) -> None:
    assert "{" not in hint(rule)
    assert len(hint(rule)) > 30
