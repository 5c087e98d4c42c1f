"""What a rehearsal says at its end: the object that `--json` prints."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from gastown_desktop.core.flakiness import reds_needed
from gastown_desktop.core.ids import Oid
from gastown_desktop.core.ledger import Settle
from gastown_desktop.core.money import json_usd
from gastown_desktop.core.prices import PRICES_DATED
from gastown_desktop.core.projection import GateView, Projection
from gastown_desktop.engine.conflict_evidence import conflict_figures
from gastown_desktop.engine.evidence import as_json, cost_by_model, gather
from gastown_desktop.engine.plan_kinds import dag_of
from gastown_desktop.engine.rehearsal import StoredRehearsal
from gastown_desktop.engine.spend_gate import SpendGate

HOLDS, DOES_NOT_HOLD, REFUSED, NEEDS_YOU = 0, 1, 2, 3
"""Exit codes; 130 is cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMeasured:
    """What only the process that ran it knows."""

    elapsed_s: float
    cpu_self_s: float
    cpu_git_s: float
    cpu_tools_s: float
    peak_mb: float
    user_repo_untouched: bool
    sandbox: str


def result_of(
    state: Projection,
    rehearsal: StoredRehearsal,
    landed_tree: Oid | None,
    gate: SpendGate,
    measured: RunMeasured,
    provider_bill: int,
) -> dict[str, Any]:
    """The whole result as JSON values; money in dollars, times in seconds.

    Args:
        state: the rehearsal as it stands.
        rehearsal: what was asked for.
        landed_tree: what it landed; None before.
        gate: its ledger.
        measured: what only the process knows.
        provider_bill: nano-dollars, by the stand-in's own arithmetic.
    """
    plan, kind = rehearsal.plan, rehearsal.settings.plan
    dag = dag_of(plan, kind, rehearsal.settings.serialising)
    totals = gate.ledger.totals(f"convoy:{rehearsal.convoy}")
    evidence = gather(state, rehearsal)
    usages = [record.usage for record in gate.records if isinstance(record, Settle)]
    return {
        "convoy": rehearsal.convoy,
        "plan": kind,
        "base": plan.base,
        "tip": plan.tip,
        "expected_tree": plan.expected_tree,
        "landed_tree": landed_tree,
        "tree_equal": landed_tree == plan.expected_tree,
        "beads": len(plan.works),
        "independent": dag.independent,
        "critical_path": len(dag.critical_path()),
        "merged": len(state.merged() & plan.works.keys()),
        "needs_you": needs_json(state),
        "dependencies": len(dag.all_dependencies),
        **conflict_figures(state, plan),
        "titles": {bead: work.subject for bead, work in plan.works.items()},
        "silent_differences": [asdict(difference) for difference in plan.silent],
        "mechanical": [
            {"bead": bead, "path": path, "reason": reason}
            for bead, paths in rehearsal.mechanical.items()
            for path, reason in paths.items()
        ],
        "left_out": plan.left_out,
        "rework": sum(view.rework for view in state.beads.values()),
        "gate_runs": state.gate_runs,
        "gate_cached": state.gate_cached,
        "gates": [gate_json(gate) for gate in state.gates.values()],
        "gate_sees": bool(state.gate_sees),
        "gate_reason": state.gate_reason,
        "base_green": state.base_green is not False,
        "model_requests": gate.requests,
        "restarts": state.restarts,
        **cpu_json(measured),
        "list_price_usd": json_usd(totals.settled),
        "provider_bill_usd": json_usd(provider_bill),
        "cost_by_model": cost_by_model(usages),
        "tokens": {
            "prompt": sum(usage.prompt_tokens for usage in usages),
            "cached": sum(usage.cache_read_tokens for usage in usages),
            "reply": sum(usage.output_tokens for usage in usages),
        },
        "prices_dated": PRICES_DATED,
        "ledger": {
            "cap_usd": json_usd(totals.cap or 0),
            "settled_usd": json_usd(totals.settled),
            "assumed_usd": json_usd(totals.assumed),
            "held_usd": json_usd(totals.held),
            "max_committed_usd": json_usd(totals.max_committed),
        },
        "user_repo_untouched": measured.user_repo_untouched,
        **as_json(evidence),
    }


def needs_json(state: Projection) -> list[dict[str, Any]]:
    """What waits for the user."""
    return [
        {"item": need.item, "about": need.about, "bead": need.bead, "text": need.text}
        for need in state.needs_you.values()
    ]


def cpu_json(measured: RunMeasured) -> dict[str, Any]:
    """Time, memory and sandbox of a run."""
    return {
        "elapsed_s": round(measured.elapsed_s, 2),
        "cpu_s": {
            "self": round(measured.cpu_self_s, 2),
            "git": round(measured.cpu_git_s, 2),
            "tools": round(measured.cpu_tools_s, 2),
        },
        "peak_mb": round(measured.peak_mb, 1),
        "sandbox": measured.sandbox,
    }


def gate_json(gate: GateView) -> dict[str, Any]:
    """What is known of a gate."""
    return {
        "name": gate.name,
        "sees": gate.sees,
        "runs": gate.runs,
        "known_runs": gate.record.runs,
        "flips": gate.record.flips,
        "flake_rate": round(gate.record.rate, 4),
        "reds_needed": reds_needed(gate.record),
        "quarantined": gate.record.quarantined,
    }


def exit_code(result: dict[str, Any]) -> int:
    """How the command ends.

    Under the true plan the landed tree must equal history; under the others it may differ where git merges
    silently wrong, and the checker's word counts.
    """
    checked = result.get("check")
    if checked is not None and not checked["ok"]:
        return DOES_NOT_HOLD
    if result["merged"] < result["beads"] and result["needs_you"]:
        return NEEDS_YOU
    proven = result["tree_equal"] or (result["plan"] != "true" and checked is not None)
    return HOLDS if proven and result["user_repo_untouched"] else DOES_NOT_HOLD
