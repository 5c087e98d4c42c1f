"""The evidence report: would this work have been faster with a fleet, and what would it have cost?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.fleet import EVERY_SIZE, FLEET_SIZES, Fit, FleetSize, Work, fit, speed_up_curve
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.money import json_usd, show_usd
from gastown_desktop.core.prices import PRICES, cost
from gastown_desktop.core.projection import BeadView, Projection
from gastown_desktop.core.serialising import SerialisingFiles, as_toml, is_union, propose
from gastown_desktop.core.usage import Usage
from gastown_desktop.engine.conflict_evidence import conflicts_as_markdown
from gastown_desktop.engine.plan_kinds import PlanKind, dag_of
from gastown_desktop.engine.rehearsal import StoredRehearsal

TOKENS_PER_SECOND = 70
"""Assumed speed of a model's reply, where the rehearsal did not wait for it."""
FIRST_TOKEN_S = 2.0
"""Assumed seconds until a reply begins."""
ASSUMPTIONS = (
    f"A token is four bytes; a reply begins after {FIRST_TOKEN_S:.0f} s and comes at {TOKENS_PER_SECOND} "
    "tokens a second.",
    "A worker reads what it changes and nothing else; a real one reads and tries more, so real work costs "
    "and takes more. Files over 40,000 characters count as made by a command.",
    "A conversation's earlier prompt, and what all workers share, is read from the cache.",
)
"""What the estimates rest on."""
_MERGE_S = 0.05
_HOT_SPOTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanEvidence:
    """What a plan would have given."""

    independent: int
    critical_path: int
    waves: tuple[int, ...]
    """How many beads could run at the same time, step by step."""
    fleet_sizes: tuple[FleetSize, ...]
    fit: Fit
    at_knee: FleetSize
    """The suggested fleet."""
    work_s: float
    """Seconds of all beads one after another."""
    line_s: float
    """Seconds of the longest line of beads that wait for each other: no fleet is faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a rehearsal showed."""

    plans: dict[PlanKind, PlanEvidence]
    hot_spots: tuple[tuple[str, int], ...]
    """Paths that most beads touch, with how many."""
    proposal: SerialisingFiles
    """What `.gastown.toml` could say about them and does not."""

    @property
    def headline(self) -> PlanEvidence:
        """What a planner could have had: nobody knows the true dependencies before the work is done."""
        return self.plans["predicted"]


def gather(state: Projection, rehearsal: StoredRehearsal) -> Evidence:
    """Measures a rehearsal from how it went."""
    plan = rehearsal.plan
    rules = rehearsal.settings.serialising
    paths = (path for work in plan.works.values() for path in work.paths if not is_union(path, rules))
    touched = Counter(paths)
    hot = tuple((path, count) for path, count in touched.most_common(_HOT_SPOTS) if count > 1)
    seconds = {bead: _seconds(state.beads[bead], rehearsal) for bead in plan.works}
    answers = state.gate_runs + state.gate_cached
    gate_s = (state.gate_seconds + state.gate_saved_s) / answers if answers else 0.0
    plans = {kind: _simulate(rehearsal, kind, seconds, gate_s, hot) for kind in get_args(PlanKind)}
    proposal = propose([path for path, _ in hot], rules)
    return Evidence(plans=plans, hot_spots=hot, proposal=proposal)


def _simulate(
    rehearsal: StoredRehearsal,
    kind: PlanKind,
    seconds: Mapping[BeadId, float],
    gate_s: float,
    hot: Sequence[tuple[str, int]],
) -> PlanEvidence:
    """The makespans of a plan.

    With no plan, what conflicts alone on the base is done twice, then after what it conflicts with.
    """
    plan, rules = rehearsal.plan, rehearsal.settings.serialising
    twice = set(plan.conflicting) if kind == "none" else set[BeadId]()
    works = [
        Work(bead=bead, seconds_before_gate=took * (2 if bead in twice else 1))
        for bead, took in seconds.items()
    ]
    later = [dependency for dependency in plan.dependencies if dependency.bead in twice]
    dag = Dag(plan.works, later) if kind == "none" else dag_of(plan, kind, rules)
    curve = speed_up_curve(works, dag, merge_s=_MERGE_S, gate_s=gate_s, sizes=EVERY_SIZE)
    found = fit(works, dag, curve, [path for path, _ in hot])
    lasting = {work.bead: work.seconds for work in works}
    return PlanEvidence(
        independent=dag.independent,
        critical_path=len(dag.critical_path()),
        waves=tuple(len(wave) for wave in dag.waves()),
        fleet_sizes=tuple(size for size in curve if size.workers in FLEET_SIZES),
        fit=found,
        at_knee=next(size for size in curve if size.workers == found.knee),
        work_s=sum(lasting.values()),
        line_s=sum(lasting[bead] for bead in dag.critical_path(lasting)),
    )


