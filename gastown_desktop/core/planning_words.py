"""What happens to a plan, in words; part of `core.history_words`."""

from __future__ import annotations

from decimal import Decimal

from gastown_desktop.core import planning_events as ev
from gastown_desktop.core.money import NANO
from gastown_desktop.core.views import ForecastView
from gastown_desktop.core.wording import plural, show_money

_FIELDS = {
    "title": "title",
    "description": "description",
    "acceptance": "acceptance",
    "type": "kind",
    "priority": "priority",
    "files": "files",
    "size": "size",
    "model": "model",
    "labels": "labels",
}


def edited_fields(event: ev.BeadEdited) -> str:
    """What was changed of a bead: `title, files`."""
    return ", ".join(words for name, words in _FIELDS.items() if getattr(event, name) is not None)


def said_words(event: ev.MayorSaid) -> tuple[str, str]:
    """Who said something, and its first line, or what was done instead."""
    who = "You told the Mayor" if event.who == "you" else "The Mayor said"
    lines = event.text.strip().splitlines()
    if lines:
        return who, f"“{lines[0]}”"
    names = ", ".join(dict.fromkeys(event.tools))
    return "The Mayor worked", names or plural(0, "tool")


def forecast_words(event: ev.ConvoyForecast) -> str:
    """What a forecast says: `$3.10–$5.40 for 12 beads, from 9 beads of this rig on claude-opus-5-5`."""
    span = f"{show_money(event.p50)}–{show_money(event.p90)}"
    return f"{span} for {plural(event.beads, 'bead')}, {_resting_on(event)}"


def forecast_sentence(forecast: ForecastView) -> str:
    """`P50–P90: $3.10–$5.40, about $19/h with 6 workers (knee 6), from 12 beads of this rig on …`."""
    span = f"P50–P90: {show_money(forecast.p50)}–{show_money(forecast.p90)}"
    hourly = _rounded(forecast.per_hour_with(forecast.workers))
    pace = f"about {hourly}/h with {plural(forecast.workers, 'worker')} (knee {forecast.knee})"
    return f"{span}, {pace}, {_resting_on(forecast)}"


def _resting_on(forecast: ForecastView | ev.ConvoyForecast) -> str:
    return forecast.basis if forecast.source == "prior" else f"from {forecast.basis}"


def _rounded(amount: int) -> str:
    """An amount as one says it: without cents from $10."""
    return f"${round(Decimal(amount) / NANO):,}" if amount >= 10 * NANO else show_money(amount)
