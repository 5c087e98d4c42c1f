from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.models.rows import KEY_ROLE, SORT_ROLE, VALUE_ROLE, Column, RowsModel


@dataclass(frozen=True, slots=True)
class Thing:
    """A row of the tests."""

    name: str
    size: int = 0


COLUMNS = (
    Column[Thing]("Name", lambda thing: thing.name),
    Column[Thing]("Size", lambda thing: str(thing.size), right=True, sort=lambda thing: thing.size),
)


def model_of(*things: Thing) -> RowsModel[Thing]:
    model = RowsModel(COLUMNS, lambda thing: thing.name, lambda thing: f"{thing.name}, size {thing.size}")
    model.set_values(things)
    return model


def things(names: str, size: int = 0) -> list[Thing]:
    return [Thing(name, size) for name in names]


class Signals:
    """Counts what a view would have to do."""

    def __init__(self, model: RowsModel[Thing]) -> None:
        self.said: list[str] = []
        model.dataChanged.connect(lambda first, last: self.said.append(f"data {first.row()}-{last.row()}"))
        model.rowsInserted.connect(lambda _, first, last: self.said.append(f"in {first}-{last}"))
        model.rowsRemoved.connect(lambda _, first, last: self.said.append(f"out {first}-{last}"))
        model.rowsMoved.connect(lambda _, a, b, __, to: self.said.append(f"move {a}-{b} {to}"))
        model.modelReset.connect(lambda: self.said.append("reset"))


def test_the_model_keeps_qts_rules(qtmodeltester: ModelTester) -> None:
    model = model_of(*things("abcd"))
    qtmodeltester.check(model)
    model.set_values(things("dxab"))
    qtmodeltester.check(model)


def test_a_row_shows_sorts_aligns_and_speaks_by_its_columns(qtbot: QtBot) -> None:
    model = model_of(Thing("a", 10))
    index = model.index(0, 1)
    assert model.data(index) == "10"
    assert model.data(index, SORT_ROLE) == 10
    assert model.data(model.index(0, 0), SORT_ROLE) == "a"
    assert model.data(index, VALUE_ROLE) == Thing("a", 10)
    assert model.data(index, KEY_ROLE) == "a"
    assert model.data(index, Qt.ItemDataRole.AccessibleTextRole) == "a, size 10"
    assert model.data(index, Qt.ItemDataRole.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight
    assert model.data(index, Qt.ItemDataRole.DecorationRole) is None
    assert model.data(QModelIndex()) is None
    assert model.headerData(1, Qt.Orientation.Horizontal) == "Size"
    assert model.headerData(2, Qt.Orientation.Horizontal) is None
    assert model.headerData(0, Qt.Orientation.Vertical) is None


def test_values_and_rows_are_found_by_key(qtbot: QtBot) -> None:
    model = model_of(*things("ab"))
    assert model.row_of("b") == 1
    assert model.row_of("z") is None
    assert model.value(model.index_of("b")) == Thing("b")
    assert not model.index_of("z").isValid()
    assert model.value(QModelIndex()) is None


def test_new_values_in_old_places_are_one_signal(qtbot: QtBot) -> None:
    model = model_of(*things("abcde"))
    signals = Signals(model)
    model.update_values([Thing("d", 9), Thing("b", 9), Thing("a"), Thing("z", 9)])
    assert signals.said == ["data 1-3"]


def test_the_same_values_again_are_no_signal(qtbot: QtBot) -> None:
    model = model_of(*things("abc"))
    signals = Signals(model)
    model.set_values(things("abc"))
    model.update_values(things("ca"))
    assert signals.said == []


def test_one_that_moved_is_one_move(qtbot: QtBot) -> None:
    model = model_of(*things("abcd"))
    signals = Signals(model)
    model.set_values(things("dabc"))
    assert signals.said == ["move 3-3 0"]


def test_one_that_sank_is_one_move(qtbot: QtBot) -> None:
    model = model_of(*things("abcdef"))
    signals = Signals(model)
    model.set_values(things("bcdefa"))
    assert signals.said == ["move 0-0 6"]


def test_neighbours_come_and_go_together(qtbot: QtBot) -> None:
    model = model_of(*things("abcdef"))
    signals = Signals(model)
    model.set_values(things("axyzef"))
    assert signals.said == ["out 1-3", "in 1-3"]


def test_rows_are_appended_with_one_signal_and_found(qtbot: QtBot) -> None:
    model = model_of(*things("ab"))
    signals = Signals(model)
    model.set_values(things("abcd"))
    assert signals.said == ["in 2-3"]
    assert [model.row_of(name) for name in "abcd"] == [0, 1, 2, 3]


_NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(before=_NAMES, after=_NAMES, grown=st.sets(st.sampled_from("abcdefgh")))
def test_from_any_rows_to_any_rows_ends_right_and_indexes_follow(
    before: list[str], after: list[str], grown: set[str]
) -> None:
    model = model_of(*things("".join(before)))
    mirror = Mirror(model)
    held = {name: QPersistentModelIndex(model.index_of(name)) for name in before}
    wanted = [Thing(name, 1 if name in grown else 0) for name in after]
    model.set_values(wanted)
    assert list(model.values) == wanted
    assert mirror.values == wanted
    assert [model.row_of(name) for name in after] == list(range(len(after)))
    for name, index in held.items():
        assert index.isValid() is (name in after)
        if index.isValid():
            assert model.data(model.index(index.row(), 0), KEY_ROLE) == name


class Mirror:
    """A view that believes nothing but the signals."""

    def __init__(self, model: RowsModel[Thing]) -> None:
        self.model = model
        self.values = list(model.values)
        model.dataChanged.connect(self.change)
        model.rowsInserted.connect(self.insert)
        model.rowsRemoved.connect(self.remove)
        model.rowsMoved.connect(self.move)

    def change(self, first: QModelIndex, last: QModelIndex) -> None:
        for row in range(first.row(), last.row() + 1):
            self.values[row] = self.model.values[row]

    def insert(self, _parent: QModelIndex, first: int, last: int) -> None:
        self.values[first:first] = self.model.values[first : last + 1]

    def remove(self, _parent: QModelIndex, first: int, last: int) -> None:
        del self.values[first : last + 1]

    def move(self, _parent: QModelIndex, first: int, last: int, _to: QModelIndex, before: int) -> None:
        moved = self.values[first : last + 1]
        del self.values[first : last + 1]
        at = before if before <= first else before - len(moved)
        self.values[at:at] = moved