def _seconds(view: BeadView, rehearsal: StoredRehearsal) -> float:
    """How long a bead keeps a worker: measured where the model was waited for, else its tools and its model.

    Waiting for other beads and for this machine, on which the whole fleet ran at once, is not part of it.
    """
    if rehearsal.settings.real_pace and view.slung_at and view.submitted_at:
        return max(0.0, (view.submitted_at - view.slung_at).total_seconds())
    return view.tool_s + view.output_tokens / TOKENS_PER_SECOND + view.turns * FIRST_TOKEN_S


def cost_by_model(usages: Sequence[Usage]) -> dict[str, float]:
    """List-price dollars of the same requests with each model."""
    return {model: json_usd(sum(cost(price, usage) for usage in usages)) for model, price in PRICES.items()}


def as_json(evidence: Evidence) -> dict[str, Any]:
    """The machine's form; the headline is that of the predicted plan."""
    plans = {kind: _plan_json(plan) for kind, plan in evidence.plans.items()}
    headline = plans["predicted"]
    return {
        "fleet_sizes": headline["fleet_sizes"],
        "fit": headline["fit"],
        "plans": plans,
        "hot_spots": [{"path": path, "beads": count} for path, count in evidence.hot_spots],
        "proposed_config": as_toml(evidence.proposal),
        "assumptions": list(ASSUMPTIONS),
    }


def _plan_json(plan: PlanEvidence) -> dict[str, Any]:
    return {
        "independent": plan.independent,
        "critical_path": plan.critical_path,
        "waves": list(plan.waves),
        "fleet_sizes": [_size_json(size) for size in plan.fleet_sizes],
        "fit": asdict(plan.fit),
        "at_knee": _size_json(plan.at_knee),
        "work_s": round(plan.work_s, 1),
        "line_s": round(plan.line_s, 1),
    }


def _size_json(size: FleetSize) -> dict[str, Any]:
    return {
        "workers": size.workers,
        "makespan_s": round(size.makespan_s, 1),
        "speedup": round(size.speedup, 2),
    }


def as_markdown(result: dict[str, Any]) -> str:
    """The person's form, from the result that `--json` prints."""
    fit_, ledger = result["fit"], result["ledger"]
    lines = [
        f"# Rehearsal: fit {fit_['verdict']}",
        "",
        *(f"- {reason}" for reason in fit_["reasons"]),
        "",
        "## The oracle",
        "",
        f"{_tick(result)}: expected tree `{result['expected_tree']}`, landed tree `{result['landed_tree']}`.",
        "",
        "| beads | independent | critical path | merged | conflicts | silent differences | rework |",
        "|---|---|---|---|---|---|---|",
        f"| {result['beads']} | {result['independent']} | {result['critical_path']} | {result['merged']} "
        f"| {result['conflicts']} | {len(result['silent_differences'])} | {result['rework']} |",
        "",
        "## Workers",
        "",
        "| workers | makespan | speed-up |",
        "|---|---|---|",
        *(
            f"| {size['workers']} | {_minutes(size['makespan_s'])} | {size['speedup']:.2f} × |"
            for size in result["fleet_sizes"]
        ),
        "",
        f"Above {fit_['knee']} workers you mostly pay for waiting. This is with dependencies as a planner",
        "would predict them, from the files that beads are expected to touch:",
        "",
        "| plan | independent | critical path | knee | speed-up there and above |",
        "|---|---|---|---|---|",
        *(_plan_row(kind, plan) for kind, plan in result["plans"].items()),
        "",
        "## Gates",
        "",
        _gates_line(result),
        "",
        "## Money",
        "",
        f"$0.00 spent · {show_usd(round(ledger['settled_usd'] * 10**9))} at list price "
        f"of a limit of {show_usd(round(ledger['cap_usd'] * 10**9))}.",
        "",
        "| model | the same tokens at list price |",
        "|---|---|",
        *(f"| {model} | ${amount:.2f} |" for model, amount in result["cost_by_model"].items()),
        "",
        *conflicts_as_markdown(result, result["titles"]),
        *_findings(result),
        "## Assumptions",
        "",
        *(f"- {text}" for text in result["assumptions"]),
        "",
    ]
    return "\n".join(lines)


