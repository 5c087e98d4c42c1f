"""The limits that hold at once, with what is left of each, and what happens while the user is away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from PySide6.QtWidgets import QVBoxLayout, QWidget

from gastown_desktop.core.projection import DefaultView
from gastown_desktop.core.wording import plural, show_clock, show_day, show_money
from gastown_desktop.engine.api import Absence, Bill, LimitLine
from gastown_desktop.ui.limit_names import NAMES, ROW_NAMES, sentence
from gastown_desktop.ui.plots.share_bars import Columns, Share, ShareBars
from gastown_desktop.ui.widgets.labels import Paragraph, PlainLabel

_COLUMNS = Columns(
    pitch=24, bar_from=104, bar_height=8, figure_from_right=76, note_from_right=0, bar_to_right=168
)
_MOST_DEFAULTS = 4


class Limits(QWidget):
    """Hidden where the convoy's limit is the only one, as the gauge shows that."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Shows none."""
        super().__init__(parent)
        self.bars = ShareBars("Limits", _COLUMNS)
        self._words = Paragraph("", "small")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 16, 0, 0)
        column.setSpacing(4)
        column.addWidget(PlainLabel("Limits", "strong"))
        column.addWidget(self.bars)
        column.addWidget(self._words)
        self.hide()

    @property
    def words(self) -> str:
        """Which limit is the nearest."""
        return self._words.text()

    def show_bill(self, bill: Bill) -> None:
        """Shows where the limits stand."""
        nearest = bill.nearest
        self.setVisible(len(bill.limits) > 1)
        if nearest is None:
            return
        self.bars.set_rows([_share(limit, is_nearest=limit is nearest) for limit in bill.limits])
        left = f"{show_money(nearest.left)} is left of {show_money(nearest.cap)}"
        self._words.setText(f"{sentence(NAMES[nearest.kind])} is the nearest: {left}.")


class AwayBox(QWidget):
    """Hidden where the user was never away."""

    def __init__(self, zone: tzinfo | None = None, parent: QWidget | None = None) -> None:
        """Shows nothing.

        Args:
            zone: where the user is; None for the system's.
            parent: owns it.
        """
        super().__init__(parent)
        self._zone = zone
        self._words = Paragraph("", "small")
        self._taken = Paragraph("", "small", "text.primary")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 16, 0, 0)
        column.setSpacing(4)
        column.addWidget(PlainLabel("Unattended", "strong"))
        column.addWidget(self._words)
        column.addWidget(self._taken)
        self.hide()

    @property
    def words(self) -> str:
        """Until when and for how much, and what was answered meanwhile."""
        return f"{self._words.text()}\n{self._taken.text()}".strip()

    def show_absence(
        self, absence: Absence | None, taken: Sequence[DefaultView], now: datetime | None
    ) -> None:
        """Shows how it stands.

        Args:
            absence: None where the user was never away.
            taken: questions whose default was taken, oldest first.
            now: the time, where it is known.
        """
        self.setVisible(absence is not None or bool(taken))
        if absence is not None:
            self._words.setText(_away(absence, now, self._zone))
        self._words.setVisible(absence is not None)
        shown = [f"{show_clock(one.at, self._zone)} {one.words}" for one in taken[-_MOST_DEFAULTS:]]
        more = len(taken) - len(shown)
        earlier = [f"and {plural(more, 'earlier one')}"] if more else []
        head = f"{plural(len(taken), 'question')} answered by default:"
        self._taken.setText("\n".join([head, *earlier, *shown]) if taken else "")
        self._taken.setVisible(bool(taken))


def _share(limit: LimitLine, *, is_nearest: bool) -> Share:
    return Share(
        name=ROW_NAMES[limit.kind],
        share=min(1.0, limit.used / limit.cap) if limit.cap else 1.0,
        figure=f"{show_money(limit.left)} left",
        note=f"of {show_money(limit.cap)}",
        marked=is_nearest,
    )


def _away(absence: Absence, now: datetime | None, zone: tzinfo | None) -> str:
    of = f" of {show_money(absence.at_most)}" if absence.at_most is not None else ""
    spent = f"{show_money(absence.spent)}{of} is spent or promised meanwhile."
    if absence.until is None:
        return f"Nobody answers until the convoy is at its end. {spent}"
    clock = show_clock(absence.until, zone)
    if absence.lasts:
        return f"Nobody answers until {clock}. {spent}"
    day = show_day(absence.until, now, zone) if now is not None else clock
    ended = day if day.endswith(clock) else f"{day} at {clock}"
    return f"It ended {ended}. {show_money(absence.spent)}{of} was spent meanwhile."
