"""What a plan will cost, before anything is spent: P50 and P90 by bead and for all, and dollars an hour.

A bead's cost is log-normal around what the prior says of its size on its model, moved by effects that the
rig's own finished beads tell (`core.log_regression`): the rig itself, a size, the number of files, another
model. The prior holds where little is known, and the fewer the beads the wider the range.

The convoy's quantiles are those of sums drawn by a seeded Monte Carlo. Adding up the beads' P90 would be far
too much where beads vary by themselves; adding up variances far too little where all of them are dearer than
thought together, as the rig's own level is not known: each draw has one level for all beads and a chance of
its own for each. Moments would do for neither, as a sum of few log-normals is skewed. The same input always
gives the same figures.

Amounts are nano-dollars, times are seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, exp, log
from random import Random
from typing import Literal

from gastown_desktop.core.bead import BeadSize
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.errors import ConvoyError
from gastown_desktop.core.fleet import EVERY_SIZE, Work, knee, speed_up_curve
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.log_regression import Posterior, Prior, Row
from gastown_desktop.core.money import NANO
from gastown_desktop.core.prices import Price, cost
from gastown_desktop.core.usage import Usage
from gastown_desktop.core.wording import plural

PRIOR_TOKENS: Mapping[BeadSize, Usage] = {
    "S": Usage(cache_write_5m_tokens=20_000, cache_read_tokens=160_000, output_tokens=5_000),
    "M": Usage(cache_write_5m_tokens=40_000, cache_read_tokens=650_000, output_tokens=13_000),
    "L": Usage(cache_write_5m_tokens=90_000, cache_read_tokens=2_900_000, output_tokens=36_000),
}
"""Tokens of a middling bead: 12, 25 and 60 turns on prompts that grow to 20k, 40k and 90k tokens."""
PRIOR_SECONDS: Mapping[BeadSize, float] = {"S": 300.0, "M": 600.0, "L": 1_440.0}
"""How long such a bead keeps a worker: 24 s a turn, tools included."""
PRIOR_SECONDS_WEIGHT = 2.0
"""How many beads that is worth."""
PRIOR_FILES: Mapping[BeadSize, int] = {"S": 1, "M": 3, "L": 6}
"""Files of such a bead."""
FILES_POWER = 0.3
"""With twice the files a bead costs 2 to this power as much."""
FILES_SPREAD = 0.2
RIG_SPREAD = 0.9
"""How far a rig is from the prior: standard deviation of the logarithm, a factor of 2.5."""
SIZE_SPREAD = 0.4
"""How far S and L are from where the prior has them beside M."""
MODEL_SPREAD = 0.4
"""How far a model is from costing in proportion to its price: it takes more turns, or fewer."""
BEAD_SPREAD = 0.75
"""How far a bead is from what its size, files and model let expect."""
BEAD_SPREAD_WEIGHT = 4.0
"""How many beads that is worth."""
REAL_BY_REHEARSED = 3.0
"""A stand-in reads what it changes and nothing else: a real worker costs, and takes, so much more."""
REHEARSAL_SPREAD = 0.6
"""How far that factor is off."""
ENOUGH_BEADS = 8
"""From so many beads on a model, those on other models tell nothing more about it."""
MERGE_S = 0.05
"""To build one candidate."""

DRAWS = 4_000
SEED = 20_261_126
LEAST_BEAD_CAP = NANO
BEAD_CAP_FACTOR = 3
_HIGHEST_LOG = 50.0
"""Draws far out in the tail are cut where a float would not hold them."""

Source = Literal["own", "scaled", "rehearsal", "prior"]
"""What a forecast rests on: beads of the rig on these models, also on others, a rehearsal, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastBead:
    """A bead of the rig that is over."""

    size: BeadSize
    files: int
    """Files that it was expected to touch; 0 where none were named."""
    model: str
    cost: int
    """Its resolvers and its rework included; of a rehearsal at list price."""
    turns: int
    seconds: float
    """Of work; waiting is none."""
    rehearsed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanBead:
    """A bead that is still to be done."""

    bead: BeadId
    size: BeadSize
    files: int
    """0 where none are named."""
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """With one chance in two it costs no more than P50, with nine in ten no more than P90."""

    p50: int
    p90: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyRate:
    """What a fleet of a size burns."""

    workers: int
    makespan_s: float
    per_hour: int
    """The convoy's P50 by how long it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a plan will cost."""

    convoy: Range
    beads: Mapping[BeadId, Range]
    """Those that are still to be done, also what runs only if another fails; that is not in the convoy's."""
    rates: tuple[HourlyRate, ...]
    """For each size of the fleet, smallest first."""
    knee: int
    """Above this number of workers one mostly pays for waiting."""
    source: Source
    basis: str
    """The same in words: `12 beads of this rig on claude-opus-5-5`."""

    def per_hour(self, workers: int) -> int:
        """What a fleet of that size burns an hour; of a larger one than was reckoned, the largest."""
        return next((one.per_hour for one in self.rates if one.workers >= workers), self.rates[-1].per_hour)


