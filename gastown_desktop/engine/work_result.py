"""What real work says at its end: the object that `run --json` prints, with the keys of a rehearsal's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.ids import Oid
from gastown_desktop.core.ledger import Ledger, Record
from gastown_desktop.core.money import json_usd
from gastown_desktop.core.prices import ASSUMPTIONS, PRICES_DATED
from gastown_desktop.core.projection import BeadView, ForecastView, Projection
from gastown_desktop.core.usage import Usage
from gastown_desktop.engine.api import Bill, BillLine
from gastown_desktop.engine.billing import bill_of
from gastown_desktop.engine.forecast import forecast_json
from gastown_desktop.engine.rehearsal_result import (
    DOES_NOT_HOLD,
    HOLDS,
    NEEDS_YOU,
    RunMeasured,
    cpu_json,
    gate_json,
    needs_json,
)
from gastown_desktop.engine.work import StoredWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The ledger as the result needs it."""

    records: tuple[Record, ...]
    ledger: Ledger
    prefix: str
    """Names what every worker's requests begin with."""


def work_result(
    state: Projection,
    work: StoredWork,
    tip: Oid | None,
    landed_tree: Oid | None,
    spent: Spent,
    measured: RunMeasured,
    forecast: ForecastView | None = None,
) -> dict[str, Any]:
    """The whole result as JSON values; money in dollars, times in seconds.

    Args:
        state: the convoy as it stands.
        work: what was asked for.
        tip: of the convoy branch.
        landed_tree: what it landed; None before.
        spent: its ledger.
        measured: what only the process knows.
        forecast: what it was expected to cost, once there is a plan.
    """
    works = state.works()
    dag = Dag(works, (one for one in state.dependencies if one.bead in works and one.on in works))
    bill = bill_of(spent.records, spent.ledger, state)
    totals = spent.ledger.totals(f"convoy:{work.convoy}")
    return {
        "convoy": work.convoy,
        "goal": work.goal,
        "plan": "given",
        "stage": state.stage,
        "base": work.base,
        "target": work.target,
        "tip": tip,
        "landed_tree": landed_tree,
        "landed_on": state.landed_on or None,
        "beads": len(works),
        "independent": dag.independent,
        "critical_path": len(dag.critical_path()),
        "merged": len(state.merged() & set(works)),
        "needs_you": needs_json(state),
        "dependencies": len(dag.all_dependencies),
        "planned": [_bead_json(state.beads[bead], dag) for bead in works],
        "rework": sum(view.rework for view in state.beads.values()),
        "gate_runs": state.gate_runs,
        "gate_cached": state.gate_cached,
        "gates": [gate_json(gate) for gate in state.gates.values()],
        "gate_sees": bool(state.gate_sees),
        "gate_reason": state.gate_reason,
        "base_green": state.base_green is not False,
        "model": work.settings.model,
        "model_requests": sum(line.requests for line in bill.by_model),
        "restarts": state.restarts,
        **cpu_json(measured),
        "prices_dated": PRICES_DATED,
        "assumptions": ASSUMPTIONS,
        "forecast": forecast_json(forecast),
        "cost_by_role": _lines(bill.by_role),
        "cost_by_model": _lines(bill.by_model),
        "tokens": _tokens(line.usage for line in bill.by_model),
        "cache_hit_share": cache_hit_share(bill),
        "prefix": spent.prefix,
        "ledger": {
            "cap_usd": json_usd(totals.cap or 0),
            "settled_usd": json_usd(totals.settled),
            "assumed_usd": json_usd(totals.assumed),
            "held_usd": json_usd(totals.held),
            "reserve_usd": json_usd(bill.reserve),
            "max_committed_usd": json_usd(totals.max_committed),
        },
        "unattended": _away_json(work, spent),
        "user_repo_untouched": measured.user_repo_untouched,
    }


def work_exit_code(result: dict[str, Any], *, plan_only: bool) -> int:
    """How the command ends: 0 when all that was asked for is done, 3 when something waits for the user."""
    if result["needs_you"]:
        return NEEDS_YOU
    if plan_only:
        return HOLDS if result["beads"] else DOES_NOT_HOLD
    return HOLDS if result["beads"] and result["merged"] == result["beads"] else DOES_NOT_HOLD


