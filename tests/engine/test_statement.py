from __future__ import annotations

import csv
import io
from datetime import UTC
from typing import Any

from gastown_desktop.core.money import usd
from gastown_desktop.engine.statement import (
    Book,
    statement_as_csv,
    statement_as_markdown,
    statement_of,
)
from tests.told_convoy import ToldConvoy

HOURS = 3600


def books() -> list[Book]:
    """November: $1.75 of two models paid and $2 rehearsed; a request of December; one that is held."""
    told = ToldConvoy("gt-a")
    told.settle(0, "gt-a Nux turn 1", "1", bead="gt-a", provider="anthropic", key="work")
    told.settle(0, "Mayor turn 1", "0.50", role="mayor", model="claude-fable-5-2")
    told.assume(1, "gt-a Nux turn 2", "0.25", bead="gt-a")
    told.reserve(2, "gt-a Nux turn 3", "3", bead="gt-a")
    told.settle(7 * 24 * HOURS, "gt-a Nux turn 4", "8", bead="gt-a")
    rehearsed = ToldConvoy("gt-b")
    rehearsed.settle(0, "gt-b Nux turn 1", "2", bead="gt-b")
    return [
        Book(records=told.records, rehearsal=False, rig_of={"cv-1": "=calc-0a1b2c"}),
        Book(records=rehearsed.records, rehearsal=True, rig_of={"cv-1": "harbor-9c1f66"}),
    ]


def statement(month: str = "2026-11", rig: str | None = None) -> dict[str, Any]:
    return statement_of(month, books(), rig=rig, zone=UTC)


def test_a_month_counts_its_own_days_and_keeps_rehearsals_apart() -> None:
    found = statement()
    paid, rehearsed = found["paid"]["total"], found["rehearsed"]["total"]
    assert (paid["settled_usd"], paid["assumed_usd"], paid["held_usd"]) == (1.5, 0.25, 3.0)
    assert (rehearsed["settled_usd"], rehearsed["requests"]) == (2.0, 1)
    assert statement("2026-12")["paid"]["total"]["settled_usd"] == 8.0
    assert statement("2026-10")["paid"]["lines"] == []


def test_every_way_to_share_it_out_adds_up() -> None:
    part = statement()["paid"]
    for name in ("by_origin", "by_rig", "by_convoy", "by_model", "lines"):
        assert sum(usd(repr(line["settled_usd"])) for line in part[name]) == usd("1.50")
    assert [line["name"] for line in part["by_origin"]] == ["not recorded", "anthropic work"]
    assert [line["name"] for line in part["by_model"]] == ["claude-opus-5-5", "claude-fable-5-2"]


def test_a_statement_of_one_rig_leaves_the_others_out() -> None:
    found = statement(rig="harbor-9c1f66")
    assert found["paid"]["lines"] == []
    assert [line["convoy"] for line in found["rehearsed"]["lines"]] == ["cv-1"]


def test_csv_has_every_line_and_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(statement_as_csv(statement()))))
    assert sum(usd(row["settled_usd"]) for row in rows if row["part"] == "paid") == usd("1.50")
    assert {row["rig"] for row in rows} == {"'=calc-0a1b2c", "harbor-9c1f66"}
    assert {row["origin"] for row in rows} == {"anthropic work", "not recorded", "stand-in"}
    assert {row["month"] for row in rows} == {"2026-11"}


def test_markdown_says_what_was_spent_and_what_was_not() -> None:
    text = statement_as_markdown(statement())
    assert "**$1.75 spent** · $3.00 held · rehearsals: $0.00 spent · $2.00 at list price" in text
    assert "| anthropic work | =calc-0a1b2c | cv-1 | claude-opus-5-5 | 1 | $1.00 | $0.00 | $0.00 |" in text
    assert "| **spent** |  |  |  | 4 | $1.50 | $0.25 | $3.00 |" in text
    assert "## " not in statement_as_markdown(statement("2026-10"))
