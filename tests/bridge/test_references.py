"""A release of the binding lost references to None and True with every signal, until the process died."""

from __future__ import annotations

import sys

from PySide6.QtCore import QObject, Signal
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.models.rows import Column, RowsModel

_TOLERATED = 50
"""Other code of the process may keep or drop a few meanwhile."""


class Bell(QObject):
    """Rings with values that every process has but one of."""

    rung = Signal(object)
    ticked = Signal(bool)


def _counts() -> tuple[int, int]:
    return sys.getrefcount(None), sys.getrefcount(True)


def test_five_thousand_signals_and_a_thousand_calls_leave_none_and_true_alone(qtbot: QtBot) -> None:
    bell = Bell()
    heard = [0]

    def hear(_value: object) -> None:
        heard[0] += 1

    bell.rung.connect(hear)
    bell.ticked.connect(hear)
    model = RowsModel((Column[str]("Name", str),), str, str)
    model.set_values(["a"])
    before = _counts()
    for _ in range(2_500):
        bell.rung.emit(None)
        bell.ticked.emit(True)
    for _ in range(1_000):
        bell.setObjectName("bell")
        bell.blockSignals(False)
        model.data(model.index(0, 0), 99)
    after = _counts()
    assert heard == [5_000]
    assert all(abs(now - then) < _TOLERATED for now, then in zip(after, before, strict=True)), (before, after)
