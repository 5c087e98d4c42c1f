"""A table of keyed values that changes as little as it can: one signal per tick where nothing moved."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

_V = TypeVar("_V")
_Index = QModelIndex | QPersistentModelIndex

VALUE_ROLE = Qt.ItemDataRole.UserRole
"""The row's value itself, for delegates and proxies."""
KEY_ROLE = Qt.ItemDataRole.UserRole + 1
SORT_ROLE = Qt.ItemDataRole.UserRole + 2


@dataclass(frozen=True, slots=True)
class Column(Generic[_V]):
    """One column."""

    title: str
    text: Callable[[_V], str]
    right: bool = False
    """Numbers stand at the right."""
    sort: Callable[[_V], Any] | None = None
    """What rows are sorted by; None for the text."""


class RowsModel(QAbstractTableModel, Generic[_V]):
    """Rows of frozen values, each with a key of its own."""

    def __init__(
        self,
        columns: Sequence[Column[_V]],
        key: Callable[[_V], Hashable],
        spoken: Callable[[_V], str],
        parent: QObject | None = None,
    ) -> None:
        """Starts empty.

        Args:
            columns: what is shown of a value.
            key: tells values apart.
            spoken: the row for a screen reader.
            parent: owns the model.
        """
        super().__init__(parent)
        self._columns = tuple(columns)
        self._key = key
        self._spoken = spoken
        self._values: list[_V] = []
        self._places: dict[Hashable, int] = {}

    # --- reading ---

    @property
    def values(self) -> tuple[_V, ...]:
        """All rows in order."""
        return tuple(self._values)

    def value(self, index: _Index) -> _V | None:
        """The value of an index of this model."""
        row = index.row()
        return self._values[row] if index.isValid() and 0 <= row < len(self._values) else None

    def row_of(self, key: Hashable) -> int | None:
        """The row of a key."""
        return self._places.get(key)

    def index_of(self, key: Hashable) -> QModelIndex:
        """The index of a key; an invalid one when there is none."""
        row = self._places.get(key)
        return QModelIndex() if row is None else self.index(row, 0)

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, D102, N802 - as Qt has it
        return 0 if parent.isValid() else len(self._values)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008, D102, N802 - as Qt has it
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not self.checkIndex(index, self.CheckIndexOption.IndexIsValid):
            return None
        value, column = self._values[index.row()], self._columns[index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return column.text(value)
            case Qt.ItemDataRole.TextAlignmentRole:
                side = Qt.AlignmentFlag.AlignRight if column.right else Qt.AlignmentFlag.AlignLeft
                return side | Qt.AlignmentFlag.AlignVCenter
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._spoken(value)
            case _:
                return self._own_role(value, column, role)

    def _own_role(self, value: _V, column: Column[_V], role: int) -> Any:
        if role == VALUE_ROLE:
            return value
        if role == KEY_ROLE:
            return self._key(value)
        if role == SORT_ROLE:
            return column.sort(value) if column.sort else column.text(value)
        return None

    def headerData(  # noqa: D102, N802 - as Qt has it
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self._columns):
            return None
        column = self._columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column.right else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    # --- changing ---

    def update_values(self, changed: Iterable[_V]) -> None:
        """Puts new values in place of those with the same keys, with one signal for all of them."""
        rows: list[int] = []
        for value in changed:
            row = self._places.get(self._key(value))
            if row is not None and self._values[row] != value:
                self._values[row] = value
                rows.append(row)
        if rows:
            last = len(self._columns) - 1
            self.dataChanged.emit(self.index(min(rows), 0), self.index(max(rows), last))

    def set_values(self, values: Iterable[_V]) -> None:
        """Makes the rows these, in this order: removes, inserts and moves only what differs."""
        wanted = list(values)
        keys = [self._key(value) for value in wanted]
        self._remove_all_but(set(keys))
        for place, (key, value) in enumerate(zip(keys, wanted, strict=True)):
            now = self._places.get(key)
            if now is None:
                self._insert(place, value)
            elif now != place:
                self._move(now, place)
        self.update_values(wanted)

    def append_values(self, values: Iterable[_V]) -> None:
        """Adds rows at the end."""
        new = list(values)
        if not new:
            return
        first = len(self._values)
        self.beginInsertRows(QModelIndex(), first, first + len(new) - 1)
        self._values += new
        self._places |= {self._key(value): first + at for at, value in enumerate(new)}
        self.endInsertRows()

    def _remove_all_but(self, kept: set[Hashable]) -> None:
        for row in reversed(range(len(self._values))):
            if self._key(self._values[row]) not in kept:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self._values[row]
                self._number(row)
                self.endRemoveRows()

    def _insert(self, row: int, value: _V) -> None:
        self.beginInsertRows(QModelIndex(), row, row)
        self._values.insert(row, value)
        self._number(row)
        self.endInsertRows()

    def _move(self, before: int, after: int) -> None:
        """Moves a row up; rows are put in order from the first on, so none ever moves down."""
        self.beginMoveRows(QModelIndex(), before, before, QModelIndex(), after)
        self._values.insert(after, self._values.pop(before))
        self._number(after)
        self.endMoveRows()

    def _number(self, start: int) -> None:
        if start == 0:
            self._places.clear()
        self._places = {key: row for key, row in self._places.items() if row < start}
        self._places |= {self._key(self._values[row]): row for row in range(start, len(self._values))}
