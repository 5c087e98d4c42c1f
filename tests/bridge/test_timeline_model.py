from __future__ import annotations

import pytest
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.models.timeline import ConvoysModel, Filter, TimelineModel, convoy_rows
from tests.bridge.town import (
    NUX,
    SLIT,
    A,
    B,
    begun,
    merged,
    needs,
    shown,
    slung,
    submitted,
    then,
    turned,
)


def words(model: TimelineModel) -> list[str]:
    return [row.told.what for row in model.values]


def test_the_models_keep_qts_rules(qtmodeltester: ModelTester) -> None:
    view = shown(*begun(A, B), slung(A))
    model, convoys = TimelineModel(view), ConvoysModel()
    model.catch_up()
    convoys.set_values(convoy_rows(view))
    qtmodeltester.check(model)
    qtmodeltester.check(convoys)
    then(view, turned(A))
    model.catch_up()
    convoys.set_values(convoy_rows(view))
    qtmodeltester.check(model)
    qtmodeltester.check(convoys)


def test_the_newest_comes_first_and_only_new_rows_are_inserted(qtbot: QtBot) -> None:
    view = shown(*begun(A), slung(A))
    model = TimelineModel(view)
    model.catch_up()
    inserted: list[tuple[int, int]] = []
    model.rowsInserted.connect(lambda _, first, last: inserted.append((first, last)))
    then(view, turned(A), submitted(A))
    model.catch_up()
    assert words(model)[:3] == ["Nux submitted", "Nux ended turn 1", "Nux started"]
    assert inserted == [(0, 1)]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(worker=SLIT), ["Slit started"]),
        (Filter(bead=A), ["Nux merged", "Nux submitted", "Nux ended turn 1", "Nux started", "Bead added"]),
        (Filter(kind="Turns"), ["Nux ended turn 1"]),
        (Filter(worker=NUX, kind="Workers"), ["Nux submitted", "Nux started"]),
        (Filter(text="added DO gt-b"), ["Bead added"]),
        (Filter(text="nothing of the kind"), []),
    ],
)
def test_filters(wanted: Filter, found: list[str], qtbot: QtBot) -> None:
    events = [*begun(A, B), slung(A), slung(B, SLIT), turned(A), submitted(A), merged(A)]
    model = TimelineModel(shown(*events))
    model.catch_up()
    model.set_filter(wanted)
    assert words(model) == found
    assert model.matching == len(found)


def test_what_comes_later_is_filtered_as_well(qtbot: QtBot) -> None:
    view = shown(*begun(A, B), slung(A), slung(B, SLIT))
    model = TimelineModel(view)
    model.set_filter(Filter(kind="You"))
    model.catch_up()
    assert words(model) == []
    then(view, turned(A), needs("q"))
    model.catch_up()
    assert words(model) == ["Nux asks"]


def test_another_repository_begins_a_new_timeline(qtbot: QtBot) -> None:
    view = shown(*begun(A))
    model = TimelineModel(view)
    model.catch_up()
    view.forget()
    model.catch_up()
    assert model.rowCount() == 0


def test_convoys_say_how_far_they_are(qtbot: QtBot) -> None:
    (row,) = convoy_rows(shown(*begun(A, B), slung(A), turned(A), submitted(A), merged(A)))
    assert (row.count, row.cost, row.stage) == ("1 of 2", 10, "draft")
