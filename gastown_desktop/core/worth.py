"""Was it worth it? The figures of a finished or running convoy, from its history and its ledger.

Money is in nano-dollars, times are in seconds. What cannot be known is None, never zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from fractions import Fraction
from typing import Literal

from gastown_desktop.core import events as ev
from gastown_desktop.core.attempts import WASTES, Attempts, Waste
from gastown_desktop.core.charges import Charge, Sums, sums_by, sums_of
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.projection import Projection
from gastown_desktop.core.working_time import WorkingTime, working_time_of

NOBODY = "other"
"""Stands for what a request without a bead, worker or known role belongs to."""
_ROLES = {
    "mayor": "Mayor",
    "warming": "Warming",
    "worker": "Workers",
    "resolver": "Resolver",
    "reviewer": "Reviewers",
}
_SHORTEST_S = 1.0
"""A convoy that ran for less tells nothing about speed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WastedKind:
    """What one kind of waste came to."""

    kind: Waste
    sums: Sums
    by_bead: dict[str, int]
    """The dearest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Items that were put to the user."""

    asked: int
    open: int
    """Those that nobody answered yet."""
    waited_s: float
    """All together; an open one until the end of the history."""
    longest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """The settled bill in layers; what this program's own infrastructure takes is always nothing."""

    listed: int
    mark_up: int | None
    """None where no gateway reported a cost of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast the fleet was."""

    times: WorkingTime
    slots: int
    """Places of the fleet."""
    slots_known: bool
    """False: nobody wrote its size down, so it is the most that were at work at the same time."""
    speed_up: float | None
    """The beads' own working time by how long the convoy ran; None where that cannot be measured."""
    idle_share: float | None
    """Share, 0 to 1, of places × time without anybody at work while beads were unfinished."""
    why_not: str = ""
    """Why it cannot be measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What it came to against the user's own time."""

    hourly_rate: int
    break_even_hours: Fraction
    """It pays if it saved more than these."""
    hours: Fraction | None
    """What the user thinks that it would have taken them; never invented."""
    saved: int | None
    """Those hours at the rate, less what was spent; None without them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What was expected before the launch, and what it came to."""

    p50: int
    p90: int
    spent: int

    @property
    def verdict(self) -> Literal["below", "within", "above"]:
        """Below P50, between the two, or above P90."""
        if self.spent < self.p50:
            return "below"
        return "within" if self.spent <= self.p90 else "above"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """All figures of a convoy."""

    state: Projection
    began: datetime
    ended: datetime
    """When the last event happened."""
    sums: Sums
    per_bead: int | None
    """What was spent by landed bead, where none landed by merged bead; None where nothing is merged."""
    wasted: tuple[WastedKind, ...]
    """Kinds that there were, in the order of `WASTES`; their charges are distinct."""
    layers: Layers
    by_role: dict[str, Sums]
    by_bead: dict[str, Sums]
    by_polecat: dict[str, Sums]
    by_model: dict[str, Sums]
    by_day: dict[str, Sums]
    """The earliest first."""
    hit_share: float | None
    """Cache reads by all prompt tokens."""
    hit_share_after_first: float | None
    """The same without the first request of each conversation, which has nothing of its own to read."""
    speed: Speed
    questions: Waits
    needs: Waits
    """Everything that was put to the user, questions included."""

    @property
    def wasted_total(self) -> int:
        """What was wasted in all."""
        return sum(one.sums.spent for one in self.wasted)


def worth_of(
    envelopes: Sequence[ev.Envelope],
    charges: Sequence[Charge],
    *,
    slots: int | None = None,
    paced: bool = True,
    zone: tzinfo | None = None,
) -> Worth:
    """The figures of a convoy.

    Args:
        envelopes: its history, oldest first, at least one event.
        charges: its requests, oldest first.
        slots: places of its fleet; None where that is not known.
        paced: False where the model was not waited for, so that times tell nothing.
        zone: whose days count; None for the machine's.
    """
    attempts = Attempts(envelopes)
    state, sums = attempts.state, sums_of(charges)
    hits, hits_after_first = _hit_shares(charges, attempts)
    done = len(works_in(state, "landed") or works_in(state, "merged"))
    return Worth(
        state=state,
        began=envelopes[0].at,
        ended=envelopes[-1].at,
        sums=sums,
        per_bead=_nearest(sums.spent, done) if done else None,
        wasted=_wasted(attempts, charges),
        layers=_layers(charges),
        by_role=sums_by(charges, lambda one: role_of(one, state)),
        by_bead=sums_by(charges, bead_of),
        by_polecat=sums_by(charges, lambda one: one.named("polecat") or NOBODY),
        by_model=sums_by(charges, lambda one: one.model),
        by_day=dict(sorted(sums_by(charges, lambda one: one.day(zone)).items())),
        hit_share=hits,
        hit_share_after_first=hits_after_first,
        speed=_speed(working_time_of(envelopes, charges), slots, paced=paced),
        questions=_waits(envelopes, only="question"),
        needs=_waits(envelopes),
    )


