"""The palette: every action by its words; what cannot be done now says why."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QObject, QRect, QSize, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gastown_desktop.ui.actions import Actions, ActionSpec, matches
from gastown_desktop.ui.theme.theme import font, theme
from gastown_desktop.ui.widgets.fields import Field
from gastown_desktop.ui.widgets.sheets import Sheet

_WIDTH, _ROW, _MOST_ROWS = 560, 32, 12
_SPEC = Qt.ItemDataRole.UserRole
_REFUSAL = Qt.ItemDataRole.UserRole + 1


class CommandPalette(Sheet):
    """Opens over the window; Enter does the chosen action, Esc closes."""

    def __init__(self, actions: Actions, window: QWidget) -> None:
        """Makes a closed palette.

        Args:
            actions: what can be done.
            window: lies under it.
        """
        super().__init__(window, width=_WIDTH, name="Commands")
        self._actions = actions
        self._field = Field("Command", "What do you want to do?")
        self._model = QStandardItemModel(self)
        self._list = QListView()
        self._list.setAccessibleName("Commands that fit")
        self._list.setModel(self._model)
        self._list.setItemDelegate(_Row(self._list))
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        layout = QVBoxLayout()
        self.body.addLayout(layout)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        layout.addWidget(self._field)
        layout.addWidget(self._list)
        self._field.textChanged.connect(self._search)
        self._field.installEventFilter(self)
        self._list.clicked.connect(self._do)

    def open(self) -> None:
        """Opens with every action in it."""
        self._field.clear()
        self._search("")
        rows = min(_MOST_ROWS, max(1, self._model.rowCount()))
        self._list.setFixedHeight(rows * _ROW)
        super().open()

    def first_focus(self) -> QWidget:
        """The field: one types at once."""
        return self._field

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._field and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._key(event)
        return super().eventFilter(watched, event)

    def _key(self, event: QKeyEvent) -> bool:
        row = self._list.currentIndex().row()
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}
        if (step := steps.get(Qt.Key(event.key()))) is not None:
            last = self._model.rowCount() - 1
            self._list.setCurrentIndex(self._model.index(max(0, min(last, row + step)), 0))
            return True
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._do(self._list.currentIndex())
            return True
        return False

    def _search(self, typed: str) -> None:
        found = [(rank, spec) for spec in self._actions.specs() if (rank := matches(spec, typed)) is not None]
        self._model.clear()
        for _, spec in sorted(found, key=lambda one: one[0]):
            item = QStandardItem(spec.text)
            item.setData(spec, _SPEC)
            refusal = self._actions.refusal(spec.id)
            item.setData(refusal, _REFUSAL)
            item.setAccessibleText(f"{spec.text}, not now: {refusal}" if refusal else spec.text)
            self._model.appendRow(item)
        if self._model.rowCount():
            self._list.setCurrentIndex(self._model.index(0, 0))

    def _do(self, index: QModelIndex) -> None:
        spec: ActionSpec | None = index.data(_SPEC)
        if spec is None or index.data(_REFUSAL):
            return
        self.close_sheet()
        self._actions.trigger(spec.id)


class _Row(QStyledItemDelegate):
    """Words at the left; at the right the shortcut, or why not."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # pyright: ignore[reportIncompatibleMethodOverride]
        return QSize(200, _ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        spec: ActionSpec = index.data(_SPEC)
        refusal: str = index.data(_REFUSAL)
        rect: QRect = option.rect  # pyright: ignore[reportAttributeAccessIssue]
        selected = option.state & QStyle.StateFlag.State_Selected  # pyright: ignore[reportAttributeAccessIssue]
        painter.save()
        if selected:
            painter.fillRect(rect, theme.color("surface.selection"))
        inner = rect.adjusted(12, 0, -12, 0)
        painter.setFont(font("body"))
        painter.setPen(theme.color("text.disabled" if refusal else "text.primary"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, spec.text)
        used = painter.fontMetrics().horizontalAdvance(spec.text) + 16
        painter.setFont(font("small"))
        painter.setPen(theme.color("text.tertiary"))
        native = QKeySequence(spec.shortcut).toString(QKeySequence.SequenceFormat.NativeText)
        right = painter.fontMetrics().elidedText(
            refusal or native, Qt.TextElideMode.ElideRight, inner.width() - used
        )
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, right)
        painter.restore()
