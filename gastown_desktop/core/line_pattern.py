"""Regular expressions that cannot hang: whether a line holds a match, in time linear in its length.

`re` backtracks, so a pattern as short as `(a+)+$` takes for ever on one line, and holds the interpreter's
lock meanwhile. Here a pattern becomes a set of states that is walked once, each step remembered (Thompson,
"Regular expression search algorithm", CACM 11/6, 1968). The syntax is that of `re` without what needs
backtracking: back-references, look-around and conditions. Groups only group.
"""

from __future__ import annotations

from dataclasses import dataclass

from gastown_desktop.core.errors import ToolRefused
from gastown_desktop.core.line_syntax import (
    Alternatives,
    Assertion,
    CharSet,
    Node,
    Repeat,
    Sequence,
    parse_pattern,
)

MOST_STATES = 1_000
"""States of one pattern; a counted repeat makes as many as it counts."""
_MOST_STEPS = 20_000
"""Steps that are remembered at a time."""

_FOUND = -1
_MATCH = "match"
_SPLIT = "split"


@dataclass(slots=True)
class _State:
    """One state: it takes a character, splits, asserts something about the place, or is the match."""

    does: CharSet | Assertion | str
    then: list[int]


class LinePattern:
    """A pattern, ready for any number of lines."""

    def __init__(self, text: str, *, ignore_case: bool = False) -> None:
        """Reads a pattern.

        Raises:
            ToolRefused: it is none, uses what is not supported, or is too large.
        """
        parsed = parse_pattern(text)
        self._folds = ignore_case or parsed.ignore_case
        self._states: list[_State] = []
        self._start = self._build(parsed.node, self._add(_MATCH))
        self._forget()

    def found_in(self, line: str) -> bool:
        """Tells whether a line, without its end, holds a match."""
        at = self._first
        for one in line:
            then = self._steps[at].get(one)
            if then is None:
                then = self._step(at, one)
                if then >= 0 and len(self._kept) > _MOST_STEPS:
                    then = self._begin_again(then)
            if then == _FOUND:
                return True
            at = then
        return self._step(at, "") == _FOUND

    # --- states -----------------------------------------------------------------------------------

    def _add(self, does: CharSet | Assertion | str, *then: int) -> int:
        if len(self._states) >= MOST_STATES:
            raise ToolRefused("The pattern is too large: use smaller counts, or search for less.")
        self._states.append(_State(does, list(then)))
        return len(self._states) - 1

    def _build(self, node: Node, then: int) -> int:
        """Adds the states of a part that is followed by `then`; returns the first of them."""
        if isinstance(node, CharSet | Assertion):
            return self._add(node, then)
        if isinstance(node, Sequence):
            for part in reversed(node.parts):
                then = self._build(part, then)
            return then
        if isinstance(node, Alternatives):
            return self._add(_SPLIT, *[self._build(part, then) for part in node.parts])
        return self._build_repeat(node, then)

    def _build_repeat(self, node: Repeat, then: int) -> int:
        if node.most is None:
            loop = self._add(_SPLIT, then)
            self._states[loop].then.append(self._build(node.part, loop))
            then = loop
        else:
            for _ in range(node.most - node.least):
                then = self._add(_SPLIT, then, self._build(node.part, then))
        for _ in range(node.least):
            then = self._build(node.part, then)
        return then

    # --- steps ------------------------------------------------------------------------------------

    def _forget(self) -> None:
        self._ids: dict[tuple[frozenset[int], bool, bool], int] = {}
        self._keys: list[tuple[frozenset[int], bool, bool]] = []
        self._steps: list[dict[str, int]] = []
        self._kept: list[None] = []
        self._first = self._id_of(frozenset({self._start}), after_word=False, at_start=True)

    def _begin_again(self, at: int) -> int:
        """Forgets all steps but the place where the search is."""
        states, after_word, at_start = self._keys[at]
        self._forget()
        return self._id_of(states, after_word=after_word, at_start=at_start)

    def _id_of(self, states: frozenset[int], *, after_word: bool, at_start: bool) -> int:
        key = (states, after_word, at_start)
        if key not in self._ids:
            self._ids[key] = len(self._keys)
            self._keys.append(key)
            self._steps.append({})
        return self._ids[key]

    def _step(self, at: int, one: str) -> int:
        """Where a character leads; the empty string is the end of the line."""
        states, after_word, at_start = self._keys[at]
        reached = self._closure(states, after_word, at_start, one)
        if reached is None:
            then = _FOUND
        else:
            onward = {self._start}
            for state in reached:
                does = self._states[state].does
                if one and isinstance(does, CharSet) and does.has(one, folds=self._folds):
                    onward.update(self._states[state].then)
            then = self._id_of(frozenset(onward), after_word=is_word(one), at_start=False)
        self._steps[at][one] = then
        self._kept.append(None)
        return then

    def _closure(
        self, states: frozenset[int], after_word: bool, at_start: bool, following: str
    ) -> set[int] | None:
        """All states that are reached without taking a character; None when the match is among them."""
        seen: set[int] = set()
        waiting = list(states)
        while waiting:
            number = waiting.pop()
            if number in seen:
                continue
            seen.add(number)
            state = self._states[number]
            if state.does == _MATCH:
                return None
            if state.does == _SPLIT or (
                isinstance(state.does, Assertion) and _holds(state.does, after_word, at_start, following)
            ):
                waiting += state.then
        return seen


def is_word(one: str) -> bool:
    """Whether a character is part of a word."""
    return one.isalnum() or one == "_"


def _holds(assertion: Assertion, after_word: bool, at_start: bool, following: str) -> bool:
    match assertion.kind:
        case "start":
            return at_start
        case "end":
            return not following
        case "boundary":
            return after_word != is_word(following)
        case _:
            return after_word == is_word(following)
