"""Was it worth it: the report of a convoy as JSON values. Its keys are stable; money is in dollars."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from gastown_desktop.core import events as ev
from gastown_desktop.core.charges import Charge, Sums, cap_in, charges_of, holds_scope
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.ledger import Record, closing_reserve
from gastown_desktop.core.money import json_usd
from gastown_desktop.core.usage import Usage
from gastown_desktop.core.worth import (
    Forecast,
    Layers,
    Saved,
    Speed,
    WastedKind,
    Worth,
    saved_of,
    share,
    works_in,
    worth_of,
)
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.rehearsal import plan_ref

INFRASTRUCTURE_USD = 0.0
"""What this program itself takes: it runs on the user's machine."""
_UNFINISHED = ("draft", "open", "hooked", "submitted", "blocked", "deferred")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What is known of how a convoy was run, beyond its history."""

    slots: int | None = None
    paced: bool = True
    """False where the model was not waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the user wants to know on top."""

    hourly_rate: int | None = None
    """What an hour of theirs is worth, nano-dollars."""
    hours: Fraction | None = None
    """What they think that the work would have taken them."""
    forecast: tuple[int, int] | None = None
    """(P50, P90) of all that is spent, nano-dollars; None for what the history tells of the launch."""


async def fleet_of(objects: GitObjects, convoy: ConvoyId) -> Fleet:
    """How a rehearsal was run; of other convoys nothing is kept."""
    blob = await objects.read_ref(plan_ref(convoy))
    if blob is None:
        return Fleet()
    settings: Mapping[str, Any] = json.loads(await objects.read_blob(blob))["settings"]
    return Fleet(slots=settings["polecats"], paced=settings["real_pace"])


def ledger_with(convoy: ConvoyId, ledgers: Sequence[Sequence[Record]]) -> Sequence[Record]:
    """The ledger that a convoy's requests are in; none where no ledger knows it."""
    scope = f"convoy:{convoy}"
    return next((records for records in ledgers if holds_scope(records, scope)), ())


def report_of(
    envelopes: Sequence[ev.Envelope], records: Sequence[Record], fleet: Fleet, question: Question
) -> dict[str, Any]:
    """The whole report as JSON values.

    Args:
        envelopes: the convoy's history, oldest first.
        records: its ledger, oldest first; other convoys' requests are left out.
        fleet: what is known of how it was run.
        question: what the user wants to know on top.

    Raises:
        Refused: there is nothing to tell of, or its ledger is gone.
    """
    charges = _charges(envelopes, records)
    worth = worth_of(envelopes, charges, slots=fleet.slots, paced=fleet.paced)
    return {
        **_head(worth),
        "beads": _beads(worth),
        "cost": _cost(worth, cap_in(records, f"convoy:{worth.state.convoy}")),
        "wasted": _wasted(worth),
        "rework": _rework(worth),
        "gates": _gates(worth),
        "questions": _rounded(asdict(worth.questions)),
        "needs_you": _rounded(asdict(worth.needs)),
        "speed": _speed(worth.speed),
        "saved": _saved(worth, question),
        "forecast": _forecast(worth, question),
        "layers": _layers(worth.layers, worth.sums),
        "tokens": _tokens(worth),
        "by_role": lines(worth.by_role),
        "by_bead": lines(worth.by_bead),
        "by_polecat": lines(worth.by_polecat),
        "by_model": lines(worth.by_model),
        "by_day": lines(worth.by_day),
    }


def lines(sums: Mapping[str, Sums]) -> list[dict[str, Any]]:
    """Sums by name as JSON values, in their order."""
    return [{"name": name, **line_of(one)} for name, one in sums.items()]


def line_of(sums: Sums) -> dict[str, Any]:
    """One sum as JSON values."""
    return {
        "requests": sums.requests,
        "settled_usd": json_usd(sums.settled),
        "assumed_usd": json_usd(sums.assumed),
        "held_usd": json_usd(sums.held),
        "spent_usd": json_usd(sums.spent),
        **token_counts(sums.usage),
    }


