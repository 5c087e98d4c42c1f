"""A polecat: one worker, in one slot, on one bead."""

from __future__ import annotations

from typing import Literal, get_args

PolecatState = Literal["starting", "working", "waiting", "submitting", "done", "stuck", "failed", "paused"]
WaitReason = Literal["rate_limit", "question", "budget"]
"""Why a worker in state `waiting` waits."""

MOST_POLECATS = 30
"""Largest fleet."""

POLECAT_STATES: tuple[PolecatState, ...] = get_args(PolecatState)
WAIT_REASONS: tuple[WaitReason, ...] = get_args(WaitReason)

LIVE_STATES: frozenset[PolecatState] = frozenset({"starting", "working", "waiting", "submitting"})
"""States in which a task runs for the worker and it fills a place of the fleet.

A stuck or paused worker keeps its slot and its hook, but somebody has to step in before it goes on.
"""

_NEXT: dict[PolecatState, frozenset[PolecatState]] = {
    "starting": frozenset({"working", "waiting", "stuck", "failed", "paused"}),
    "working": frozenset({"waiting", "submitting", "stuck", "failed", "paused"}),
    "waiting": frozenset({"working", "stuck", "failed", "paused"}),
    "submitting": frozenset({"working", "waiting", "done", "stuck", "failed", "paused"}),
    "done": frozenset({"starting", "working"}),
    "stuck": frozenset({"starting", "working", "waiting", "failed", "paused"}),
    "failed": frozenset({"starting"}),
    "paused": frozenset({"starting", "working", "waiting", "failed"}),
}


def may_become(now: PolecatState, then: PolecatState) -> bool:
    """Tells whether a worker in state `now` may go to state `then`.

    Work is done only by submitting it; a done worker goes on when the Refinery hands a red or
    conflicted branch back; a failed one only starts anew, from its hook.
    """
    return now == then or then in _NEXT[now]
