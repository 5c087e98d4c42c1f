"""What a plan will cost: reckoned by hand where that can be, else held against simulated rigs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp
from random import Random
from typing import Any

import pytest

from gastown_desktop.core.bead import BeadSize, Dependency
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.errors import ConvoyError
from gastown_desktop.core.forecast import (
    ENOUGH_BEADS,
    FILES_POWER,
    PRIOR_FILES,
    PRIOR_SECONDS,
    PRIOR_TOKENS,
    REAL_BY_REHEARSED,
    Forecast,
    PastBead,
    PlanBead,
    Range,
    bead_caps,
    forecast_of,
)
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.money import NANO, usd
from gastown_desktop.core.prices import PRICES, Price, cost
from gastown_desktop.core.providers import FREE

OPUS, SONNET, HAIKU = "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"
SIZES: tuple[BeadSize, ...] = ("S", "M", "M", "L")


def past(dollars: str, **fields: Any) -> PastBead:
    given: dict[str, Any] = {"size": "M", "files": 3, "model": OPUS, "turns": 20, "seconds": 600.0}
    return PastBead(cost=usd(dollars), **(given | fields))


def plan(count: int, **fields: Any) -> list[PlanBead]:
    given: dict[str, Any] = {"size": "M", "files": 3, "model": OPUS}
    return [PlanBead(bead=BeadId(f"gt-{number}"), **(given | fields)) for number in range(count)]


def forecast(
    past: Sequence[PastBead],
    plan: Sequence[PlanBead],
    waits: Sequence[tuple[str, str, str]] = (),
    prices: dict[str, Price] = PRICES,
    **more: Any,
) -> Forecast:
    edges: list[Any] = [Dependency(bead=BeadId(a), on=BeadId(b), kind=kind) for a, b, kind in waits]  # type: ignore[arg-type]
    return forecast_of(past, plan, Dag([one.bead for one in plan], edges), prices, **more)


def width(one: Range) -> float:
    return one.p90 / one.p50


# --- the prior -------------------------------------------------------------------------------------


def test_without_a_past_a_bead_costs_the_tokens_of_its_size_at_list_price() -> None:
    # M on Opus 5.5: 40k written at $5, 650k read at $0.20, 13k of reply at $20 a million.
    assert cost(PRICES[OPUS], PRIOR_TOKENS["M"]) == usd("0.59")
    found = forecast([], plan(1))
    assert found.convoy == found.beads[BeadId("gt-0")]
    assert found.convoy.p50 == pytest.approx(usd("0.59"), rel=0.05)
    assert (found.source, found.basis) == ("prior", "nothing yet: a guess from the sizes of the beads")


@pytest.mark.parametrize(
    ("fields", "factor"),
    [
        ({"size": "S", "files": 1}, 0.232 / 0.59),
        ({"size": "L", "files": 6}, 1.75 / 0.59),
        ({"files": 6}, 2**FILES_POWER),
        ({"files": 0}, 1.0),
        ({"model": SONNET}, 0.295 / 0.59),
        ({"model": HAIKU}, 0.018 / 0.59),
    ],
)
def test_size_files_and_price_move_the_guess(fields: dict[str, Any], factor: float) -> None:
    usual, other = forecast([], plan(1)).convoy, forecast([], plan(1, **fields)).convoy
    assert other.p50 / usual.p50 == pytest.approx(factor, rel=0.06)


def test_a_model_that_costs_nothing_is_forecast_at_nothing() -> None:
    found = forecast([], plan(2, model="qwen"), prices={"qwen": FREE})
    assert (found.convoy, found.per_hour(6)) == (Range(p50=0, p90=0), 0)


# --- what is heard ---------------------------------------------------------------------------------


def test_the_rigs_own_beads_move_the_guess_to_what_they_cost_the_more_the_more_there_are() -> None:
    middles = [forecast([past("3")] * count, plan(1)).convoy.p50 / NANO for count in (0, 1, 4, 40)]
    assert middles == sorted(middles)
    assert middles[-1] == pytest.approx(3, rel=0.05)
    assert 1 < middles[1] < 2.5


def test_few_samples_widen_the_range() -> None:
    random = Random(3)
    many = [past(f"{exp(random.gauss(0, 0.7)):.6f}") for _ in range(200)]
    widths = [width(forecast(many[:count], plan(10)).convoy) for count in (200, 30, 8, 2, 0)]
    assert widths == sorted(widths)
    assert widths[0] < 1.5 < 3 < widths[-1]


def test_two_beads_that_cost_the_same_are_no_certainty() -> None:
    assert width(forecast([past("1")] * 2, plan(1)).convoy) > 2


def test_sizes_that_differ_otherwise_here_are_learned() -> None:
    same = [past("1", size=size, files=PRIOR_FILES[size]) for size in ("S", "M", "L")] * 30
    small, large = (forecast(same, plan(1, size=size, files=PRIOR_FILES[size])) for size in ("S", "L"))
    assert small.convoy.p50 / NANO == pytest.approx(1, rel=0.15)
    assert large.convoy.p50 / NANO == pytest.approx(1, rel=0.15)


def test_files_that_do_not_matter_here_are_learned() -> None:
    same = [past("1", files=files) for files in (1, 3, 12)] * 30
    few, many = (forecast(same, plan(1, files=files)).convoy.p50 for files in (1, 12))
    assert many / few == pytest.approx(1, abs=0.15)


REHEARSED = [past("0.10", rehearsed=True, model=OPUS)] * 12


@pytest.mark.parametrize(
    ("heard", "models", "source", "basis"),
    [
        ([past("1")], [OPUS], "own", "1 bead of this rig on claude-opus-5-5"),
        ([past("1")] * 12 + REHEARSED, [OPUS], "own", "12 beads of this rig on claude-opus-5-5"),
        (
            [past("0.1", model=HAIKU)] * 9 + REHEARSED,
            [OPUS],
            "scaled",
            "9 beads of this rig on claude-haiku-5-5, scaled by price to claude-opus-5-5",
        ),
        (
            [past("1")] * 3 + [past("0.1", model=HAIKU)] * 9,
            [OPUS],
            "scaled",
            "3 beads of this rig on claude-opus-5-5 and 9 on claude-haiku-5-5, "
            "scaled by price to claude-opus-5-5",
        ),
        (
            [past("1")] * ENOUGH_BEADS + [past("0.1", model=HAIKU)] * 9,
            [OPUS],
            "own",
            "8 beads of this rig on claude-opus-5-5",
        ),
        (
            [past("1")] * 9,
            [OPUS, HAIKU],
            "scaled",
            "9 beads of this rig on claude-opus-5-5, scaled by price to claude-haiku-5-5",
        ),
        (
            [past("1")] * 2 + [past("0.1", model=HAIKU)] * 2,
            [OPUS, HAIKU],
            "own",
            "2 beads of this rig on claude-opus-5-5 and 2 on claude-haiku-5-5",
        ),
        (
            REHEARSED,
            [OPUS],
            "rehearsal",
            "the rehearsal of 12 commits, at list price times 3: real workers read and try more",
        ),
        ([past("0"), past("1", model="unknown")], [OPUS], "prior", "nothing yet: a guess"),
    ],
)
def test_sources_have_an_order_and_are_named(
    heard: list[PastBead], models: list[str], source: str, basis: str
) -> None:
    beads = [replace(bead, model=model) for bead, model in zip(plan(len(models)), models, strict=True)]
    found = forecast(heard, beads, draws=50)
    assert found.source == source
    assert found.basis.startswith(basis)


def test_another_models_beads_count_by_price_and_widen_the_range() -> None:
    own, other = [past("0.60")] * 30, [past("0.30", model=SONNET)] * 30
    known, scaled = forecast(own, plan(10)).convoy, forecast(other, plan(10)).convoy
    assert scaled.p50 / known.p50 == pytest.approx(1, rel=0.1)
    assert width(scaled) > width(known) * 1.15


def test_a_rehearsal_counts_times_what_real_workers_cost_more_drawn_towards_the_prior() -> None:
    found = forecast(REHEARSED, plan(1))
    assert usd("0.10") * REAL_BY_REHEARSED < found.convoy.p50 < usd("0.59")
    assert width(forecast(REHEARSED, plan(10)).convoy) > width(forecast([past("0.3")] * 12, plan(10)).convoy)


# --- the convoy ------------------------------------------------------------------------------------


def test_the_convoys_p90_is_below_the_sum_of_the_beads() -> None:
    found = forecast([past("1")] * 30, plan(20))
    assert found.convoy.p90 < sum(one.p90 for one in found.beads.values())
    assert found.convoy.p50 > sum(one.p50 for one in found.beads.values())


def test_with_a_level_that_is_not_known_many_beads_are_hardly_surer_than_one() -> None:
    one, many = forecast([], plan(1)).convoy, forecast([], plan(50)).convoy
    assert width(many) > 0.5 * width(one)


def test_what_runs_only_if_another_fails_is_not_in_the_convoys_range() -> None:
    beads = plan(2)
    alone, both = forecast([], beads[:1]), forecast([], beads, [("gt-1", "gt-0", "conditional")])
    assert both.convoy.p90 == pytest.approx(alone.convoy.p90, rel=0.1)
    assert set(both.beads) == {"gt-0", "gt-1"}


def test_the_same_past_gives_the_same_figures() -> None:
    heard = [past("1"), past("2", size="L"), past("0.1", model=HAIKU)]
    assert forecast(heard, plan(5)) == forecast(heard, plan(5))


def test_an_empty_plan_costs_nothing() -> None:
    found = forecast([past("1")], [])
    assert (found.convoy, found.beads, found.knee) == (Range(p50=0, p90=0), {}, 1)


def test_a_bead_outside_the_convoy_is_refused() -> None:
    with pytest.raises(ConvoyError, match="gt-0"):
        forecast_of([], plan(1), Dag([], []), PRICES)


# --- dollars an hour -------------------------------------------------------------------------------


def test_dollars_an_hour_are_the_likely_cost_by_how_long_the_fleet_takes() -> None:
    heard = [past("1", seconds=PRIOR_SECONDS["M"])] * 12
    found = forecast(heard, plan(12))
    assert [one.workers for one in found.rates] == list(range(1, 31))
    for workers, rounds in ((1, 12), (3, 4), (6, 2), (12, 1), (30, 1)):
        assert found.per_hour(workers) == pytest.approx(found.convoy.p50 * 3_600 / (rounds * 600), rel=0.01)
    assert found.knee == 12
    assert found.per_hour(31) == found.per_hour(30)


def test_a_chain_needs_one_worker_and_gates_take_time() -> None:
    chain = [(f"gt-{number}", f"gt-{number - 1}", "blocks") for number in range(1, 5)]
    quick, slow = forecast([], plan(5), chain), forecast([], plan(5), chain, gate_s=600.0)
    assert quick.knee == 1
    assert quick.per_hour(6) == quick.per_hour(1)
    assert slow.per_hour(1) == pytest.approx(quick.per_hour(1) / 2, rel=0.01)


def test_the_time_of_past_beads_counts_drawn_towards_the_prior() -> None:
    heard = [past("1", seconds=60.0)] * 2
    found = forecast(heard, plan(1))
    assert found.rates[0].makespan_s == pytest.approx(600 * 0.1**0.5, rel=0.01)
    rehearsed = [past("1", seconds=60.0, rehearsed=True)] * 2
    assert forecast(rehearsed, plan(1)).rates[0].makespan_s == pytest.approx(600 * 0.3**0.5, rel=0.01)


# --- caps of beads ---------------------------------------------------------------------------------


def test_a_beads_cap_is_three_times_its_p90_and_at_least_a_dollar() -> None:
    ranges = {"a": Range(p50=1, p90=usd("0.10")), "b": Range(p50=1, p90=usd("0.50"))}
    beads = {BeadId(name): one for name, one in ranges.items()}
    assert bead_caps(replace(forecast([], []), beads=beads)) == {"a": usd("1"), "b": usd("1.50")}


# --- coverage --------------------------------------------------------------------------------------


_RIGS, _CONVOYS = 100, 20


class Rig:
    """Its beads cost log-normally, with a level and a spread of its own; sizes and files as in the prior."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.level = random.uniform(-1, 1)
        self.spread = random.uniform(0.5, 0.9)

    def kind(self) -> tuple[BeadSize, int]:
        return self.random.choice(SIZES), self.random.randint(1, 6)

    def cost(self, size: BeadSize, files: int) -> int:
        usual = cost(PRICES[OPUS], PRIOR_TOKENS[size]) * (files / PRIOR_FILES[size]) ** FILES_POWER
        return round(usual * exp(self.level + self.random.gauss(0, self.spread)))

    def past(self, count: int) -> list[PastBead]:
        kinds = [self.kind() for _ in range(count)]
        return [
            PastBead(size=size, files=files, model=OPUS, cost=self.cost(size, files), turns=20, seconds=600.0)
            for size, files in kinds
        ]

    def plan(self, count: int) -> list[PlanBead]:
        kinds = [self.kind() for _ in range(count)]
        return [
            PlanBead(bead=BeadId(str(number)), size=size, files=files, model=OPUS)
            for number, (size, files) in enumerate(kinds)
        ]


@pytest.mark.parametrize("count", [8, 30, 200])
def test_p90_covers_nine_in_ten_fresh_convoys_of_rigs_that_differ(count: int) -> None:
    below_p90 = below_p50 = 0
    random = Random(count)
    for _ in range(_RIGS):
        rig = Rig(random)
        heard, beads = rig.past(count), rig.plan(8)
        expected = forecast(heard, beads, draws=400).convoy
        sums = [sum(rig.cost(one.size, one.files) for one in beads) for _ in range(_CONVOYS)]
        below_p90 += sum(one <= expected.p90 for one in sums)
        below_p50 += sum(one <= expected.p50 for one in sums)
    assert 0.85 <= below_p90 / (_RIGS * _CONVOYS) <= 0.95
    assert 0.40 <= below_p50 / (_RIGS * _CONVOYS) <= 0.60