def token_counts(usage: Usage) -> dict[str, int]:
    """Tokens as JSON values; `prompt_tokens` counts all of a prompt, whatever the cache did."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "reply_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_written_tokens": usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
    }


def _charges(envelopes: Sequence[ev.Envelope], records: Sequence[Record]) -> list[Charge]:
    """The convoy's own requests.

    Raises:
        Refused: there is nothing to tell of, or its ledger is gone.
    """
    if not envelopes:
        raise Refused("The history of this convoy is empty.")
    convoy = envelopes[0].event.convoy
    scope = f"convoy:{convoy}"
    if not holds_scope(records, scope) and any(isinstance(one.event, ev.TurnEnded) for one in envelopes):
        raise Refused(
            f"The ledger of {convoy} is not there, so nobody knows what it cost.",
            safe="Its history is whole.",
        )
    return [one for one in charges_of(records) if scope in one.scopes]


def _head(worth: Worth) -> dict[str, Any]:
    state = worth.state
    return {
        "convoy": state.convoy,
        "title": state.title,
        "rig": state.rig,
        "rehearsal": state.rehearsal,
        "stage": state.stage,
        "began": worth.began.isoformat(),
        "ended": worth.ended.isoformat(),
        "titles": {bead: view.bead.title for bead, view in state.beads.items()},
    }


def _beads(worth: Worth) -> dict[str, int]:
    state = worth.state
    return {
        "begun": sum(view.attempts > 0 for view in state.beads.values() if view.bead.kind != "resolve"),
        "landed": len(works_in(state, "landed")),
        "merged": len(state.merged()),
        "failed": len(works_in(state, "failed")),
        "discarded": sum(
            view.status == "discarded" and view.bead.kind != "resolve" for view in state.beads.values()
        ),
        "unfinished": sum(len(works_in(state, status)) for status in _UNFINISHED),
        "resolvers": sum(view.bead.kind == "resolve" for view in state.beads.values()),
    }


def _cost(worth: Worth, cap: int | None) -> dict[str, Any]:
    """What it cost; of a rehearsal nothing was paid, all of it is at list price."""
    state, sums = worth.state, worth.sums
    landed = bool(works_in(state, "landed"))
    each = None if worth.per_bead is None else json_usd(worth.per_bead)
    return {
        "requests": sums.requests,
        "settled_usd": json_usd(sums.settled),
        "assumed_usd": json_usd(sums.assumed),
        "held_usd": json_usd(sums.held),
        "spent_usd": json_usd(sums.spent),
        "paid_usd": 0.0 if state.rehearsal else json_usd(sums.spent),
        "per_landed_bead_usd": each if landed else None,
        "per_merged_bead_usd": None if landed else each,
        "cap_usd": None if cap is None else json_usd(cap),
        "closing_reserve_usd": None if cap is None else json_usd(closing_reserve(cap)),
    }


def _wasted(worth: Worth) -> dict[str, Any]:
    wasted, spent = worth.wasted_total, worth.sums.spent
    return {
        "usd": json_usd(wasted),
        "share": _figure(share(wasted, spent), 4),
        "kinds": [_wasted_kind(one) for one in worth.wasted],
    }


def _wasted_kind(one: WastedKind) -> dict[str, Any]:
    beads = [{"bead": bead, "usd": json_usd(amount)} for bead, amount in one.by_bead.items()]
    return {
        "kind": one.kind,
        "usd": json_usd(one.sums.spent),
        "requests": one.sums.requests,
        "beads": beads,
    }


def _rework(worth: Worth) -> dict[str, Any]:
    state = worth.state
    begun = [view for view in state.beads.values() if view.attempts and view.bead.kind != "resolve"]
    rounds = sum(view.rework for view in state.beads.values())
    return {
        "conflicts": state.conflicts,
        "conflicts_per_landing": _figure(share(state.conflicts, len(state.merged())), 3),
        "rounds": rounds,
        "rounds_per_bead": _figure(share(rounds, len(begun)), 3),
        "restarts": state.restarts,
    }


def _gates(worth: Worth) -> dict[str, Any]:
    state = worth.state
    return {
        "runs": state.gate_runs,
        "seconds": round(state.gate_seconds, 1),
        "cached": state.gate_cached,
        "saved_s": round(state.gate_saved_s, 1),
    }


def _speed(speed: Speed) -> dict[str, Any]:
    return {
        "measured": not speed.why_not,
        "why_not": speed.why_not,
        "speed_up": _figure(speed.speed_up, 2),
        "idle_share": _figure(speed.idle_share, 4),
        "slots": speed.slots,
        "slots_known": speed.slots_known,
        **_rounded(asdict(speed.times)),
    }


def _saved(worth: Worth, question: Question) -> dict[str, Any] | None:
    if question.hourly_rate is None:
        return None
    saved: Saved = saved_of(worth.sums.spent, question.hourly_rate, question.hours)
    return {
        "hourly_rate_usd": json_usd(saved.hourly_rate),
        "break_even_hours": _figure(float(saved.break_even_hours), 4),
        "hours": None if saved.hours is None else float(saved.hours),
        "saved_usd": None if saved.saved is None else json_usd(saved.saved),
    }


def _forecast(worth: Worth, question: Question) -> dict[str, Any] | None:
    """What was expected against what it came to; the history tells it where nobody else does."""
    told = worth.state.forecast
    if question.forecast is not None:
        (p50, p90), before, basis = question.forecast, 0, ""
    elif told is not None:
        p50, p90, before, basis = told.p50, told.p90, told.spent, told.basis
    else:
        return None
    forecast = Forecast(p50=p50, p90=p90, spent=worth.sums.spent - before)
    return {
        "p50_usd": json_usd(p50),
        "p90_usd": json_usd(p90),
        "spent_before_usd": json_usd(before),
        "spent_usd": json_usd(forecast.spent),
        "verdict": forecast.verdict,
        "basis": basis,
    }


def _layers(layers: Layers, sums: Sums) -> dict[str, Any]:
    """The layers add up to what was spent."""
    return {
        "list_price_usd": json_usd(layers.listed),
        "gateway_mark_up_usd": None if layers.mark_up is None else json_usd(layers.mark_up),
        "assumed_usd": json_usd(sums.assumed),
        "infrastructure_usd": INFRASTRUCTURE_USD,
    }


def _tokens(worth: Worth) -> dict[str, Any]:
    return {
        **token_counts(worth.sums.usage),
        "cache_hit_share": _figure(worth.hit_share, 4),
        "cache_hit_share_after_first": _figure(worth.hit_share_after_first, 4),
    }


def _figure(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {name: round(one, 1) if isinstance(one, float) else one for name, one in values.items()}
