"""What a plan will cost: the forecast from the rig's past beads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gastown_desktop.core import events as ev
from gastown_desktop.core.bead import NOT_DISPATCHABLE
from gastown_desktop.core.convoy import Dag
from gastown_desktop.core.fleet import FLEET_SIZES
from gastown_desktop.core.forecast import Forecast, PlanBead, forecast_of
from gastown_desktop.core.money import json_usd
from gastown_desktop.core.prices import Price
from gastown_desktop.core.projection import BeadView, ForecastView, Projection
from gastown_desktop.core.wording import plural
from gastown_desktop.engine.past import OVER, Past

_DONE = OVER | {"discarded"}


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


def _is_to_do(view: BeadView) -> bool:
    return view.status not in _DONE and view.bead.kind not in NOT_DISPATCHABLE


def _to_do(view: BeadView, model: str) -> PlanBead:
    bead = view.bead
    return PlanBead(bead=bead.id, size=bead.size, files=len(bead.files), model=bead.model or model)