def _tick(result: dict[str, Any]) -> str:
    """Whether it came out as it had to; only the true plan has to equal history."""
    if result["tree_equal"]:
        return "✔ equal, bit for bit"
    checked: dict[str, Any] = result.get("check") or {}
    if result["plan"] == "true" or not checked.get("ok"):
        return "✘ not equal"
    paths = ", ".join(f"`{one['path']}`" for one in checked["differences"])
    return f"✔ every landing is what git merges, but not as in history: {paths}"


def _plan_row(kind: str, plan: dict[str, Any]) -> str:
    best = max(size["speedup"] for size in plan["fleet_sizes"])
    words = {
        "true": "what beads really need",
        "predicted": "predicted from files",
        "none": "everything at once",
    }
    return (
        f"| {words[kind]} | {plan['independent']} | {plan['critical_path']} | {plan['fit']['knee']} "
        f"| {best:.1f} × |"
    )


def _gates_line(result: dict[str, Any]) -> str:
    if not result["base_green"]:
        return f"Rehearsed without gates, as {result['gate_reason']}"
    if not result["gates"]:
        return "No gate ran: nothing was tested. Give one with `--gate`."
    lines = [f"{result['gate_runs']} runs, {result['gate_cached']} answers known from before.", ""]
    lines += ["| gate | notices a broken source | red by chance | quarantine |", "|---|---|---|---|"]
    lines += [
        f"| {_cell(gate['name'])} | {_sight(gate['sees'])} | {gate['flips']} of {gate['known_runs']} runs "
        f"| {quarantine(gate)} |"
        for gate in result["gates"]
    ]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _sight(sees: bool | None) -> str:
    return {True: "yes", False: "**no**", None: "not known"}[sees]


def quarantine(gate: dict[str, Any]) -> str:
    """What a gate's reds count for, from its entry in the result."""
    if not gate["quarantined"]:
        return "no"
    needed = gate["reds_needed"]
    return f"yes: {needed} reds in a row count" if needed else "yes: its reds blame nobody"


def _findings(result: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    if result["hot_spots"]:
        lines += ["## Files that serialise the work", ""]
        lines += [f"- `{spot['path']}`: {spot['beads']} beads" for spot in result["hot_spots"]]
        lines.append("")
    if result["proposed_config"]:
        lines += ["Add this to `.gastown.toml`, and they need not wait for each other:", ""]
        lines += ["```toml", *result["proposed_config"].splitlines(), "```", ""]
    if result["silent_differences"]:
        lines += ["## Merged without a conflict, but wrong", ""]
        for found in result["silent_differences"]:
            earlier, paths = ", ".join(found["earlier"]), ", ".join(found["paths"])
            lines.append(f"- {found['bead']} after {earlier}: {paths}")
            if found["lines"]:
                lines += ["", *(f"      {line}" for line in found["lines"]), ""]
        lines.append("")
    if result["needs_you"]:
        waiting = [
            f"- {item['bead'] or item['about']}: {' '.join(item['text'].split())}"
            for item in result["needs_you"]
        ]
        lines += ["## Needs you", "", *waiting, ""]
    return [*lines, *_faults_on_purpose(result)]


def _faults_on_purpose(result: dict[str, Any]) -> list[str]:
    chaos: dict[str, Any] | None = result.get("chaos")
    if chaos is None:
        return []
    faults = ", ".join(f"{kind} {number}" for kind, number in chaos["faults"].items()) or "none"
    lasting = ", ".join(f"{bead} ({fault})" for bead, fault in chaos["lasting"].items()) or "no bead"
    return [
        f"## Faults on purpose (`--chaos {chaos['seed']}`)",
        "",
        f"- {faults}",
        f"- with one that lasts, so that only the user can help: {lasting}",
        "",
    ]


def _minutes(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02} s"
