"""The evidence page's own parts: its first line, the figures, silent differences, short tables."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from gastown_desktop.core.wording import plural, show_hidden
from gastown_desktop.ui.evidence.report import Figure, Oracle, Result, changed_lines
from gastown_desktop.ui.theme.glyphs import draw_glyph
from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.buttons import Button
from gastown_desktop.ui.widgets.labels import ElidedLabel, Paragraph, PlainLabel
from gastown_desktop.ui.widgets.pieces import Piece, baseline, draw_row, row_width

_FIGURES_HEIGHT = 81
_ROW, _HEAD = 28, 26
_MOST_BOXES = 5


class OracleLine(QWidget):
    """Whether the rehearsal came out as it had to, and what it cost."""

    def __init__(self, oracle: Oracle, spent: str, parent: QWidget | None = None) -> None:
        """Shows both; what was spent goes first where there is no room."""
        super().__init__(parent)
        state = "landed" if oracle.good else "failed"
        self._words = [
            Piece(glyph=state, color=f"state.{state}", size=16),
            Piece(text=oracle.words, role="body", weight=500, gap=10),
        ]
        self._ids = Piece(text=oracle.ids, role="id", color="text.secondary", gap=10)
        self._spent = Piece(text=spent, role="small", color="text.secondary")
        self.setFixedHeight(43)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"{oracle.words}, {oracle.ids}. {spent}")

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 43)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect()).adjusted(0, 0, 0, -1)
        fixed = row_width([self._words[0]])
        room = self.width() - fixed - self._words[1].gap
        text = self._words[1]
        shown = QFontMetricsF(text.font).elidedText(text.text, Qt.TextElideMode.ElideRight, room)
        cut = Piece(text=shown, role=text.role, weight=text.weight, gap=text.gap)
        pieces = [self._words[0], cut]
        if row_width([*pieces, self._ids]) <= self.width():
            pieces.append(self._ids)
        end = draw_row(painter, pieces, rect)
        left = self.width() - self._spent.width
        if left >= end + 24:
            draw_row(painter, [self._spent], rect.adjusted(left, 0, 0, 0))


class FigureRow(QWidget):
    """Figures side by side, in as many lines as the width wants."""

    def __init__(self, figures: Sequence[Figure], parent: QWidget | None = None) -> None:
        """Shows figures."""
        super().__init__(parent)
        self._figures = tuple(figures)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        spoken = [f"{one.name}: {one.value}, {one.words}" for one in figures]
        self.setAccessibleName("; ".join(spoken))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return _FIGURES_HEIGHT * -(-len(self._figures) // self._columns(width))

    def sizeHint(self) -> QSize:
        return QSize(700, _FIGURES_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, _FIGURES_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        columns = self._columns(self.width())
        lefts = self._lefts(columns)
        for number, figure in enumerate(self._figures):
            top = _FIGURES_HEIGHT * (number // columns)
            left = lefts[number % columns]
            for middle, text, role, color in (
                (20, figure.name, "caption", "text.secondary"),
                (40.5, figure.value, "heading", "text.primary"),
                (61, figure.words, "caption", "text.secondary"),
            ):
                written = _font(role)
                painter.setFont(written)
                painter.setPen(theme.color(color))
                rect = QRectF(0, top + middle - 13, 10, 26)
                painter.drawText(QPointF(left, baseline(written, rect)), text)

    def _columns(self, width: int) -> int:
        needed = sum(_width_of(one) for one in self._figures) + 24 * (len(self._figures) - 1)
        return len(self._figures) if needed <= width else 3 if width >= 480 else 2

    def _lefts(self, columns: int) -> list[float]:
        """Left edges: what is left of the width lies evenly between the columns."""
        widths = [max(_width_of(one) for one in self._figures[number::columns]) for number in range(columns)]
        gap = (self.width() - sum(widths)) / max(1, columns - 1) if columns > 1 else 0
        lefts, left = [0.0], 0.0
        for width in widths[:-1]:
            left += width + max(8.0, gap)
            lefts.append(round(left))
        return lefts


class SilentDifferences(QWidget):
    """What git merged without a conflict, but not into what history has; words, not alarm."""

    def __init__(self, found: Sequence[Result], parent: QWidget | None = None) -> None:
        """Shows a box for each of the first few."""
        super().__init__(parent)
        self.boxes = [_SilentBox(one) for one in found[:_MOST_BOXES]]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        if not found:
            column.addWidget(Paragraph("None: what merged without a conflict merged right.", "small"))
        for box in self.boxes:
            column.addWidget(box)
        if len(found) > _MOST_BOXES:
            more = f"{len(found) - _MOST_BOXES} more are in the exported report."
            column.addWidget(Paragraph(more, "small"))


class _SilentBox(QWidget):
    def __init__(self, found: Result) -> None:
        super().__init__()
        lines = [show_hidden(line) for line in found["lines"]]
        self._count = changed_lines(lines)
        self.button = Button(self._asking(), small=True)
        if not lines:
            self.button.hide()
        self.lines = PlainLabel("\n".join(lines), "code")
        self.lines.setProperty("surface", "code")
        self.lines.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.lines.setContentsMargins(8, 6, 8, 6)
        self.lines.hide()
        paths = ", ".join(show_hidden(path) for path in found["paths"])
        head = QHBoxLayout()
        head.setSpacing(8)
        path = ElidedLabel(paths, "code", middle=True)
        head.addWidget(path, 1)
        head.addWidget(self.button)
        earlier = ", ".join(found["earlier"])
        words = (
            f"{earlier} and {found['bead']} merge without a conflict, but the result is not what your "
            "history has. No merge tool would show it."
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(13, 10, 13, 11)
        column.setSpacing(5)
        column.addLayout(head)
        column.addWidget(Paragraph(words, "small"))
        column.addWidget(self.lines)
        self.button.clicked.connect(self._toggle)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("border.default"), 1))
        painter.setBrush(theme.color("surface.raised"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)

    def _asking(self) -> str:
        return "Show the line" if self._count == 1 else f"Show the {self._count} lines"

    def _toggle(self) -> None:
        self.lines.setVisible(self.lines.isHidden())
        self.button.set_words(self._asking() if self.lines.isHidden() else "Hide the lines")


class FileCounts(QWidget):
    """Paths with how many beads touch each."""

    def __init__(self, rows: Sequence[tuple[str, int]], parent: QWidget | None = None) -> None:
        """Shows paths, the worst first."""
        super().__init__(parent)
        self._rows = tuple(rows)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(_HEAD + _ROW * len(self._rows) + 1)
        spoken = [f"{path}: {plural(count, 'bead')}" for path, count in self._rows]
        self.setAccessibleName("Files that hold the work up: " + ", ".join(spoken))

    def minimumSizeHint(self) -> QSize:
        return QSize(200, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        head = QRectF(0, 0, self.width(), _HEAD)
        self._draw_line(painter, head, "File", "Beads", font("caption", 500), "text.secondary")
        painter.fillRect(QRectF(0, _HEAD, self.width(), 1), theme.color("border.default"))
        for number, (path, count) in enumerate(self._rows):
            rect = QRectF(0, _HEAD + 1 + number * _ROW, self.width(), _ROW)
            self._draw_line(painter, rect, path, f"{count}", font("id"), "text.primary")
            painter.fillRect(QRectF(0, rect.bottom() - 1, self.width(), 1), theme.color("border.subtle"))

    def _draw_line(
        self, painter: QPainter, rect: QRectF, left: str, right: str, written: QFont, color: str
    ) -> None:
        figure = font("small") if written == font("id") else written
        wide = QFontMetricsF(figure).horizontalAdvance(right)
        room = rect.width() - wide - 16
        shown = QFontMetricsF(written).elidedText(left, Qt.TextElideMode.ElideMiddle, room)
        painter.setPen(theme.color(color))
        painter.setFont(written)
        painter.drawText(QPointF(0, baseline(written, rect)), shown)
        painter.setFont(figure)
        painter.drawText(QPointF(rect.right() - wide, baseline(figure, rect)), right)


class Alarm(QWidget):
    """One sentence that must not be overlooked."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        """Shows a sentence."""
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(26, 8, 0, 8)
        row.addWidget(Paragraph(text, "body", "text.primary"))

    def paintEvent(self, event: QPaintEvent) -> None:
        draw_glyph(QPainter(self), "ui_warning", theme.color("state.failed"), QRectF(0, 9, 16, 16))


def _width_of(figure: Figure) -> float:
    return max(
        QFontMetricsF(_font(role)).horizontalAdvance(text)
        for role, text in (("caption", figure.name), ("heading", figure.value), ("caption", figure.words))
    )


def _font(role: str) -> QFont:
    """As the theme's, but a large figure that stands alone has digits as narrow as they are."""
    made = QFont(font(role))
    if role == "heading":
        made.setFeature(QFont.Tag("tnum"), 0)
    return made
