"""What is known of a rig: its beads that are over, from histories and ledgers.

A convoy that has landed tells the same for ever, so it is remembered: not all of a rig's years are read at
each launch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from gastown_desktop.core import events as ev
from gastown_desktop.core.charges import Charge, charges_of
from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.forecast import PastBead
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.ledger import Assume, Record, Release, Reserve, Settle, Shrink
from gastown_desktop.core.projection import BeadView, Projection, fold
from gastown_desktop.core.working_time import bead_seconds
from gastown_desktop.engine.evidence import FIRST_TOKEN_S, TOKENS_PER_SECOND

OVER = frozenset({"merged", "landed", "failed"})
"""What failed was paid for as well: without it, forecasts would be of the beads that went well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvoyPast:
    """What a convoy tells."""

    rehearsal: bool
    beads: tuple[PastBead, ...]
    """Those that are over."""
    answers: int
    """Of its gates, those that were known included."""
    gate_s: float
    """Seconds that they took, or took when they were run."""


def _nothing(_: ConvoyId) -> None:
    """Remembers nothing."""


def _forgets(_convoy: ConvoyId, _past: ConvoyPast) -> None:
    """Remembers nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Where the past of a rig is read, while others may write it: no lock is taken, no history is changed."""

    convoys: Sequence[ConvoyId]
    """The one that was written last first."""
    history: Callable[[ConvoyId], Sequence[ev.Envelope]]
    """Events of a convoy, oldest first; raises StoreError where they are damaged."""
    ledger: Callable[[], Iterable[Record]]
    """Records of all real work; it, or going through them, raises StoreError where they are damaged."""
    rehearsal_ledger: Callable[[ConvoyId], Iterable[Record]]
    """Records of a rehearsal; raises StoreError where they are damaged."""
    remembered: Callable[[ConvoyId], ConvoyPast | None] = _nothing
    """What a convoy told before, if its history is as it was then."""
    remember: Callable[[ConvoyId, ConvoyPast], None] = _forgets
    """Keeps what a convoy tells for ever."""


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
    known = {convoy: archive.remembered(convoy) for convoy in archive.convoys}
    unknown = {convoy for convoy, past in known.items() if past is None}
    paid = _by_convoy(archive.ledger, unknown, unread)
    for convoy, remembered in known.items():
        try:
            told = remembered or _read(archive, convoy, paid)
        except StoreError as error:
            unread.append(str(error))
            continue
        if not told.rehearsal or not rehearsed:
            beads += told.beads
            rehearsed |= told.rehearsal and bool(told.beads)
        answers += told.answers
        seconds += told.gate_s
    return Past(beads=tuple(beads), gate_s=seconds / answers if answers else 0.0, unread=tuple(unread))


def _read(archive: Archive, convoy: ConvoyId, paid: dict[str, list[Charge]] | None) -> ConvoyPast:
    """What a convoy tells; remembered where it has landed and all of it is paid."""
    envelopes = archive.history(convoy)
    state = fold(list(envelopes))
    charges = (paid or {}).get(convoy, [])
    if state.rehearsal:
        charges = charges_of(archive.rehearsal_ledger(convoy))
    told = convoy_past(state, envelopes, charges)
    is_known = state.rehearsal or paid is not None
    if is_known and state.stage == "landed" and all(charge.state != "held" for charge in charges):
        archive.remember(convoy, told)
    return told


def convoy_past(state: Projection, envelopes: Sequence[ev.Envelope], charges: Sequence[Charge]) -> ConvoyPast:
    """What a convoy tells.

    Args:
        state: the convoy.
        envelopes: its history, oldest first.
        charges: its requests; a resolver's are charged to the bead whose conflict it resolves.
    """
    seconds = {} if state.rehearsal else bead_seconds(envelopes, charges)
    spent: dict[str, int] = {}
    for charge in charges:
        spent[charge.named("bead")] = spent.get(charge.named("bead"), 0) + charge.spent
    return ConvoyPast(
        rehearsal=state.rehearsal,
        beads=tuple(
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
            if view.status in OVER and view.bead.kind != "resolve" and view.attempts
        ),
        answers=state.gate_runs + state.gate_cached,
        gate_s=state.gate_seconds + state.gate_saved_s,
    )


def _by_convoy(
    ledger: Callable[[], Iterable[Record]], convoys: Collection[ConvoyId], unread: list[str]
) -> dict[str, list[Charge]] | None:
    """The requests of some convoys of real work; None where the ledger is damaged: then `unread` says so."""
    if not convoys:
        return {}
    try:
        charges = charges_of(_of_convoys(ledger(), {f"convoy:{convoy}" for convoy in convoys}))
    except StoreError as error:
        unread.append(str(error))
        return None
    found: dict[str, list[Charge]] = {}
    for charge in charges:
        found.setdefault(charge.named("convoy"), []).append(charge)
    return found


def _of_convoys(records: Iterable[Record], scopes: set[str]) -> Iterator[Record]:
    """What the ledger says of requests of these scopes."""
    requests: set[str] = set()
    for record in records:
        if isinstance(record, Reserve):
            if scopes.isdisjoint(record.scopes):
                continue
            requests.add(record.id)
            yield record
        elif isinstance(record, Shrink | Settle | Assume | Release) and record.id in requests:
            yield record


def _rehearsed_s(view: BeadView) -> float:
    """How long a stand-in's bead would keep a worker whose model is waited for."""
    return view.tool_s + view.output_tokens / TOKENS_PER_SECOND + view.turns * FIRST_TOKEN_S
