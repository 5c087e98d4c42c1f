"""The evidence page says what the report says: plainly where something is wrong."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QLineEdit, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from gastown_desktop.ui.evidence.page import EvidencePage
from gastown_desktop.ui.evidence.report import (
    alarms_of,
    bound_of,
    conflicts_of,
    costs_of,
    figures_of,
    knee_of,
    oracle_of,
    spent_of,
    title_of,
    tokens_of,
)

LEFT = Qt.MouseButton.LeftButton
TREE, OTHER = "8df0550c94" + "0" * 30, "1111111111" + "0" * 30


def size(workers: int, speedup: float) -> dict[str, Any]:
    return {"workers": workers, "makespan_s": round(7_200 / speedup, 1), "speedup": speedup}


def plan(knee: int = 5) -> dict[str, Any]:
    return {
        "independent": 9,
        "critical_path": 3,
        "waves": [9, 2, 1],
        "fleet_sizes": [size(1, 1.0), size(2, 2.0), size(4, 3.6), size(8, 4.0), size(30, 4.0)],
        "fit": {"verdict": "partly", "knee": knee, "reasons": ["9 of 12 beads wait for nothing."]},
        "at_knee": size(knee, 3.9),
        "work_s": 7_200.0,
        "line_s": 1_756.0,
    }


def report(**changes: Any) -> dict[str, Any]:
    predicted = plan()
    made: dict[str, Any] = {
        "convoy": "cv-1",
        "plan": "true",
        "base": "43874e8cbd29",
        "tip": "408029070520",
        "expected_tree": TREE,
        "landed_tree": TREE,
        "tree_equal": True,
        "beads": 12,
        "independent": 10,
        "critical_path": 2,
        "merged": 12,
        "needs_you": [],
        "conflicts": 1,
        "conflicting_alone": 2,
        "conflict_pairs": [
            {"bead": "b3", "earlier": "b1", "paths": ["lib/crate.sh"]},
            {"bead": "b3", "earlier": "b2", "paths": ["lib/crate.sh", "bin/harbor"]},
        ],
        "resolver_runs": 1,
        "titles": {"b1": "Read the weight", "b2": "Offer upper", "b3": "<b>Merge</b>"},
        "silent_differences": [
            {
                "bead": "b3",
                "earlier": ["b1"],
                "paths": ["config.toml"],
                "lines": [" [retry]", "-attempts = 3", "+attempts = 5"],
            }
        ],
        "rework": 0,
        "gates": [{"name": "tests", "sees": True, "flips": 0, "known_runs": 8, "quarantined": False}],
        "gate_sees": True,
        "gate_reason": "tests is red with lib/list.sh broken.",
        "base_green": True,
        "list_price_usd": 52.49,
        "cost_by_model": {"claude-fable-5-2": 98.29, "claude-opus-5-5": 52.49},
        "user_repo_untouched": True,
        "fleet_sizes": predicted["fleet_sizes"],
        "fit": predicted["fit"],
        "plans": {"predicted": predicted},
        "hot_spots": [{"path": "bin/harbor", "beads": 3}],
        "proposed_config": "",
        "assumptions": ["A token is four bytes."],
        "tokens": {"prompt": 38_000_000, "cached": 33_440_000, "reply": 1_150_000},
        "prices_dated": "2026-11-20",
    }
    return {**made, **changes}


def shown(qtbot: QtBot, result: dict[str, Any], width: int = 1080) -> EvidencePage:
    page = EvidencePage(result, branch="main")
    qtbot.addWidget(page)
    page.resize(width, 732)
    page.show()
    return page


def said(page: QWidget) -> str:
    names = [one.accessibleName() for one in page.findChildren(QWidget)]
    texts = [one.text() for one in page.findChildren(QWidget) if hasattr(one, "text")]  # pyright: ignore[reportAttributeAccessIssue]
    return "\n".join([*names, *texts])


def test_the_oracle_is_the_first_line(qtbot: QtBot) -> None:
    assert "The rehearsed tree equals your history, bit for bit, 8df0550 = 8df0550." in said(
        shown(qtbot, report())
    )


@pytest.mark.parametrize(
    ("changes", "good", "begins"),
    [
        ({"tree_equal": False, "landed_tree": OTHER}, False, "The rehearsed tree differs"),
        ({"tree_equal": False, "landed_tree": None}, False, "The rehearsed tree differs"),
        (
            {
                "tree_equal": False,
                "landed_tree": OTHER,
                "plan": "predicted",
                "check": {"ok": True, "differences": [{"path": "a.txt"}]},
            },
            True,
            "Every landing is what git merges, but not as in your history: a.txt",
        ),
    ],
)
def test_another_tree_is_said_to_be_another(changes: dict[str, Any], good: bool, begins: str) -> None:
    oracle = oracle_of(report(**changes))
    assert oracle.good is good
    assert oracle.words.startswith(begins)
    assert "≠" in oracle.ids


def test_the_six_figures() -> None:
    assert [(one.name, one.value, one.words) for one in figures_of(report())] == [
        ("Beads", "12", "43874e8 to 4080290"),
        ("Could start at once", "9", "depend on nothing"),
        ("Longest line", "3", "beads, one after another"),
        ("Time with 5 workers", "30 m", "2 h with one"),
        ("Conflicts", "2 pairs", "1 solved by order, 1 by a resolver"),
        ("Sent back", "0 rounds", "nothing came back"),
    ]


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        ({"base_green": False, "gate_reason": "tests is red."}, "Rehearsed without gates, as the base is"),
        ({"gates": []}, "No gate ran, so nothing was tested"),
        ({"gate_sees": False, "gate_reason": ""}, "The gates see nothing"),
        ({"merged": 11, "needs_you": [{"item": "x", "about": "red", "bead": "b3", "text": "Red."}]}, "11 of"),
        ({"user_repo_untouched": False}, "Your repository changed"),
    ],
)
def test_what_must_not_be_overlooked_is_said_plainly(
    qtbot: QtBot, changes: dict[str, Any], begins: str
) -> None:
    result = report(**changes)
    assert [text for text in alarms_of(result) if text.startswith(begins)]
    assert begins in said(shown(qtbot, result))


def test_a_good_rehearsal_alarms_nobody() -> None:
    assert alarms_of(report()) == []


@pytest.mark.parametrize(
    ("verdict", "words"),
    [("parallel", "Fits a fleet:"), ("partly", "Fits a fleet partly:"), ("serial", "Does not fit a fleet:")],
)
def test_the_verdict_is_said_in_words(qtbot: QtBot, verdict: str, words: str) -> None:
    result = report()
    result["fit"] = {**result["fit"], "verdict": verdict}
    texts = said(shown(qtbot, result))
    assert f"fit: {verdict}" in texts
    assert words in texts


def test_the_lines_of_a_silent_difference_are_shown_on_demand(qtbot: QtBot) -> None:
    page = shown(qtbot, report())
    box = page.silent.boxes[0]
    assert box.button.text() == "Show the 2 lines"
    assert not box.lines.isVisible()
    qtbot.mouseClick(box.button, LEFT)
    assert box.lines.isVisible()
    assert box.lines.text().endswith("+attempts = 5")
    qtbot.mouseClick(box.button, LEFT)
    assert not box.lines.isVisible()


def test_no_silent_difference_is_good_news(qtbot: QtBot) -> None:
    assert "None: what merged without" in said(shown(qtbot, report(silent_differences=[])))


def test_planning_is_wanted_with_the_suggested_fleet(qtbot: QtBot) -> None:
    page = shown(qtbot, report())
    assert page.plan.text() == "Plan with 5 workers"
    with qtbot.waitSignal(page.plan_wanted) as wanted:
        qtbot.mouseClick(page.plan, LEFT)
    assert wanted.args == [5]


def test_the_report_goes_into_the_folder_that_is_chosen(qtbot: QtBot, tmp_path: Path) -> None:
    page = shown(qtbot, report())
    qtbot.mouseClick(page.export, LEFT)
    dialog = page.findChild(QFileDialog)
    assert dialog is not None
    field = dialog.findChild(QLineEdit)
    assert field is not None
    field.setText(str(tmp_path))
    with qtbot.waitSignal(page.export_wanted) as wanted:
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert wanted.args == [tmp_path]


def test_the_knee_is_read_off_the_curve_of_an_older_report() -> None:
    result = report()
    old = deepcopy(result["plans"])
    del old["predicted"]["at_knee"]
    point = knee_of(report(plans=old))
    assert 3.6 < point.speedup < 4.0
    assert point.workers == 5


def test_a_bound_that_the_curve_passes_is_no_bound() -> None:
    assert bound_of(report()) == (
        pytest.approx(4.1, abs=0.01),
        "bound of this history, 2 h of work / 29 m in line = 4.1×",
    )
    old = {"predicted": {**plan(), "line_s": None, "critical_path": 4}}
    assert bound_of(report(plans=old)) is None


def test_costs_are_for_every_model_and_the_used_one_is_marked() -> None:
    fable, opus = costs_of(report())
    assert (fable.figure, fable.note, fable.share, fable.marked) == ("$98.29", "$8.19 a bead", 1.0, False)
    assert opus.marked
    assert spent_of(report()) == "$0.00 spent, $52.49 at list price with Opus 5.5"
    assert tokens_of(report()).replace("\N{NO-BREAK SPACE}", " ") == (
        "38.00 M tokens in, 88 % cached, 1.15 M out. Prices of 20 Nov 2026"
    )


def test_conflicts_name_what_meets_and_where(qtbot: QtBot) -> None:
    assert conflicts_of(report()) == [
        ("<b>Merge</b>", "meets Read the weight, Offer upper in lib/crate.sh, bin/harbor")
    ]
    assert "<b>Merge</b>" in said(shown(qtbot, report()))


def test_the_title_says_whose_commits() -> None:
    assert title_of(report(), "main") == "Rehearsal, last 12 commits of main"
    assert title_of(report(beads=1), "") == "Rehearsal, last 1 commit"


@pytest.mark.parametrize("width", [640, 1080, 2000])
def test_nothing_stands_outside_a_window_of_any_width(qtbot: QtBot, width: int) -> None:
    page = shown(qtbot, report(), width)
    area = page.findChild(QScrollArea)
    assert area is not None
    content = area.widget()
    qtbot.waitUntil(lambda: content.width() == area.viewport().width())
    assert page.minimumSizeHint().width() <= 720


@pytest.mark.parametrize("waves", [[1], [1] * 40, [200, 1]], ids=["one", "forty", "a wide one"])
@pytest.mark.parametrize("knee", [1, 30])
def test_any_shape_of_work_can_be_painted(qtbot: QtBot, waves: list[int], knee: int) -> None:
    shape = {**plan(knee), "waves": waves}
    result = report(plans={"predicted": shape}, fit=shape["fit"])
    assert not shown(qtbot, result).grab().isNull()
