"""Places where a crash is interesting, so that tests can die exactly there.

Armed by `GASTOWN_CRASH_AT=name:occurrence` (occurrence from 1); unarmed, a point costs a dictionary look-up.
`GASTOWN_CRASH_COUNT=FILE` writes how often each point was passed when the process ends by itself.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
from collections import Counter
from pathlib import Path

POINTS = (
    "money-append", "money-fsync", "money-durable", "event-append", "event-fsync", "event-durable", "reserve",
    "send", "answered", "settle", "settled", "hook-swap-before", "hook-swap-after", "submit-before",
    "submit-after", "intent-before", "intent-after", "branch-swap-before", "branch-swap-after",
    "merged-event-before", "merged-event-after", "land-fetched", "land-stacked", "land-gated",
    "land-before", "land-after", "land-told",
)  # fmt: skip
"""What every rehearsal passes, in the order in which a bead does."""
LANDING_POINTS = (
    "restack-swap-before", "restack-swap-after", "restack-told", "push-before", "push-after", "push-told",
)  # fmt: skip
"""What only a landing on a branch that moved, or on a remote, passes."""
BY_HAND_POINTS = ("by-hand-before", "by-hand-after", "by-hand-told")
"""What only a conflict that the user resolved passes."""

_passed: Counter[str] = Counter()


class _Arming:
    """What the environment asked for at start."""

    def __init__(self) -> None:
        name, _, occurrence = os.environ.get("GASTOWN_CRASH_AT", "").partition(":")
        self.name = name
        self.occurrence = int(occurrence or "1")
        self.count_file = os.environ.get("GASTOWN_CRASH_COUNT", "")
        if self.count_file:
            atexit.register(self.write_counts)

    def write_counts(self) -> None:
        """Writes the counts as JSON."""
        Path(self.count_file).write_text(json.dumps(_passed), encoding="utf-8")


_arming = _Arming()


def crash_point(name: str) -> None:
    """Dies here by SIGKILL when armed for this occurrence of `name`."""
    if not _arming.name and not _arming.count_file:
        return
    _passed[name] += 1
    if name == _arming.name and _passed[name] == _arming.occurrence:
        os.kill(os.getpid(), signal.SIGKILL)
