"""Motion: what of Qt's own moves and blinks, for those who want it still."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

_EFFECTS = (
    Qt.UIEffect.UI_AnimateMenu,
    Qt.UIEffect.UI_FadeMenu,
    Qt.UIEffect.UI_AnimateCombo,
    Qt.UIEffect.UI_AnimateTooltip,
    Qt.UIEffect.UI_FadeTooltip,
)


def reduce_motion(*, reduced: bool) -> None:
    """Stops carets from blinking and menus and tooltips from fading, or lets them as the system has it."""
    usual = _usual()
    QApplication.setCursorFlashTime(0 if reduced else usual[0])
    for effect, enabled in zip(_EFFECTS, usual[1:], strict=True):
        QApplication.setEffectEnabled(effect, bool(enabled) and not reduced)


@cache
def _usual() -> tuple[int, ...]:
    """The caret's time in milliseconds and which effects are on, as they were before the first change."""
    return (QApplication.cursorFlashTime(), *(int(QApplication.isEffectEnabled(one)) for one in _EFFECTS))
