"""Unattended: a question with a default that nobody answers for a while is answered with it, and marked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from gastown_desktop.core import events as ev
from gastown_desktop.core.projection import NeedView
from gastown_desktop.engine.kit import Kit

PATIENCE_S = 1_200.0
"""Seconds that a question waits for its user."""
UNATTENDED = "unattended"
"""Who answered, where nobody did."""


class Unattended:
    """Answers for a user who is away; questions without a default wait, and the other beads go on."""

    def __init__(self, kit: Kit, *, patience_s: float | None, until: datetime | None = None) -> None:
        """Looks at nothing yet.

        Args:
            kit: the convoy.
            patience_s: seconds that a question waits; None answers nothing, ever.
            until: when the user is back and nothing is answered any more; None for never.
        """
        self._kit = kit
        self._until = until
        self._patience_s = patience_s

    async def answer_overdue(self) -> None:
        """Takes the default of every question that waited long enough."""
        overdue = [need for need, left_s in self._waiting() if left_s <= 0]
        for need in overdue:
            assert need.default is not None
            answered = ev.NeedAnswered(**self._kit.where, item=need.item, answer=need.default, by=UNATTENDED)
            await self._kit.bus.publish(answered)

    @property
    def next_s(self) -> float | None:
        """Seconds until a question is answered; None when none will be."""
        return min((max(0.0, left_s) for _, left_s in self._waiting()), default=None)

    def _waiting(self) -> Iterator[tuple[NeedView, float]]:
        """Questions whose default is taken before the user is back, and the seconds that they still wait."""
        now = self._kit.clock.now()
        if self._patience_s is None or self._is_back(now):
            return
        for need in list(self._kit.bus.state.needs_you.values()):
            if need.about != "question" or need.default is None or need.bead is None:
                continue
            due = need.at + timedelta(seconds=self._patience_s)
            if not self._is_back(due):
                yield need, (due - now).total_seconds()

    def _is_back(self, moment: datetime) -> bool:
        return self._until is not None and moment >= self._until
