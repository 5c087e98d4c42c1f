"""History in words: what each event says in the timeline, the status line and the terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gastown_desktop.core import events as ev
from gastown_desktop.core.card import State
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.planning_words import edited_fields, forecast_words, said_words
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.wording import plural, show_age, show_money


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One line of history."""

    glyph: State | str
    """Name of a state's glyph, or of an icon."""
    what: str
    """Who did what, short: `Ace landed`."""
    detail: str = ""
    """The rest of the line."""
    bead: BeadId | None = None
    cost: int | None = None
    """Nano-dollars, where it cost something."""
    minor: bool = False
    """It belongs to the bookkeeping: shown when looked for, not in the status line."""


def told(state: Projection, envelope: ev.Envelope) -> Told:
    """An event in words.

    Args:
        state: the convoy as it is now; names and titles come from it.
        envelope: the event.
    """
    return _WORDS[type(envelope.event)](state, envelope.event)


def headline(state: Projection, envelope: ev.Envelope) -> str:
    """One sentence for the status line; empty for what is not worth one."""
    line = told(state, envelope)
    if line.minor:
        return ""
    return f"{line.what}: {line.detail}" if line.detail else line.what


def _title(state: Projection, bead: BeadId) -> str:
    view = state.beads.get(bead)
    return view.bead.title if view is not None else bead


def _who(state: Projection, bead: BeadId) -> str:
    """The worker of a bead, or the bead where nobody has it."""
    view = state.beads.get(bead)
    return view.polecat if view is not None and view.polecat is not None else bead


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""


def _convoy_created(state: Projection, event: ev.ConvoyCreated) -> Told:
    return Told(glyph="queued", what="Convoy planned", detail=event.title)


def _bead_added(state: Projection, event: ev.BeadAdded) -> Told:
    return Told(glyph="queued", what="Bead added", detail=event.title, bead=event.bead, minor=True)


def _dependency_added(state: Projection, event: ev.DependencyAdded) -> Told:
    detail = f"on {event.on} {_title(state, event.on)}"
    return Told(glyph="queued", what=f"{event.bead} waits", detail=detail, bead=event.bead, minor=True)


def _stage(state: Projection, event: ev.ConvoyStageChanged) -> Told:
    words = {
        "running": "Convoy launched",
        "paused": "Convoy paused",
        "ready_to_land": "Convoy is ready to land",
        "landed": "Convoy landed",
    }
    what = words.get(event.stage, f"Convoy is {event.stage.replace('_', ' ')}")
    glyph: State = "paused_budget" if "limit" in event.reason else "starting"
    return Told(glyph=glyph, what=what, detail=event.reason or state.title)


def _slung(state: Projection, event: ev.BeadSlung) -> Told:
    title = _title(state, event.bead)
    return Told(glyph="starting", what=f"{event.polecat} started", detail=title, bead=event.bead)


def _polecat_state(state: Projection, event: ev.PolecatStateChanged) -> Told:
    view = state.polecats.get(event.polecat)
    bead = view.bead if view is not None else None
    glyphs: dict[str, State] = {"stuck": "stalled", "failed": "failed", "paused": "paused"}
    glyph = glyphs.get(event.state, "working")
    if event.state == "paused" and event.reason.startswith("budget"):
        glyph = "paused_budget"
    minor = event.state in {"working", "starting"} and not event.death
    what = f"{event.polecat} died and starts again" if event.death else f"{event.polecat} is {event.state}"
    return Told(glyph=glyph, what=what, detail=_first_line(event.reason), bead=bead, minor=minor)


def _turn(state: Projection, event: ev.TurnEnded) -> Told:
    names = list(dict.fromkeys(event.tools))
    did = ", ".join(names) if names else "spoke"
    detail = f"{did}; {plural(event.files_changed, 'file')} changed so far"
    return Told(
        glyph="working",
        what=f"{event.polecat} ended turn {event.turn}",
        detail=detail,
        bead=event.bead,
        cost=event.cost,
        minor=True,
    )


def _submitted(state: Projection, event: ev.BeadSubmitted) -> Told:
    detail = _first_line(event.summary) or _title(state, event.bead)
    return Told(glyph="review", what=f"{event.polecat} submitted", detail=detail, bead=event.bead)


def _merge_state(state: Projection, event: ev.MergeStateChanged) -> Told:
    who = _who(state, event.bead)
    glyphs: dict[str, State] = {"conflicted": "conflict", "resolving": "conflict", "red": "failed"}
    words = {
        "conflicted": f"{who} is in conflict",
        "resolving": f"The conflict of {who} goes to a resolver",
        "red": f"{who} was turned down",
        "queued": f"{who} is in the queue again",
        "ejected": f"{who} left the queue",
    }
    what = words.get(event.state, f"{who} is {event.state}")
    detail = _first_line(event.reason) or ", ".join(event.paths[:3])
    minor = event.state in {"checking", "gating", "superseded"}
    glyph = glyphs.get(event.state, "merging")
    return Told(glyph=glyph, what=what, detail=detail, bead=event.bead, minor=minor)