def forecast_of(
    past: Sequence[PastBead],
    plan: Sequence[PlanBead],
    dag: Dag,
    prices: Mapping[str, Price],
    *,
    gate_s: float = 0.0,
    draws: int = DRAWS,
) -> Forecast:
    """What a plan will cost.

    Args:
        past: beads of the rig that are over; rehearsed ones are heard where there are no others.
        plan: beads that are still to be done, each of the DAG.
        dag: all beads and what they wait for; those that are not in the plan take no time.
        prices: of the plan's models; past beads on a model that is missing are left out.
        gate_s: seconds of one run of the gates.
        draws: how many sums the quantiles are read from.

    Raises:
        KeyError: a model of the plan has no price.
        ConvoyError: a bead of the plan is not in the DAG.
    """
    heard, source, basis = _heard(past, {one.model for one in plan}, prices)
    unneeded = set(dag.unneeded(set(dag.beads)))
    convoy, beads = _drawn(heard, plan, unneeded, prices, draws)
    rates, workers = _rates(heard, plan, dag, convoy.p50, gate_s)
    return Forecast(convoy=convoy, beads=beads, rates=rates, knee=workers, source=source, basis=basis)


def bead_caps(forecast: Forecast) -> dict[BeadId, int]:
    """The cap of each bead where the user sets none, nano-dollars."""
    return {bead: bead_cap(one.p90) for bead, one in forecast.beads.items()}


def bead_cap(p90: int) -> int:
    """The cap of a bead where the user sets none: three times its P90, and at least $1; nano-dollars."""
    return max(LEAST_BEAD_CAP, BEAD_CAP_FACTOR * p90)


def _heard(
    past: Sequence[PastBead], models: Collection[str], prices: Mapping[str, Price]
) -> tuple[list[PastBead], Source, str]:
    """The past beads that count, by the order of sources, and what they are in words."""
    usable = [one for one in past if one.cost > 0 and _expected(one, prices) > 0]
    real = [one for one in usable if not one.rehearsed]
    counts = Counter(one.model for one in real)
    few = [model for model in sorted(models) if counts[model] < ENOUGH_BEADS]
    if not few:
        counts = Counter({model: count for model, count in counts.items() if model in models})
        real = [one for one in real if one.model in models]
    if real:
        if few and counts.keys() != set(models):
            return real, "scaled", f"{_counted(counts)}, scaled by price to {_listed(few)}"
        return real, "own", _counted(counts)
    if usable:
        text = f"the rehearsal of {plural(len(usable), 'commit')}, at list price times {REAL_BY_REHEARSED:g}"
        return usable, "rehearsal", f"{text}: real workers read and try more"
    return [], "prior", "nothing yet: a guess from the sizes of the beads"


def _counted(counts: Mapping[str, int]) -> str:
    """`3 beads of this rig on A and 9 on B`."""
    (model, count), *rest = counts.items()
    first = f"{plural(count, 'bead')} of this rig on {model}"
    return _listed([first, *(f"{count} on {model}" for model, count in rest)])


