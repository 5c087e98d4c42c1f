"""The report's two forms say the same, add up, and survive hostile texts."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from gastown_desktop.core.charges import sums_of
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.ledger import Reserve, SetCap
from gastown_desktop.core.money import json_usd, usd
from gastown_desktop.engine.worth import Fleet, Question, ledger_with, report_of
from gastown_desktop.engine.worth_page import as_markdown, cell, dollars
from tests.told_convoy import CONVOY, ToldConvoy

BREAKDOWNS = ("by_role", "by_bead", "by_polecat", "by_model", "by_day")


def merged(*, rehearsal: bool = False) -> ToldConvoy:
    """One bead, merged for $1.50, of which a request of $0.50 was cut."""
    told = ToldConvoy("gt-a", rehearsal=rehearsal)
    told.stage(0, "running")
    told.sling(0, "gt-a", "Nux")
    told.assume(1, "gt-a Nux turn 1", "0.50", bead="gt-a", polecat="Nux")
    told.turn(5, 25, "gt-a", "Nux", 1, "1")
    told.submit(25, "gt-a", "Nux")
    told.merge(40, "gt-a")
    told.stage(40, "ready_to_land")
    return told


def report(told: ToldConvoy, fleet: Fleet | None = None, **question: Any) -> dict[str, Any]:
    return report_of(told.envelopes, told.records, fleet or Fleet(slots=2), Question(**question))


def test_money_is_the_ledgers_to_the_nano_dollar() -> None:
    told = merged()
    found, sums = report(told), sums_of(told.charges)
    assert found["cost"]["spent_usd"] == json_usd(sums.spent) == 1.5
    assert (found["cost"]["cap_usd"], found["cost"]["closing_reserve_usd"]) == (20.0, 1.0)
    for name in BREAKDOWNS:
        assert sum(usd(repr(line["spent_usd"])) for line in found[name]) == sums.spent
    layers = found["layers"]
    assert layers["list_price_usd"] + layers["assumed_usd"] == 1.5


def test_merged_work_has_no_price_by_landed_bead_and_landed_work_no_other() -> None:
    told = merged()
    cost = report(told)["cost"]
    assert (cost["per_landed_bead_usd"], cost["per_merged_bead_usd"]) == (None, 1.5)
    assert "1 merged bead, $1.50 each" in as_markdown(report(told))
    told.land(50)
    cost = report(told)["cost"]
    assert (cost["per_landed_bead_usd"], cost["per_merged_bead_usd"]) == (1.5, None)
    assert "1 landed bead, $1.50 each" in as_markdown(report(told))


def test_a_rehearsal_spent_nothing() -> None:
    found = report(merged(rehearsal=True), Fleet(slots=2, paced=False), hourly_rate=usd("90"))
    assert (found["cost"]["paid_usd"], found["cost"]["spent_usd"]) == (0.0, 1.5)
    text = as_markdown(found)
    assert "$0.00 spent · $1.50 at list price" in text
    assert "It would pay if it saves you more than 1 m 00 s at $90.00/h." in text
    assert "Not measured. The rehearsal did not wait for its model" in text


def test_saved_hours_are_told_only_where_they_are_asked_for() -> None:
    assert report(merged())["saved"] is None
    found = report(merged(), hourly_rate=usd("90"), hours=Fraction(1, 2))
    assert found["saved"] == {
        "hourly_rate_usd": 90.0,
        "break_even_hours": 0.0167,
        "hours": 0.5,
        "saved_usd": 43.5,
    }
    assert "It pays if it saves you more than 1 m 00 s at $90.00/h." in as_markdown(found)
    assert "Against 0.5 h of yours: $43.50 saved." in as_markdown(found)
    lost = report(merged(), hourly_rate=usd("1"), hours=Fraction(1, 2))
    assert "Against 0.5 h of yours: $1.00 lost." in as_markdown(lost)


def test_a_forecast_is_told_where_there_is_one() -> None:
    assert report(merged())["forecast"] is None
    found = report(merged(), forecast=(usd("1"), usd("2")))
    assert found["forecast"]["verdict"] == "within"
    assert "Forecast $1.00 to $2.00 (P50–P90), actual $1.50: between P50 and P90." in as_markdown(found)


def test_speed_and_waste_are_told_in_words() -> None:
    text = as_markdown(report(merged()))
    assert "0.50 times as fast: 20 s of work on beads in 40 s" in text
    assert "Idle: 75 % of 2 places" in text
    assert "gt-a $0.50" in text
    assert "1 bead begun, 1 merged, 0 landed" in text


def test_a_convoy_that_nobody_began_costs_nothing() -> None:
    told = ToldConvoy("gt-a")
    text = as_markdown(report_of(told.envelopes, (), Fleet(), Question()))
    assert "**$0.00 spent** · nothing is merged yet" in text
    assert "Not measured. No turn of a worker has ended." in text


def test_work_without_its_ledger_is_refused_and_not_called_free() -> None:
    told = merged()
    with pytest.raises(Refused, match="nobody knows what it cost"):
        report_of(told.envelopes, (), Fleet(), Question())
    with pytest.raises(Refused, match="empty"):
        report_of([], told.records, Fleet(), Question())


def test_other_convoys_in_the_same_ledger_do_not_count() -> None:
    told = merged()
    others = [replace(one, id=f"x{one.id}") for one in merged().records if not isinstance(one, SetCap)]
    renamed = [replace(one, scopes=("convoy:cv-2",)) if isinstance(one, Reserve) else one for one in others]
    both = [*told.records, *renamed]
    assert report_of(told.envelopes, both, Fleet(), Question())["cost"]["spent_usd"] == 1.5


def test_the_ledger_is_the_one_that_knows_the_convoy() -> None:
    records = merged().records
    assert ledger_with(CONVOY, [[], records]) is records
    assert ledger_with(ConvoyId("cv-2"), [[], records]) == ()


def test_hostile_titles_stay_one_cell() -> None:
    assert cell("a | b\n# c <img src=x> [d](http://e) `f`") == (
        r"a \| b # c \<img src=x\> \[d\](http://e) \`f\`"
    )


def test_a_dollar_is_shown_as_everywhere() -> None:
    assert [dollars(one) for one in (None, 0.0, 0.0096, 1.5, 1234.5)] == [
        "–",
        "$0.00",
        "$0.0096",
        "$1.50",
        "$1,234.50",
    ]
