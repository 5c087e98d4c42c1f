"""Attempts: each time that a bead was begun or went on, and what kind of work its requests paid for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from gastown_desktop.core import events as ev
from gastown_desktop.core.charges import Charge
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.projection import Projection

Waste = Literal["assumed", "failed", "discarded", "resolvers", "stopped", "rework", "repeated"]
WASTES: tuple[Waste, ...] = get_args(Waste)
"""Kinds of waste; a request that is of several counts as the first of them.

assumed    nobody knows what it cost, so it counts in full, and its reply was lost
failed     its bead failed
discarded  its bead was discarded
resolvers  it resolved a conflict
stopped    its attempt was given up and the bead begun anew
rework     its attempt came after a red gate or a conflict, or began anew what had been handed in
repeated   its reply was cut or lost, and asked for again
"""
_TURNED_DOWN = frozenset({"red", "conflicted"})


@dataclass(slots=True, kw_only=True)
class Attempt:
    """A bead from one assignment to the next."""

    bead: BeadId
    slung_at: datetime
    carried: int
    """Turns of an earlier attempt that it goes on from."""
    conversation: int
    """Counts the bead's conversations from 1; one that goes on is the same."""
    rework: bool
    handed_in: bool = False
    stopped: bool = False
    """The next attempt began anew although this one handed in nothing."""


class Attempts:
    """The attempts of a convoy, folded from its history."""

    def __init__(self, envelopes: Sequence[ev.Envelope]) -> None:
        self.state = Projection()
        """The convoy as the history leaves it."""
        self._of: dict[BeadId, list[Attempt]] = {}
        self._came_back: set[BeadId] = set()
        for envelope in envelopes:
            self._heed(envelope)
            self.state.apply(envelope)

    def of(self, bead: str) -> list[Attempt]:
        """Attempts of a bead, oldest first; none of what is no bead."""
        return self._of.get(BeadId(bead), [])

    def of_charge(self, charge: Charge) -> Attempt | None:
        """The attempt that a request belongs to; None where it was for no bead."""
        attempts = self.of(charge.worked_on)
        begun = [one for one in attempts if one.slung_at <= charge.at]
        return (begun or attempts[:1] or [None])[-1]

    def waste_of(self, charges: Sequence[Charge]) -> dict[Waste, list[Charge]]:
        """Requests by the kind of waste that they are; those that were worth it are in none."""
        wasted: dict[Waste, list[Charge]] = {}
        repeated = self._repeated(charges)
        for charge in charges:
            kind = self._waste(charge, repeated=charge.id in repeated) if charge.spent else None
            if kind is not None:
                wasted.setdefault(kind, []).append(charge)
        return wasted

    def _heed(self, envelope: ev.Envelope) -> None:
        match envelope.event:
            case ev.BeadSlung() as slung:
                self._slung(slung, envelope.at)
            case ev.BeadSubmitted(bead=bead, resolver=resolver):
                for attempt in self.of(resolver or bead)[-1:]:
                    attempt.handed_in = True
            case ev.MergeStateChanged(bead=bead, state=state) if state in _TURNED_DOWN:
                self._came_back.add(bead)
            case ev.BeadReopened(bead=bead) if self.state.beads[bead].status == "submitted":
                self._came_back.add(bead)
            case _:
                pass

    def _slung(self, slung: ev.BeadSlung, at: datetime) -> None:
        earlier = self._of.setdefault(slung.bead, [])
        last = earlier[-1] if earlier else None
        anew = slung.turn == 0
        if last is not None and anew and not last.handed_in:
            last.stopped = True
        attempt = Attempt(
            bead=slung.bead,
            slung_at=at,
            carried=slung.turn,
            conversation=(last.conversation if last else 0) + (anew or last is None),
            rework=slung.bead in self._came_back or (anew and last is not None and last.handed_in),
        )
        earlier.append(attempt)

    def _waste(self, charge: Charge, *, repeated: bool) -> Waste | None:
        """The kind of waste that a paid request is."""
        if charge.state == "assumed":
            return "assumed"
        bead = self.state.beads.get(BeadId(charge.named("bead") or charge.worked_on))
        worked_on = self.state.beads.get(BeadId(charge.worked_on))
        if bead is not None and bead.status == "failed":
            return "failed"
        if bead is not None and bead.status == "discarded" and bead.bead.kind != "resolve":
            return "discarded"
        if worked_on is not None and worked_on.bead.kind == "resolve":
            return "resolvers"
        attempt = self.of_charge(charge)
        if attempt is not None and attempt.stopped:
            return "stopped"
        if attempt is not None and attempt.rework:
            return "rework"
        return "repeated" if repeated else None

    def _repeated(self, charges: Sequence[Charge]) -> set[str]:
        """Ids of requests whose reply was paid, and that the same attempt asked again."""
        newest: dict[tuple[str, datetime], str] = {}
        repeated: set[str] = set()
        for charge in charges:
            attempt = self.of_charge(charge)
            if attempt is None or charge.state != "settled":
                continue
            key = (charge.what, attempt.slung_at)
            if key in newest:
                repeated.add(newest[key])
            newest[key] = charge.id
        return repeated
