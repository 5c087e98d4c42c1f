"""What is known of a convoy as JSON values, for those who leave. Its keys are stable; money is in dollars."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from gastown_desktop.core.charges import Charge
from gastown_desktop.core.money import NANO, json_usd
from gastown_desktop.core.plain_text import cell_text
from gastown_desktop.core.projection import BeadView, Projection

_HEADS = (
    *("time", "part", "convoy", "request", "bead", "worker", "role", "model", "provider, key", "state"),
    *("amount_usd", "input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"),
    *("output_tokens", "what", "note"),
)


def convoy_record(state: Projection) -> dict[str, Any]:
    """Where a convoy stands, bead by bead."""
    return {
        "convoy": state.convoy,
        "title": state.title,
        "rig": state.rig,
        "rehearsal": state.rehearsal,
        "stage": state.stage,
        "reason": state.stage_reason,
        "base": state.base,
        "stands_on": state.stands_on,
        "target": state.target,
        "plan": state.plan,
        "reviewed": state.reviewed,
        "began": _time(state.started_at),
        "last_event": _time(state.last_at),
        "landed_on": state.landed_on,
        "landed_commit": state.landed_commit,
        "landed_before": state.landed_before,
        "landed_tree": state.landed_tree,
        "missing_on": state.missing_on,
        "pushed": state.pushed,
        "reverted_by": state.reverted_by,
        "caps_usd": {name: None if cap is None else json_usd(cap) for name, cap in state.caps.items()},
        "conflicts": state.conflicts,
        "restarts": state.restarts,
        "gate_runs": state.gate_runs,
        "gates": [
            {"name": one.name, "sees": one.sees, "runs": one.runs, "flips": one.record.flips}
            for one in state.gates.values()
        ],
        "beads": [_bead(one) for one in state.beads.values()],
        "dependencies": [{"bead": one.bead, "on": one.on, "type": one.kind} for one in state.dependencies],
        "merges": [
            {
                "id": one.id,
                "bead": one.bead,
                "branch": one.branch,
                "commit": one.commit,
                "base": one.base,
                "polecat": one.polecat,
                "state": one.state,
                "reason": one.reason,
                "verdict": one.verdict,
                "submitted": _time(one.submitted_at),
            }
            for one in state.merges.values()
        ],
        "needs_you": [
            {"item": one.item, "about": one.about, "bead": one.bead, "text": one.text, "at": _time(one.at)}
            for one in state.needs_you.values()
        ],
    }


def ledger_as_csv(charges: Iterable[tuple[str, Charge]]) -> str:
    """Every request as a line; amounts in dollars, exact, times with their offset.

    Args:
        charges: each request with the part that it belongs to: `paid` or `rehearsed`.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEADS)
    for part, one in charges:
        usage = one.usage
        tokens: list[int | str] = (
            [""] * 5
            if usage is None
            else [
                usage.input_tokens,
                usage.cache_read_tokens,
                usage.cache_write_5m_tokens,
                usage.cache_write_1h_tokens,
                usage.output_tokens,
            ]
        )
        names = [one.named("convoy"), one.id, one.named("bead"), one.named("polecat"), one.named("role")]
        texts = [cell_text(text) for text in (*names, one.model, one.origin, one.state)]
        amount = f"{one.amount // NANO}.{one.amount % NANO:09}"
        words = [cell_text(one.what), cell_text(one.note)]
        writer.writerow([one.at.isoformat(), part, *texts, amount, *tokens, *words])
    return out.getvalue()


def _bead(view: BeadView) -> dict[str, Any]:
    bead = view.bead
    return {
        "id": bead.id,
        "title": bead.title,
        "type": bead.kind,
        "status": view.status,
        "reason": view.reason,
        "priority": bead.priority,
        "size": bead.size,
        "files": list(bead.files),
        "polecat": view.polecat,
        "model": view.model or bead.model,
        "attempts": view.attempts,
        "turns": view.turns,
        "restarts": view.restarts,
        "rework": view.rework,
        "list_price_usd": json_usd(view.cost),
        "commit": view.commit,
        "began": _time(view.first_slung_at),
        "merged": _time(view.merged_at),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
