"""Figures that were reckoned by hand, of one told convoy and of small ones."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gastown_desktop.core.money import usd
from gastown_desktop.core.usage import Usage
from gastown_desktop.core.worth import Forecast, Waits, Worth, saved_of, worth_of
from tests.told_convoy import ToldConvoy


def worth(told: ToldConvoy, slots: int | None = 2, *, paced: bool = True) -> Worth:
    return worth_of(told.envelopes, told.charges, slots=slots, paced=paced)


@pytest.fixture
def two_beads() -> ToldConvoy:
    """Two workers at once, a red gate, a question of 50 s, a request that was cut, a Mayor; lands at 200.

    Nux works 20 s on gt-a, and 10 s more after the red; Slit works 30 s on gt-b. It runs from 0 to 100.
    """
    told = ToldConvoy("gt-a", "gt-b")
    told.settle(-10, "Mayor turn 1", "0.50", role="mayor")
    told.stage(0, "running")
    told.sling(0, "gt-a", "Nux")
    told.sling(0, "gt-b", "Slit")
    told.turn(0, 20, "gt-a", "Nux", 1, "1")
    told.submit(20, "gt-a", "Nux")
    told.merge_state(25, "gt-a", "red")
    told.reopen(25, "gt-a")
    told.assume(26, "gt-b Slit turn 1", "0.25", bead="gt-b", polecat="Slit")
    told.turn(0, 30, "gt-b", "Slit", 1, "2")
    told.need(30, "gt-b:question:1", "question", "gt-b")
    told.sling(40, "gt-a", "Nux", turn=1)
    told.turn(40, 50, "gt-a", "Nux", 2, "0.40")
    told.submit(50, "gt-a", "Nux")
    told.merge(60, "gt-a")
    told.answer(80, "gt-b:question:1")
    told.sling(80, "gt-b", "Slit", turn=1)
    told.submit(80, "gt-b", "Slit")
    told.merge(100, "gt-b")
    told.stage(100, "ready_to_land")
    told.land(200)
    return told


def test_what_it_cost_is_shared_out_over_what_landed(two_beads: ToldConvoy) -> None:
    found = worth(two_beads)
    assert found.sums.settled == usd("3.90")
    assert found.sums.assumed == usd("0.25")
    assert found.per_bead == usd("2.075")


def test_a_share_is_rounded_to_the_nearest_nano_dollar() -> None:
    told = ToldConvoy("gt-a", "gt-b", "gt-c")
    told.settle(0, "gt-a Nux turn 1", "0.000000002", bead="gt-a", polecat="Nux")
    for bead in ("gt-a", "gt-b", "gt-c"):
        told.submit(1, bead, "Nux")
        told.merge(2, bead)
    assert worth(told).per_bead == 1
    assert worth(ToldConvoy("gt-a")).per_bead is None


def test_waste_is_told_by_kind_and_bead(two_beads: ToldConvoy) -> None:
    found = worth(two_beads)
    assert [(one.kind, one.sums.spent, one.by_bead) for one in found.wasted] == [
        ("assumed", usd("0.25"), {"gt-b": usd("0.25")}),
        ("rework", usd("0.40"), {"gt-a": usd("0.40")}),
    ]
    assert found.wasted_total == usd("0.65")


def test_every_breakdown_adds_up_to_the_whole(two_beads: ToldConvoy) -> None:
    found = worth(two_beads)
    assert {name: one.spent for name, one in found.by_role.items()} == {
        "Workers": usd("3.65"),
        "Mayor": usd("0.50"),
    }
    assert {name: one.spent for name, one in found.by_polecat.items()} == {
        "Slit": usd("2.25"),
        "Nux": usd("1.40"),
        "other": usd("0.50"),
    }
    for lines in (found.by_role, found.by_bead, found.by_polecat, found.by_model, found.by_day):
        assert sum(one.spent for one in lines.values()) == found.sums.spent
        assert sum(one.requests for one in lines.values()) == found.sums.requests == 5


@pytest.mark.parametrize(
    ("scopes", "what", "role"),
    [
        ({"role": "mayor"}, "Mayor turn 1", "Mayor"),
        ({"role": "warming"}, "Warming the cache for 6 workers", "Warming"),
        ({"role": "reviewer", "bead": "gt-a"}, "gt-a review", "Reviewers"),
        ({"role": "title"}, "A title", "other"),
        ({"bead": "gt-a", "polecat": "Nux"}, "gt-a Nux turn 1", "Workers"),
        ({"bead": "gt-a", "polecat": "Slit"}, "gt-a.r1 Slit turn 1", "Resolver"),
        ({}, "A title", "other"),
    ],
)
def test_a_role_is_what_the_scope_says_else_the_kind_of_the_bead(
    scopes: dict[str, str], what: str, role: str
) -> None:
    told = ToldConvoy("gt-a")
    told.resolver(0, "gt-a.r1", "gt-a")
    told.settle(1, what, "1", **scopes)
    assert list(worth(told).by_role) == [role]


def test_speed_is_the_beads_own_time_by_how_long_the_convoy_ran(two_beads: ToldConvoy) -> None:
    speed = worth(two_beads).speed
    assert (speed.times.own_s, speed.times.ran_s) == (60, 100)
    assert speed.speed_up == pytest.approx(0.6)
    assert speed.idle_share == pytest.approx(1 - 60 / 200)


def test_a_fleet_of_unknown_size_has_as_many_places_as_were_at_work(two_beads: ToldConvoy) -> None:
    speed = worth(two_beads, slots=None).speed
    assert (speed.slots, speed.slots_known) == (2, False)


def test_speed_that_cannot_be_measured_is_not_told(two_beads: ToldConvoy) -> None:
    for told, paced, words in [
        (two_beads, False, "did not wait for its model"),
        (ToldConvoy("gt-a"), True, "No turn"),
    ]:
        speed = worth(told, paced=paced).speed
        assert speed.speed_up is None
        assert speed.idle_share is None
        assert words in speed.why_not


def test_questions_are_told_with_how_long_they_waited(two_beads: ToldConvoy) -> None:
    two_beads.need(210, "limit", "limit")
    two_beads.stage(220, "paused")
    found = worth(two_beads)
    assert found.questions == Waits(asked=1, open=0, waited_s=50, longest_s=50)
    assert found.needs == Waits(asked=2, open=1, waited_s=60, longest_s=50)


def test_cache_hits_are_told_with_and_without_first_requests() -> None:
    told = ToldConvoy("gt-a")
    told.sling(0, "gt-a", "Nux")
    first = Usage(input_tokens=10, cache_write_5m_tokens=90)
    later = Usage(input_tokens=40, cache_read_tokens=160)
    told.turn(1, 2, "gt-a", "Nux", 1, usage=first)
    told.turn(3, 4, "gt-a", "Nux", 2, usage=later)
    told.reopen(5, "gt-a")
    told.sling(6, "gt-a", "Slit")
    told.turn(7, 8, "gt-a", "Slit", 1, usage=first)
    found = worth(told)
    assert (found.hit_share, found.hit_share_after_first) == (160 / 400, 160 / 200)
    nothing = worth(ToldConvoy("gt-a"))
    assert (nothing.hit_share, nothing.hit_share_after_first) == (None, None)


def test_layers_have_no_mark_up_where_none_was_reported(two_beads: ToldConvoy) -> None:
    layers = worth(two_beads).layers
    assert (layers.listed, layers.mark_up) == (usd("3.90"), None)


def test_hours_are_reckoned_from_the_rate_and_never_invented() -> None:
    saved = saved_of(usd("45"), usd("90"))
    assert (saved.break_even_hours, saved.hours, saved.saved) == (Fraction(1, 2), None, None)
    assert saved_of(usd("45"), usd("90"), Fraction(3, 2)).saved == usd("90")
    assert saved_of(usd("45"), usd("90"), Fraction(1, 4)).saved == -usd("22.50")


@pytest.mark.parametrize(
    ("spent", "verdict"), [("0.99", "below"), ("1", "within"), ("2", "within"), ("2.01", "above")]
)
def test_a_forecast_is_compared_with_what_was_spent(spent: str, verdict: str) -> None:
    assert Forecast(p50=usd("1"), p90=usd("2"), spent=usd(spent)).verdict == verdict
