from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from gastown_desktop.engine.evidence_page import as_page

RESULT: dict[str, Any] = {
    "base": "a" * 40,
    "tip": "b" * 40,
    "beads": 3,
    "independent": 2,
    "critical_path": 2,
    "merged": 3,
    "conflicting_alone": 1,
    "rework": 0,
    "gate_runs": 2,
    "gate_cached": 1,
    "gates": [
        {
            "name": "<b>tests</b>",
            "sees": True,
            "runs": 2,
            "known_runs": 14,
            "flips": 2,
            "flake_rate": 0.1,
            "reds_needed": 8,
            "quarantined": True,
        }
    ],
    "gate_sees": True,
    "user_repo_untouched": True,
    "expected_tree": "c" * 40,
    "landed_tree": "c" * 40,
    "tree_equal": True,
    "list_price_usd": 1.25,
    "fit": {"verdict": "partly", "knee": 4, "reasons": ["2 of 3 beads wait for nothing."]},
    "fleet_sizes": [
        {"workers": n, "makespan_s": 60.0 / n, "speedup": float(n)} for n in (1, 2, 4, 8, 16, 30)
    ],
    "plans": {
        kind: {
            "independent": 2,
            "critical_path": 2,
            "waves": [2, 1],
            "fit": {"knee": 4},
            "fleet_sizes": [{"workers": 30, "makespan_s": 2.0, "speedup": 3.0}],
        }
        for kind in ("true", "predicted", "none")
    },
    "cost_by_model": {"claude-opus-5-5": 1.25, "claude-haiku-5-5": 0.0},
    "silent_differences": [
        {"bead": "x-2", "earlier": ["x-1"], "paths": ["<script>alert(1)</script>"], "lines": ["-<img src=x>"]}
    ],
    "conflict_pairs": [{"bead": "x-2", "earlier": "x-1", "paths": ["<iframe>"]}],
    "titles": {"x-1": "<script>1</script>", "x-2": "Two"},
    "resolver_runs": 1,
    "conflicts": 1,
    "resolutions": [{"cost_usd": 0.25}],
    "plan": "none",
    "proposed_config": 'union = ["<i>CHANGES</i>"]\n',
    "hot_spots": [{"path": "caf\udce9", "beads": 2}],
    "needs_you": [{"bead": "x-1", "about": "question", "text": "<img src=x onerror=alert(1)>"}],
    "assumptions": ["A token is four bytes."],
}


class Tags(HTMLParser):
    """Collects the names of all elements."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)


def test_text_of_the_repository_is_never_markup() -> None:
    tags = Tags()
    tags.feed(as_page(RESULT))
    assert "svg" in tags.names
    assert not tags.names & {"script", "img", "link", "iframe", "i"}


def test_page_says_the_verdict_and_shows_undecodable_names() -> None:
    page = as_page(RESULT)
    assert "Fit: partly" in page
    assert "caf\\xe9" in page.replace("\\udce9", "\\xe9")
    page.encode()


def test_page_of_an_unfinished_rehearsal_says_so() -> None:
    page = as_page({**RESULT, "tree_equal": False, "landed_tree": None})
    assert "differs from your history" in page
    assert "≠" in page


def test_page_of_work_that_costs_nothing_has_no_division_by_zero() -> None:
    assert "$0.00" in as_page({**RESULT, "cost_by_model": {"free": 0.0}})


def test_page_names_who_meets_where_and_what_resolving_cost() -> None:
    page = as_page(RESULT)
    assert "1 resolver settled 1 conflict for $0.25" in page
    assert "x-2 Two" in page
    assert "&lt;iframe&gt;" in page


def test_page_of_a_plan_that_need_not_equal_history_says_what_differs() -> None:
    checked = {"ok": True, "differences": [{"path": "pyproject.toml"}]}
    page = as_page({**RESULT, "tree_equal": False, "check": checked})
    assert "Every landing is what git merges" in page
    assert "pyproject.toml" in page
