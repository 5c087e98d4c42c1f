"""Glyphs and interface icons: one colour each, drawn from their paths, cached by colour, size and density."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from gastown_desktop.paths import resource
from gastown_desktop.ui.theme.theme import theme

PAUSED = "ui_pause"
_OF_STATE = {"paused": PAUSED}
_COLORED_AS = {"paused": "queued", "waiting": "queued"}
"""States without a colour of their own."""


def glyph_of(state: str) -> str:
    """The name of a state's glyph (core.card.State)."""
    return _OF_STATE.get(state, state)


def state_color(state: str) -> QColor:
    """The colour of a state's glyph and word."""
    return theme.color(state_token("state", state))


def state_token(group: str, state: str) -> str:
    """The name of a state's colour in a group of the tokens, `state` or `tint`."""
    return f"{group}.{_COLORED_AS.get(state, state)}"


def draw_glyph(painter: QPainter, name: str, color: QColor, rect: QRectF) -> None:
    """Draws a glyph into a square."""
    device = painter.device()
    ratio = device.devicePixelRatioF() if device is not None else 1.0
    painter.drawPixmap(rect.topLeft(), pixmap(name, color, rect.width(), ratio))


def pixmap(name: str, color: QColor, size: float, ratio: float = 1.0) -> QPixmap:
    """A glyph as a pixmap.

    Args:
        name: a file of `resources/icons`, without `.svg`.
        color: what it is drawn in.
        size: its side in device-independent pixels.
        ratio: device pixels per pixel.
    """
    return _pixmap(name, color.name(QColor.NameFormat.HexArgb), size, ratio)


def icon(name: str, color: QColor, size: int = 16) -> QIcon:
    """A glyph as an icon, sharp on every screen."""
    made = QIcon()
    for ratio in (1.0, 2.0, 3.0):
        made.addPixmap(pixmap(name, color, size, ratio))
    return made


def app_icon() -> QIcon:
    """The program's own icon."""
    made = QIcon()
    for size in (16, 32, 512):
        made.addFile(str(resource(f"icons/icon-{size}.png")))
    return made


def draw_mark(painter: QPainter, rect: QRectF) -> None:
    """Draws the program's mark as it is at small sizes."""
    _renderer("icon-small", None).render(painter, rect)


@lru_cache(maxsize=2_000)
def _pixmap(name: str, color: str, size: float, ratio: float) -> QPixmap:
    side = round(size * ratio)
    made = QPixmap(side, side)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _renderer(name, QColor(color).name()).render(painter, QRectF(0, 0, side, side))
    painter.end()
    made.setDevicePixelRatio(ratio)
    return made


@lru_cache(maxsize=500)
def _renderer(name: str, color: str | None) -> QSvgRenderer:
    text = resource(f"icons/{name}.svg").read_text(encoding="utf-8")
    if color is not None:
        text = text.replace("#000", color)
    return QSvgRenderer(QByteArray(text.encode()))
