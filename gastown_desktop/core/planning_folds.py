"""How the events of a plan change the projection; part of `core.projection`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gastown_desktop.core import planning_events as ev
from gastown_desktop.core.durable import Durable
from gastown_desktop.core.views import ForecastView, SaidView

if TYPE_CHECKING:
    from gastown_desktop.core.projection import Projection


def _retitled(town: Projection, event: ev.ConvoyRetitled, at: datetime) -> None:
    del at
    town.title = event.title


def _bead_edited(town: Projection, event: ev.BeadEdited, at: datetime) -> None:
    del at
    if event.bead not in town.beads:
        return
    given = {
        "title": event.title,
        "description": event.description,
        "acceptance": event.acceptance,
        "kind": event.type,
        "priority": event.priority,
        "files": event.files,
        "size": event.size,
        "labels": event.labels,
    }
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if event.model is not None:
        changes["model"] = event.model or None
    view = town.beads[event.bead]
    town.beads[event.bead] = replace(view, bead=replace(view.bead, **changes))


def _bead_removed(town: Projection, event: ev.BeadRemoved, at: datetime) -> None:
    del at
    town.beads.pop(event.bead, None)
    town.dependencies = [one for one in town.dependencies if event.bead not in {one.bead, one.on}]
    town.forget_needs(event.bead)
    town.removed.add(event.bead)


def _bead_opened(town: Projection, event: ev.BeadOpened, at: datetime) -> None:
    del at
    if event.bead in town.beads and town.beads[event.bead].status == "draft":
        town.set_bead(event.bead, status="open")


def _dependency_removed(town: Projection, event: ev.DependencyRemoved, at: datetime) -> None:
    del at
    gone = (event.bead, event.on, event.type)
    town.dependencies = [one for one in town.dependencies if (one.bead, one.on, one.kind) != gone]


def _mayor_said(town: Projection, event: ev.MayorSaid, at: datetime) -> None:
    if any(one.turn == event.turn for one in town.mayor):
        return
    said = SaidView(
        who=event.who,
        turn=event.turn,
        text=event.text,
        tools=event.tools,
        shown=event.shown,
        cost=event.cost,
        at=at,
    )
    town.mayor.append(said)


def forecast_view(event: ev.ConvoyForecast, at: datetime | None = None) -> ForecastView:
    """A forecast as it is looked at.

    Args:
        event: the forecast.
        at: when it was told; None for one that was not.
    """
    return ForecastView(
        p50=event.p50,
        p90=event.p90,
        beads=event.beads,
        basis=event.basis,
        source=event.source,
        spent=event.spent,
        bead_p50=event.bead_p50,
        bead_p90=event.bead_p90,
        workers=event.workers,
        knee=event.knee,
        per_hour=event.per_hour,
        at=at,
    )


def _forecast(town: Projection, event: ev.ConvoyForecast, at: datetime) -> None:
    town.forecast = forecast_view(event, at)


PLANNING_FOLDS: Mapping[type[Durable], Callable[[Projection, Any, datetime], None]] = {
    ev.ConvoyRetitled: _retitled,
    ev.BeadEdited: _bead_edited,
    ev.BeadRemoved: _bead_removed,
    ev.BeadOpened: _bead_opened,
    ev.DependencyRemoved: _dependency_removed,
    ev.MayorSaid: _mayor_said,
    ev.ConvoyForecast: _forecast,
}
