"""What the evidence page says, told from the result that `rehearse --json` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import log2
from typing import Any

from gastown_desktop.core.money import NANO
from gastown_desktop.core.wording import (
    plural,
    show_age,
    show_hidden,
    show_model,
    show_money,
    show_percent,
    show_tokens,
)
from gastown_desktop.ui.plots.share_bars import Share

Result = Mapping[str, Any]
_VERDICTS = {
    "parallel": "Fits a fleet: six workers and more are worth their price on work like this.",
    "partly": "Fits a fleet partly: three to five workers are worth their price, more would wait.",
    "serial": "Does not fit a fleet: the work waits for itself. One agent does it as well.",
}
_SIGHT = {True: "notices a broken source", False: "sees nothing", None: "sight not known"}
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedPoint:
    """One fleet size of the curve."""

    workers: int
    speedup: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure with what it counts and what it means."""

    name: str
    value: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """Whether it came out as it had to."""

    good: bool
    words: str
    ids: str


def headline(result: Result) -> Result:
    """The plan that the verdict is about: what a planner could have known."""
    plans: Result = result.get("plans") or {}
    return plans.get("predicted") or result


def curve_of(result: Result) -> list[SpeedPoint]:
    """The simulated fleet sizes, smallest first."""
    return [_point(size) for size in result["fleet_sizes"]]


def knee_of(result: Result) -> SpeedPoint:
    """The suggested fleet; read off the curve where the result does not say it."""
    knee: int = result["fit"]["knee"]
    curve = curve_of(result)
    known = [one for one in curve if one.workers == knee]
    if at_knee := headline(result).get("at_knee"):
        known = [_point(at_knee)]
    if known:
        return known[0]
    below = [one for one in curve if one.workers < knee][-1]
    above = next(one for one in curve if one.workers > knee)
    share = log2(knee / below.workers) / log2(above.workers / below.workers)
    return SpeedPoint(
        workers=knee,
        speedup=below.speedup + share * (above.speedup - below.speedup),
        seconds=below.seconds + share * (above.seconds - below.seconds),
    )


def bound_of(result: Result) -> tuple[float, str] | None:
    """How much faster no fleet can be, and why; None where the curve says otherwise."""
    plan = headline(result)
    if plan.get("line_s"):
        bound = plan["work_s"] / plan["line_s"]
        why = f"{show_age(plan['work_s'])} of work / {show_age(plan['line_s'])} in line"
    else:
        line = plan["critical_path"] or 1
        bound, why = result["beads"] / line, f"{result['beads']} beads / {line} in line"
    fastest = max(one.speedup for one in curve_of(result))
    return (bound, f"bound of this history, {why} = {bound:.1f}×") if bound >= fastest else None


def oracle_of(result: Result) -> Oracle:
    """The first line; only the true plan has to equal history."""
    expected = result["expected_tree"][:7]
    landed = (result["landed_tree"] or "nothing")[:7]
    checked: Result = result.get("check") or {}
    if result["tree_equal"]:
        words, good = "The rehearsed tree equals your history, bit for bit", True
    elif result["plan"] != "true" and checked.get("ok"):
        paths = _few([show_hidden(one["path"]) for one in checked["differences"]])
        words, good = f"Every landing is what git merges, but not as in your history: {paths}", True
    else:
        words, good = "The rehearsed tree differs from your history", False
    return Oracle(good=good, words=words, ids=f"{expected} {'=' if result['tree_equal'] else '≠'} {landed}")


def spent_of(result: Result) -> str:
    """What it cost: nothing, and at list price."""
    model = used_model(result)
    with_model = f" with {show_model(model)}" if model else ""
    return f"$0.00 spent, {show_money(_nano(result['list_price_usd']))} at list price{with_model}"


def used_model(result: Result) -> str:
    """The model whose list price was counted; empty when none matches."""
    costs: Mapping[str, float] = result["cost_by_model"]
    price: float = result["list_price_usd"]
    return next((model for model, cost in costs.items() if abs(cost - price) < 0.005), "")


def figures_of(result: Result) -> list[Figure]:
    """The six figures."""
    plan, knee = headline(result), knee_of(result)
    pairs, runs, rework = len(result["conflict_pairs"]), result["resolver_runs"], result["rework"]
    one = curve_of(result)[0]
    if not pairs:
        met = "no two beads meet"
    else:
        met = f"{max(0, pairs - runs)} solved by order" + (f", {runs} by a resolver" if runs else "")
    return [
        Figure(
            name="Beads", value=f"{result['beads']}", words=f"{result['base'][:7]} to {result['tip'][:7]}"
        ),
        Figure(name="Could start at once", value=f"{plan['independent']}", words="depend on nothing"),
        Figure(name="Longest line", value=f"{plan['critical_path']}", words="beads, one after another"),
        Figure(
            name=f"Time with {plural(knee.workers, 'worker')}",
            value=show_age(knee.seconds),
            words=f"{show_age(one.seconds)} with one",
        ),
        Figure(name="Conflicts", value=plural(pairs, "pair"), words=met),
        Figure(
            name="Sent back",
            value=plural(rework, "round"),
            words="red gate or conflict" if rework else "nothing came back",
        ),
    ]


