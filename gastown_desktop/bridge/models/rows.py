"""A table of keyed values that changes as little as it can: one signal per tick where nothing moved."""

from __future__ import annotations

from bisect import bisect_left
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


@dataclass(frozen=True)
class Column(Generic[_V]):
    """One column; without slots, into which `Column[Card](…)` could not write what it was made as."""

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
        value = self.value(index)
        if value is None or index.column() >= len(self._columns):
            return None
        column = self._columns[index.column()]
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
        """Makes the rows these, in this order: removes, moves and inserts only what differs.

        Neighbours come and go with one signal, and what moves does so once.
        """
        wanted = list(values)
        keys = [self._key(value) for value in wanted]
        self._remove_all_but(set(keys))
        self._put_in_order([key for key in keys if key in self._places])
        place = 0
        while place < len(wanted):
            end = place
            while end < len(wanted) and keys[end] not in self._places:
                end += 1
            if end > place:
                self._insert(place, wanted[place:end])
            place = end + 1
        self.update_values(wanted)

    def _remove_all_but(self, kept: set[Hashable]) -> None:
        end = len(self._values)
        while end:
            if self._key(self._values[end - 1]) in kept:
                end -= 1
                continue
            first = end - 1
            while first and self._key(self._values[first - 1]) not in kept:
                first -= 1
            self._remove(first, end)
            end = first

    def _remove(self, first: int, end: int) -> None:
        self.beginRemoveRows(QModelIndex(), first, end - 1)
        for value in self._values[first:end]:
            del self._places[self._key(value)]
        del self._values[first:end]
        self._number(first, len(self._values))
        self.endRemoveRows()

    def _insert(self, row: int, values: list[_V]) -> None:
        self.beginInsertRows(QModelIndex(), row, row + len(values) - 1)
        self._values[row:row] = values
        self._number(row, len(self._values))
        self.endInsertRows()

    def _put_in_order(self, keys: list[Hashable]) -> None:
        """Moves rows until they stand as their keys do; each goes behind the one that it follows."""
        staying = _longest_rise([self._places[key] for key in keys])
        for place, key in enumerate(keys):
            now = self._places[key]
            if now not in staying:
                after = self._places[keys[place - 1]] + 1 if place else 0
                self._move(now, after)
                staying = {_moved(row, now, after) for row in staying} | {self._places[key]}

    def _move(self, before: int, after: int) -> None:
        """Moves a row in front of another one, as Qt counts: both as they stood before."""
        if after in {before, before + 1}:
            return
        self.beginMoveRows(QModelIndex(), before, before, QModelIndex(), after)
        value = self._values.pop(before)
        self._values.insert(after - (after > before), value)
        self._number(min(before, after), max(before + 1, after))
        self.endMoveRows()

    def _number(self, first: int, end: int) -> None:
        for row in range(first, end):
            self._places[self._key(self._values[row])] = row


def _moved(row: int, before: int, after: int) -> int:
    """Where a row stands once another has moved."""
    if before < row < after:
        return row - 1
    return row + 1 if after <= row < before else row


def _longest_rise(rows: list[int]) -> set[int]:
    """A longest rising subsequence: these rows may stay where they are while the others move around them."""
    ends: list[int] = []
    """The smallest row at which a rise of each length ends, as a place in `rows`."""
    before: list[int | None] = []
    for place, row in enumerate(rows):
        length = bisect_left(ends, row, key=rows.__getitem__)
        before.append(ends[length - 1] if length else None)
        ends[length : length + 1] = [place]
    found, at = set[int](), ends[-1] if ends else None
    while at is not None:
        found.add(rows[at])
        at = before[at]
    return found