def _listed(words: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _expected(bead: PastBead | PlanBead, prices: Mapping[str, Price]) -> int:
    """What the prior says that a bead of its size costs on its model; 0 where the price is not known."""
    price = prices.get(bead.model)
    return _usual(price, bead.size) if price is not None else 0


def _usual(price: Price, size: BeadSize) -> int:
    """What a middling bead costs: many short prompts, so that the tier of long ones does not count."""
    return cost(replace(price, long_prompt_above=None), PRIOR_TOKENS[size])


def _row(bead: PastBead | PlanBead) -> Row:
    """The effects that move a bead away from the prior."""
    row = {"rig": 1.0, f"model {bead.model}": 1.0, "files": _files(bead)}
    if bead.size != "M":
        row[f"size {bead.size}"] = 1.0
    if isinstance(bead, PastBead) and bead.rehearsed:
        row["rehearsal"] = 1.0
    return row


def _files(bead: PastBead | PlanBead) -> float:
    return log(bead.files / PRIOR_FILES[bead.size]) if bead.files else 0.0


def _learned(heard: Sequence[PastBead], models: Collection[str], prices: Mapping[str, Price]) -> Posterior:
    """What the beads that count tell of the effects."""
    names = dict.fromkeys([*(one.model for one in heard), *sorted(models)])
    spreads = {"rig": RIG_SPREAD, "size S": SIZE_SPREAD, "size L": SIZE_SPREAD, "files": FILES_SPREAD}
    spreads |= {"rehearsal": REHEARSAL_SPREAD}
    spreads |= {f"model {name}": MODEL_SPREAD for name in names}
    observed: list[tuple[Row, float]] = []
    for one in heard:
        known = FILES_POWER * _files(one) - (log(REAL_BY_REHEARSED) if one.rehearsed else 0.0)
        observed.append((_row(one), log(one.cost / _expected(one, prices)) - known))
    return Posterior(Prior(spreads=spreads, noise=BEAD_SPREAD, weight=BEAD_SPREAD_WEIGHT), observed)


def _drawn(
    heard: Sequence[PastBead],
    plan: Sequence[PlanBead],
    unneeded: Collection[BeadId],
    prices: Mapping[str, Price],
    draws: int,
) -> tuple[Range, dict[BeadId, Range]]:
    """The quantiles of the convoy and of each bead."""
    posterior = _learned(heard, {one.model for one in plan}, prices)
    base = [_usual(prices[one.model], one.size) * exp(FILES_POWER * _files(one)) for one in plan]
    kinds: dict[PlanBead, list[int]] = {}
    for place, one in enumerate(plan):
        kinds.setdefault(replace(one, bead=BeadId("")), []).append(place)
    rows = [(_row(kind), places) for kind, places in kinds.items()]
    random = Random(SEED)  # noqa: S311 - no secret: the same figures for the same past
    found: list[list[float]] = [[] for _ in plan]
    for _ in range(draws):
        world = posterior.draw(random)
        for row, places in rows:
            mean = world.mean(row)
            for place in places:
                far = mean + world.noise * random.gauss(0.0, 1.0)
                found[place].append(base[place] * exp(min(far, _HIGHEST_LOG)))
    needed = [found[place] for place, one in enumerate(plan) if one.bead not in unneeded]
    sums = [sum(amounts) for amounts in zip(*needed, strict=True)] or [0.0]
    return _range(sums), {one.bead: _range(found[place]) for place, one in enumerate(plan)}


def _range(amounts: Sequence[float]) -> Range:
    ordered = sorted(amounts)
    return Range(p50=round(_quantile(ordered, 0.5)), p90=round(_quantile(ordered, 0.9)))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that this share of all is not above."""
    return ordered[max(0, ceil(len(ordered) * share) - 1)]


def _rates(
    heard: Sequence[PastBead], plan: Sequence[PlanBead], dag: Dag, likely: int, gate_s: float
) -> tuple[tuple[HourlyRate, ...], int]:
    """What each size of the fleet burns an hour, and the size above which one mostly pays for waiting."""
    pace = _pace(heard)
    seconds = {one.bead: PRIOR_SECONDS[one.size] * pace for one in plan}
    works = [Work(bead=bead, seconds_before_gate=seconds.pop(bead, 0.0)) for bead in dag.beads]
    if seconds:
        raise ConvoyError(f"These beads are planned and not in the convoy: {', '.join(seconds)}.")
    curve = speed_up_curve(works, dag, merge_s=MERGE_S, gate_s=gate_s, sizes=EVERY_SIZE)
    rates = tuple(
        HourlyRate(
            workers=size.workers,
            makespan_s=size.makespan_s,
            per_hour=round(likely * 3_600 / size.makespan_s) if size.makespan_s else 0,
        )
        for size in curve
    )
    return rates, knee(curve)


def _pace(heard: Sequence[PastBead]) -> float:
    """How many times the prior's time beads take here, drawn towards once where few are known."""
    far = [
        log(one.seconds * (REAL_BY_REHEARSED if one.rehearsed else 1) / PRIOR_SECONDS[one.size])
        for one in heard
        if one.seconds > 0
    ]
    return exp(sum(far) / (len(far) + PRIOR_SECONDS_WEIGHT))