def alarms_of(result: Result) -> list[str]:
    """What a reader must not overlook."""
    found: list[str] = []
    if not result["base_green"]:
        found.append(f"Rehearsed without gates, as the base is red already: {result['gate_reason']}")
    elif not result["gates"]:
        found.append("No gate ran, so nothing was tested: that it merges says nothing of whether it works.")
    elif not result["gate_sees"]:
        found.append(
            f"The gates see nothing, so their green proves nothing. {result['gate_reason']}".rstrip()
        )
    if result["merged"] < result["beads"]:
        waiting = plural(len(result["needs_you"]), "item waits", "items wait")
        found.append(f"{result['merged']} of {result['beads']} beads were merged; {waiting} for you.")
    if not result["user_repo_untouched"]:
        found.append("Your repository changed while this ran, though nothing of ours wrote to it.")
    return [show_hidden(" ".join(text.split())) for text in found]


def verdict_of(result: Result) -> str:
    """The verdict in a sentence."""
    return _VERDICTS[result["fit"]["verdict"]]


def costs_of(result: Result) -> list[Share]:
    """What the same tokens cost with each model."""
    costs: Mapping[str, float] = result["cost_by_model"]
    dearest, used = max(costs.values(), default=0.0) or 1.0, used_model(result)
    beads = result["beads"] or 1
    return [
        Share(
            name=show_model(model),
            share=cost / dearest,
            figure=show_money(_nano(cost)),
            note=f"{show_money(_nano(cost / beads))} a bead",
            marked=model == used,
        )
        for model, cost in costs.items()
    ]


def tokens_of(result: Result) -> str:
    """What was sent and answered, and of when the prices are."""
    tokens: Result | None = result.get("tokens")
    if not tokens:
        return "An estimate; what it rests on stands below."
    share = show_percent(round(tokens["cached"] / (tokens["prompt"] or 1), 2))
    day = date.fromisoformat(result["prices_dated"])
    return (
        f"{show_tokens(tokens['prompt'])} tokens in, {share} cached, {show_tokens(tokens['reply'])} out. "
        f"Prices of {day.day} {day:%b %Y}"
    )


def gates_of(result: Result) -> list[tuple[str, str]]:
    """Each gate with what is known of it."""
    return [
        (
            show_hidden(gate["name"]),
            f"{_SIGHT[gate['sees']]}, {gate['flips']} of {gate['known_runs']} runs red by chance"
            + (", in quarantine" if gate["quarantined"] else ""),
        )
        for gate in result["gates"]
    ]


def conflicts_of(result: Result) -> list[tuple[str, str]]:
    """Each bead that conflicts when it starts from the base, with what it meets and where."""
    titles: Mapping[str, str] = result["titles"]
    met: dict[str, list[str]] = {}
    paths: dict[str, dict[str, None]] = {}
    for pair in result["conflict_pairs"]:
        met.setdefault(pair["bead"], []).append(pair["earlier"])
        paths.setdefault(pair["bead"], {}).update(dict.fromkeys(pair["paths"]))
    return [
        (
            show_hidden(titles.get(bead) or bead),
            f"meets {_few([show_hidden(titles.get(one) or one) for one in earlier])} "
            f"in {_few([show_hidden(path) for path in paths[bead]])}",
        )
        for bead, earlier in sorted(met.items(), key=lambda item: -len(item[1]))
    ]


def title_of(result: Result, branch: str) -> str:
    """The page's title."""
    of = f" of {show_hidden(branch)}" if branch else ""
    return f"Rehearsal, last {plural(result['beads'], 'commit')}{of}"


def changed_lines(lines: Sequence[str]) -> int:
    """Added and removed lines of a short diff."""
    return sum(line.startswith(("+", "-")) for line in lines)


def _point(size: Result) -> SpeedPoint:
    return SpeedPoint(workers=size["workers"], speedup=size["speedup"], seconds=size["makespan_s"])


def _few(texts: Sequence[str]) -> str:
    """The first few, and how many more."""
    more = f" and {len(texts) - _MOST_NAMED} more" if len(texts) > _MOST_NAMED else ""
    return ", ".join(texts[:_MOST_NAMED]) + more


def _nano(dollars: float) -> int:
    return round(dollars * NANO)
