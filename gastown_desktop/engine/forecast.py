"""What a plan will cost: the rig's past beads, from its histories and ledgers, and the forecast from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gastown_desktop.core import events as ev
from gastown_desktop.core.bead import NOT_DISPATCHABLE
from gastown_desktop.core.charges import Charge, charges_of
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.fleet import FLEET_SIZES
from gastown_desktop.core.forecast import Forecast, PastBead, PlanBead, forecast_of
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.ledger import Record
from gastown_desktop.core.money import json_usd
from gastown_desktop.core.prices import Price
from gastown_desktop.core.projection import BeadView, ForecastView, Projection, fold
from gastown_desktop.core.wording import plural
from gastown_desktop.core.working_time import bead_seconds
from gastown_desktop.engine.evidence import FIRST_TOKEN_S, TOKENS_PER_SECOND

_OVER = frozenset({"merged", "landed", "failed"})
"""What failed was paid for as well: without it, forecasts would be of the beads that went well."""
_DONE = _OVER | {"discarded"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Where the past of a rig is read, while others may write it: no lock is taken and nothing is changed."""

    convoys: Sequence[ConvoyId]
    """The one that was written last first."""
    history: Callable[[ConvoyId], Sequence[ev.Envelope]]
    """Events of a convoy, oldest first; raises StoreError where they are damaged."""
    ledger: Callable[[], Sequence[Record]]
    """Records of all real work; raises StoreError where they are damaged."""
    rehearsal_ledger: Callable[[ConvoyId], Sequence[Record]]
    """Records of a rehearsal; raises StoreError where they are damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is known of a rig."""

    beads: tuple[PastBead, ...] = ()
    gate_s: float = 0.0
    """Seconds of one answer of the gates, on average; 0 where none was run."""
    unread: tuple[str, ...] = ()
    """Why something of it is left out."""


def past_of(archive: Archive) -> Past:
    """All real beads of a rig that are over, and those of its newest rehearsal that came to something."""
    beads, unread, rehearsed = list[PastBead](), list[str](), False
    answers, seconds = 0, 0.0
    paid = _by_convoy(archive.ledger, unread)
    for convoy in archive.convoys:
        try:
            envelopes = archive.history(convoy)
            state = fold(list(envelopes))
            if state.rehearsal and not rehearsed:
                found = past_beads(envelopes, charges_of(archive.rehearsal_ledger(convoy)))
                rehearsed = bool(found)
            else:
                found = [] if state.rehearsal else past_beads(envelopes, paid.get(convoy, ()))
        except StoreError as error:
            unread.append(str(error))
            continue
        beads += found
        answers += state.gate_runs + state.gate_cached
        seconds += state.gate_seconds + state.gate_saved_s
    return Past(beads=tuple(beads), gate_s=seconds / answers if answers else 0.0, unread=tuple(unread))


def past_beads(envelopes: Sequence[ev.Envelope], charges: Sequence[Charge]) -> list[PastBead]:
    """Beads of a convoy that are over.

    Args:
        envelopes: its history, oldest first.
        charges: its requests; a resolver's are charged to the bead whose conflict it resolves.
    """
    state = fold(list(envelopes))
    seconds = {} if state.rehearsal else bead_seconds(envelopes, charges)
    spent: dict[str, int] = {}
    for charge in charges:
        spent[charge.named("bead")] = spent.get(charge.named("bead"), 0) + charge.spent
    return [
        PastBead(
            size=view.bead.size,
            files=len(view.bead.files),
            model=view.model or view.bead.model or "",
            cost=spent.get(bead, 0),
            turns=view.turns,
            seconds=_rehearsed_s(view) if state.rehearsal else seconds.get(bead, 0.0),
            rehearsed=state.rehearsal,
        )
        for bead, view in state.beads.items()
        if view.status in _OVER and view.bead.kind != "resolve" and view.attempts
    ]


def forecast_plan(
    state: Projection, past: Past, prices: Mapping[str, Price], *, model: str, price: Price
) -> Forecast | None:
    """What the unfinished beads of a convoy will cost; None where there are none.

    Args:
        state: the convoy.
        past: what is known of the rig.
        prices: of all models that are known.
        model: the fleet's; a bead's own comes first.
        price: that of the fleet's model, also taken for a bead's own whose price is not known.
    """
    works = state.works()
    plan = [_to_do(state.beads[bead], model) for bead in works if _is_to_do(state.beads[bead])]
    if not plan:
        return None
    known = {**{one.model: price for one in plan if one.model not in prices}, **prices, model: price}
    dag = Dag(works, (one for one in state.dependencies if one.bead in works and one.on in works))
    return forecast_of(past.beads, plan, dag, known, gate_s=past.gate_s)


def forecast_event(
    where: Any, forecast: Forecast, past: Past, *, workers: int, spent: int
) -> ev.ConvoyForecast:
    """What is told of a forecast when its convoy is launched.

    Args:
        where: the fields that every event of the convoy begins with.
        forecast: the forecast.
        past: what it was reckoned from.
        workers: size of the fleet.
        spent: nano-dollars that the convoy cost so far.
    """
    left_out = f" ({plural(len(past.unread), 'damaged file')} left out)" if past.unread else ""
    return ev.ConvoyForecast(
        **where,
        p50=forecast.convoy.p50,
        p90=forecast.convoy.p90,
        beads=len(forecast.beads),
        basis=forecast.basis + left_out,
        source=forecast.source,
        spent=spent,
        bead_p50={bead: one.p50 for bead, one in forecast.beads.items()},
        bead_p90={bead: one.p90 for bead, one in forecast.beads.items()},
        workers=workers,
        knee=forecast.knee,
        per_hour=tuple(one.per_hour for one in forecast.rates),
    )


def forecast_json(forecast: ForecastView | None) -> dict[str, Any] | None:
    """A forecast as JSON values, in dollars; None for none."""
    if forecast is None:
        return None
    return {
        "p50_usd": json_usd(forecast.p50),
        "p90_usd": json_usd(forecast.p90),
        "beads": forecast.beads,
        "basis": forecast.basis,
        "source": forecast.source,
        "workers": forecast.workers,
        "per_hour_usd": json_usd(forecast.per_hour_with(forecast.workers)),
        "knee": forecast.knee,
        "fleet": [
            {"workers": size, "per_hour_usd": json_usd(forecast.per_hour_with(size))} for size in FLEET_SIZES
        ],
        "by_bead": [
            {"bead": bead, "p50_usd": json_usd(likely), "p90_usd": json_usd(forecast.bead_p90[bead])}
            for bead, likely in forecast.bead_p50.items()
        ],
    }


def _by_convoy(ledger: Callable[[], Sequence[Record]], unread: list[str]) -> dict[str, list[Charge]]:
    """The requests of each convoy of real work; none where the ledger is damaged: then `unread` says so."""
    try:
        charges = charges_of(ledger())
    except StoreError as error:
        unread.append(str(error))
        return {}
    found: dict[str, list[Charge]] = {}
    for charge in charges:
        found.setdefault(charge.named("convoy"), []).append(charge)
    return found


def _rehearsed_s(view: BeadView) -> float:
    """How long a stand-in's bead would keep a worker whose model is waited for."""
    return view.tool_s + view.output_tokens / TOKENS_PER_SECOND + view.turns * FIRST_TOKEN_S


def _is_to_do(view: BeadView) -> bool:
    return view.status not in _DONE and view.bead.kind not in NOT_DISPATCHABLE


def _to_do(view: BeadView, model: str) -> PlanBead:
    bead = view.bead
    return PlanBead(bead=bead.id, size=bead.size, files=len(bead.files), model=bead.model or model)