def _reviewed(state: Projection, event: ev.MergeReviewed) -> Told:
    who = _who(state, event.bead)
    words = {
        "approved": f"A reviewer approves {who}",
        "changes": f"A reviewer wants changes to {who}",
        "none": f"The review of {who} came to no verdict",
        "short": f"{who} has no money left for a review",
    }
    glyph: State = "review" if event.verdict == "approved" else "failed"
    detail = _first_line(event.text)
    return Told(glyph=glyph, what=words[event.verdict], detail=detail, bead=event.bead, cost=event.cost)


def _gate_run(state: Projection, event: ev.GateRun) -> Told:
    answer = "green" if event.green else "red"
    how = "known from before" if event.cached else show_age(event.seconds)
    beads = ", ".join(_who(state, bead) for bead in event.beads[:4]) or event.purpose
    glyph: State = "merging" if event.green else "failed"
    return Told(
        glyph=glyph,
        what=f"Gate {event.gate} {answer}",
        detail=f"{beads}, {how}",
        bead=event.beads[-1] if event.beads else None,
    )


def _gate_judged(state: Projection, event: ev.GateJudged) -> Told:
    if event.sees:
        return Told(glyph="review", what="The gates notice a broken source", detail=", ".join(event.seeing))
    return Told(glyph="failed", what="No gate notices a broken source", detail=_first_line(event.reason))


def _merged(state: Projection, event: ev.BeadMerged) -> Told:
    view = state.beads.get(event.bead)
    return Told(
        glyph="landed",
        what=f"{_who(state, event.bead)} merged",
        detail=_title(state, event.bead),
        bead=event.bead,
        cost=view.cost if view is not None else None,
    )


def _landed(state: Projection, event: ev.ConvoyLanded) -> Told:
    branch = event.target.removeprefix("refs/heads/")
    return Told(glyph="landed", what="Convoy landed", detail=f"on {branch} at {event.commit[:10]}")


def _restacked(state: Projection, event: ev.ConvoyRestacked) -> Told:
    detail = f"{plural(len(event.beads), 'commit')} on {event.base[:10]}"
    return Told(glyph="merging", what="Convoy was made again", detail=detail)


def _pushed(state: Projection, event: ev.ConvoyPushed) -> Told:
    return Told(glyph="landed", what="Convoy pushed", detail=f"to {event.remote}/{event.branch}")


def _dropped(state: Projection, event: ev.BeadDropped) -> Told:
    title = _title(state, event.bead)
    return Told(glyph="failed", what="Bead discarded", detail=event.reason or title, bead=event.bead)


def _undone(state: Projection, event: ev.LandingUndone) -> Told:
    how = "by a revert" if event.reverted else f"back to {event.commit[:10]}"
    return Told(glyph="ui_undo", what="Landing undone", detail=how)


def _reopened(state: Projection, event: ev.BeadReopened) -> Told:
    who = _who(state, event.bead)
    return Told(glyph="starting", what=f"{who} goes back", detail=_first_line(event.reason), bead=event.bead)


def _needs(state: Projection, event: ev.NeedsYou) -> Told:
    if event.bead is None:
        glyph = "paused_budget" if event.about == "limit" else "needs_you"
        return Told(glyph=glyph, what=_first_line(event.text).rstrip("."))
    who = _who(state, event.bead)
    verb = "asks" if event.about == "question" else "needs you"
    glyphs: dict[str, State] = {"conflict": "conflict", "limit": "paused_budget", "red": "failed"}
    about = glyphs.get(event.about, "needs_you")
    return Told(glyph=about, what=f"{who} {verb}", detail=_first_line(event.text), bead=event.bead)


def _answered(state: Projection, event: ev.NeedAnswered) -> Told:
    bead = BeadId(event.item.partition(":")[0])
    known = bead if bead in state.beads else None
    who = f" {_who(state, known)}" if known is not None else ""
    return Told(glyph="ui_user", what=f"You answered{who}", detail=_first_line(event.answer), bead=known)