def cache_hit_share(bill: Bill) -> float | None:
    """Prompt tokens read from the cache, of all prompt tokens of the convoy; None before the first reply."""
    usages = [line.usage for line in bill.by_model]
    prompt = sum(usage.prompt_tokens for usage in usages)
    return round(sum(usage.cache_read_tokens for usage in usages) / prompt, 4) if prompt else None


def work_markdown(result: dict[str, Any]) -> str:
    """The result for people."""
    ledger = result["ledger"]
    spent = ledger["settled_usd"] + ledger["assumed_usd"]
    lines = [
        f"# {result['goal']}",
        "",
        f"{result['merged']} of {result['beads']} beads are merged; "
        f"${spent:.2f} of ${ledger['cap_usd']:.2f} is spent"
        + (f", ${ledger['assumed_usd']:.2f} of it assumed." if ledger["assumed_usd"] else "."),
        "",
        *_away(result["unattended"]),
        *_forecast(result["forecast"]),
    ]
    for bead in result["planned"]:
        after = f", after {', '.join(bead['after'])}" if bead["after"] else ""
        lines.append(f"- {bead['bead']} {bead['title']} ({bead['status']}, ${bead['cost_usd']:.2f}{after})")
    if result["needs_you"]:
        lines += ["", "## Needs you", ""]
        lines += [
            f"- {need['item']}: {next(iter(need['text'].splitlines()), '')}" for need in result["needs_you"]
        ]
    if result["cost_by_role"]:
        lines += ["", "## Cost", ""]
        lines += [f"- {one['name']}: ${one['settled_usd']:.2f}" for one in result["cost_by_role"]]
    return "\n".join(lines) + "\n"


def _away_json(work: StoredWork, spent: Spent) -> dict[str, Any] | None:
    """How long nobody answers, and what was spent meanwhile; None where somebody does."""
    away = work.settings.unattended
    if away is None:
        return None
    committed = away.spent(spent.records, f"convoy:{work.convoy}")
    return {
        "until": None if away.until is None else away.until.isoformat(),
        "at_most_usd": None if away.at_most is None else json_usd(away.at_most),
        "spent_usd": json_usd(committed),
        "words": away.words(committed),
    }


def _away(away: dict[str, Any] | None) -> list[str]:
    return [] if away is None else [f"{away['words'][0].upper()}{away['words'][1:]}.", ""]


def _forecast(forecast: dict[str, Any] | None) -> list[str]:
    if forecast is None:
        return []
    span = f"${forecast['p50_usd']:,.2f}–${forecast['p90_usd']:,.2f} (P50–P90)"
    return [f"Forecast for {forecast['beads']} beads: {span}, from {forecast['basis']}.", ""]


def _bead_json(view: BeadView, dag: Dag) -> dict[str, Any]:
    bead = view.bead
    return {
        "bead": bead.id,
        "title": bead.title,
        "acceptance": bead.acceptance,
        "files": list(bead.files),
        "size": bead.size,
        "after": list(dag.dependencies(bead.id)),
        "status": view.status,
        "turns": view.turns,
        "cost_usd": json_usd(view.cost),
    }


def _lines(lines: Iterable[BillLine]) -> list[dict[str, Any]]:
    return [
        {
            "name": line.name,
            "requests": line.requests,
            "settled_usd": json_usd(line.settled),
            "assumed_usd": json_usd(line.assumed),
            **_tokens([line.usage]),
        }
        for line in lines
    ]


def _tokens(usages: Iterable[Usage]) -> dict[str, int]:
    known = list(usages)
    return {
        "prompt": sum(usage.prompt_tokens for usage in known),
        "cached": sum(usage.cache_read_tokens for usage in known),
        "cache_written": sum(usage.cache_write_5m_tokens + usage.cache_write_1h_tokens for usage in known),
        "reply": sum(usage.output_tokens for usage in known),
    }