def saved_of(spent: int, hourly_rate: int, hours: Fraction | None = None) -> Saved:
    """What was spent against the user's own time.

    Args:
        spent: nano-dollars.
        hourly_rate: what an hour of the user is worth, nano-dollars, above zero.
        hours: what the user thinks that the work would have taken them.
    """
    return Saved(
        hourly_rate=hourly_rate,
        break_even_hours=Fraction(spent, hourly_rate),
        hours=hours,
        saved=None if hours is None else round(hours * hourly_rate) - spent,
    )


def works_in(state: Projection, status: str) -> list[BeadId]:
    """Beads that are to be merged and are in a state; resolvers are left out."""
    return [one for one in state.works() if state.beads[one].status == status]


def bead_of(charge: Charge) -> str:
    """The bead that a request is charged to; a resolver's is that of the conflict."""
    return charge.named("bead") or NOBODY


def share(part: float, whole: float) -> float | None:
    """A part of a whole; None where there is no whole."""
    return part / whole if whole else None


def _nearest(amount: int, parts: int) -> int:
    """An amount by a number of parts, to the nearest nano-dollar."""
    return round(Fraction(amount, parts))


def role_of(charge: Charge, state: Projection) -> str:
    """Who asked: the role that its scopes name, else a worker or a resolver, by the bead worked on."""
    named = charge.named("role")
    if named:
        return _ROLES.get(named, NOBODY)
    worked_on = state.beads.get(BeadId(charge.worked_on))
    if worked_on is not None and worked_on.bead.kind == "resolve":
        return _ROLES["resolver"]
    return _ROLES["worker"] if charge.named("bead") else NOBODY


def _wasted(attempts: Attempts, charges: Sequence[Charge]) -> tuple[WastedKind, ...]:
    found = attempts.waste_of(charges)
    return tuple(
        WastedKind(
            kind=kind,
            sums=sums_of(found[kind]),
            by_bead={bead: sums.spent for bead, sums in sums_by(found[kind], bead_of).items()},
        )
        for kind in WASTES
        if kind in found
    )


def _layers(charges: Sequence[Charge]) -> Layers:
    marks = [one.mark_up for one in charges if one.mark_up is not None]
    settled = sum(one.amount for one in charges if one.state == "settled")
    return Layers(listed=settled - sum(marks), mark_up=sum(marks) if marks else None)


def _hit_shares(charges: Sequence[Charge], attempts: Attempts) -> tuple[float | None, float | None]:
    """Share of prompt tokens read from the cache: in all, and after each conversation's first request."""
    begun: set[tuple[str, str, int]] = set()
    read = prompt = read_later = prompt_later = 0
    for charge in charges:
        if charge.usage is None:
            continue
        attempt = attempts.of_charge(charge)
        conversation = (charge.model, charge.worked_on, attempt.conversation if attempt else 0)
        read += charge.usage.cache_read_tokens
        prompt += charge.usage.prompt_tokens
        if conversation in begun:
            read_later += charge.usage.cache_read_tokens
            prompt_later += charge.usage.prompt_tokens
        begun.add(conversation)
    return share(read, prompt), share(read_later, prompt_later)


def _speed(times: WorkingTime, slots: int | None, *, paced: bool) -> Speed:
    places = times.most_at_once if slots is None else slots
    why_not = _why_not(times, paced=paced)
    busy = share(times.busy_unfinished_s, places * times.unfinished_s)
    measured = not why_not
    return Speed(
        times=times,
        slots=places,
        slots_known=slots is not None,
        speed_up=share(times.own_s, times.ran_s) if measured else None,
        idle_share=max(0.0, 1 - busy) if measured and busy is not None else None,
        why_not=why_not,
    )


def _why_not(times: WorkingTime, *, paced: bool) -> str:
    """Why speed cannot be measured; empty where it can."""
    if not times.own_s:
        return "No turn of a worker has ended."
    if times.ran_s < _SHORTEST_S:
        return "The convoy ran for less than a second."
    if not paced:
        return (
            "The rehearsal did not wait for its model, so its times are this machine's; "
            "its evidence report has the simulated speed-up."
        )
    return ""


def _waits(envelopes: Sequence[ev.Envelope], only: str = "") -> Waits:
    """How long items waited for the user, of one kind or all."""
    state, since, waited = Projection(), dict[str, datetime](), list[float]()
    for envelope in envelopes:
        state.apply(envelope)
        closed = [item for item in since if item not in state.needs_you]
        waited += [(envelope.at - since.pop(item)).total_seconds() for item in closed]
        for item, need in state.needs_you.items():
            if not only or need.about == only:
                since.setdefault(item, envelope.at)
    still = [(envelopes[-1].at - at).total_seconds() for at in since.values()]
    every = waited + still
    return Waits(asked=len(every), open=len(still), waited_s=sum(every), longest_s=max(every, default=0.0))