def _cap(state: Projection, event: ev.CapChanged) -> Told:
    kind, _, name = event.scope.partition(":")
    bead = BeadId(name) if kind == "bead" else None
    shared = {"day": "Limit of a day", "town": "Limit of everything"}
    whose = f"Limit of {bead}" if bead else shared.get(kind, "Limit")
    if event.old is None:
        detail = f"to {show_money(event.new)}"
        return Told(glyph="ui_spend", what=f"{whose} set", detail=detail, bead=bead, minor=bead is not None)
    new = "none" if event.new is None else show_money(event.new)
    detail = f"from {show_money(event.old)} to {new}"
    return Told(glyph="ui_spend", what=f"{whose} changed", detail=detail, bead=bead)


def _recovered(state: Projection, event: ev.Recovered) -> Told:
    facts = "; ".join(event.facts)
    assumed = f"{plural(event.assumed_requests, 'request')} counted in full" if event.assumed_requests else ""
    detail = "; ".join(part for part in (facts, assumed) if part)
    return Told(glyph="ui_retry", what="Resumed after a stop", detail=detail)


def _paused(state: Projection, event: ev.DispatchPaused) -> Told:
    return Told(glyph="paused", what="No new work is started", detail=_first_line(event.reason))


def _message_sent(state: Projection, event: ev.MessageSent) -> Told:
    what = f"You told {_who(state, event.bead)}"
    return Told(glyph="ui_user", what=what, detail=f"“{_first_line(event.text)}”", bead=event.bead)


def _message_delivered(state: Projection, event: ev.MessageDelivered) -> Told:
    what = f"{_who(state, event.bead)} heard you"
    return Told(glyph="ui_user", what=what, detail=f"at turn {event.turn}", bead=event.bead, minor=True)


def _retitled(state: Projection, event: ev.ConvoyRetitled) -> Told:
    return Told(glyph="queued", what="Convoy has another title", detail=event.title)


def _bead_edited(state: Projection, event: ev.BeadEdited) -> Told:
    detail = f"{_title(state, event.bead)}: {edited_fields(event)}"
    return Told(glyph="queued", what="Bead changed", detail=detail, bead=event.bead, minor=True)


def _bead_removed(state: Projection, event: ev.BeadRemoved) -> Told:
    return Told(glyph="queued", what="Bead taken out", detail=event.bead, bead=event.bead, minor=True)


def _bead_opened(state: Projection, event: ev.BeadOpened) -> Told:
    title = _title(state, event.bead)
    return Told(glyph="queued", what="Bead may begin", detail=title, bead=event.bead, minor=True)


def _dependency_removed(state: Projection, event: ev.DependencyRemoved) -> Told:
    detail = f"for {event.on} {_title(state, event.on)}"
    what = f"{event.bead} does not wait any more"
    return Told(glyph="queued", what=what, detail=detail, bead=event.bead, minor=True)


def _mayor_said(state: Projection, event: ev.MayorSaid) -> Told:
    what, detail = said_words(event)
    glyph = "ui_user" if event.who == "you" else "ui_plan"
    return Told(glyph=glyph, what=what, detail=detail, cost=event.cost or None, minor=not event.text.strip())


def _forecast(state: Projection, event: ev.ConvoyForecast) -> Told:
    return Told(glyph="ui_spend", what="Expected to cost", detail=forecast_words(event))


_WORDS: dict[type[ev.Durable], Callable[[Projection, Any], Told]] = {
    ev.ConvoyCreated: _convoy_created,
    ev.BeadAdded: _bead_added,
    ev.DependencyAdded: _dependency_added,
    ev.ConvoyStageChanged: _stage,
    ev.BeadSlung: _slung,
    ev.PolecatStateChanged: _polecat_state,
    ev.TurnEnded: _turn,
    ev.BeadSubmitted: _submitted,
    ev.MergeStateChanged: _merge_state,
    ev.GateRun: _gate_run,
    ev.GateJudged: _gate_judged,
    ev.BeadMerged: _merged,
    ev.ConvoyLanded: _landed,
    ev.ConvoyRestacked: _restacked,
    ev.ConvoyPushed: _pushed,
    ev.BeadDropped: _dropped,
    ev.LandingUndone: _undone,
    ev.BeadReopened: _reopened,
    ev.NeedsYou: _needs,
    ev.NeedAnswered: _answered,
    ev.CapChanged: _cap,
    ev.Recovered: _recovered,
    ev.DispatchPaused: _paused,
    ev.MessageSent: _message_sent,
    ev.MessageDelivered: _message_delivered,
    ev.ConvoyRetitled: _retitled,
    ev.BeadEdited: _bead_edited,
    ev.BeadRemoved: _bead_removed,
    ev.BeadOpened: _bead_opened,
    ev.DependencyRemoved: _dependency_removed,
    ev.MayorSaid: _mayor_said,
    ev.ConvoyForecast: _forecast,
    ev.MergeReviewed: _reviewed,
}
