"""A convoy told event by event, with its ledger, for tests that reckon its figures by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gastown_desktop.core import events as ev
from gastown_desktop.core.charges import Charge, charges_of
from gastown_desktop.core.ids import BeadId, ConvoyId, Oid, PolecatName, RigId, merge_id
from gastown_desktop.core.ledger import Assume, Record, Release, Reserve, SetCap, Settle
from gastown_desktop.core.money import usd
from gastown_desktop.core.usage import Usage

CONVOY = ConvoyId("cv-1")
SCOPE = f"convoy:{CONVOY}"
START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
OPUS = "claude-opus-5-5"
USAGE = Usage(input_tokens=10, output_tokens=50, cache_read_tokens=80, cache_write_5m_tokens=10)
OID = Oid("1" * 40)


class ToldConvoy:
    """Times are seconds after noon; amounts are dollars as text."""

    def __init__(self, *beads: str, rehearsal: bool = False) -> None:
        self.where: Any = {"rig": RigId("calc-0a1b2c"), "convoy": CONVOY}
        self.envelopes: list[ev.Envelope] = []
        self.records: list[Record] = [SetCap(scope=SCOPE, cap=usd("20"), at=START.isoformat())]
        self._requests = 0
        self._attempts: dict[str, int] = {}
        self._merges: dict[str, int] = {}
        self.tell(
            0,
            ev.ConvoyCreated(
                **self.where, title="Two things", base=OID, target="refs/heads/main", rehearsal=rehearsal
            ),
        )
        for bead in beads:
            self.bead(0, bead)

    @property
    def charges(self) -> list[Charge]:
        """Its requests."""
        return charges_of(self.records)

    def tell(self, at: float, event: ev.DurableEvent) -> None:
        """Any event."""
        self.envelopes.append(
            ev.Envelope(seq=len(self.envelopes) + 1, at=START + timedelta(seconds=at), event=event)
        )

    def bead(self, at: float, bead: str, **fields: Any) -> None:
        """A bead joins."""
        self.tell(at, ev.BeadAdded(**self.where, bead=BeadId(bead), title=f"Do {bead}", **fields))

    def resolver(self, at: float, bead: str, of: str) -> None:
        """A resolve bead joins."""
        self.bead(at, bead, type="resolve")
        self.tell(at, ev.DependencyAdded(**self.where, bead=BeadId(bead), on=BeadId(of), type="parent"))

    def stage(self, at: float, stage: str) -> None:
        """The convoy goes on to a stage."""
        self.tell(at, ev.ConvoyStageChanged(**self.where, stage=stage))

    def sling(self, at: float, bead: str, polecat: str, turn: int = 0) -> None:
        """A worker gets a bead."""
        self._attempts[bead] = self._attempts.get(bead, 0) + 1
        self.tell(
            at,
            ev.BeadSlung(
                **self.where,
                bead=BeadId(bead),
                polecat=PolecatName(polecat),
                epoch=self._attempts[bead],
                base=OID,
                branch=f"refs/heads/work/{polecat}/{bead}-{at}",
                model=OPUS,
                turn=turn,
            ),
        )

    def become(self, at: float, polecat: str, state: str) -> None:
        """A worker changes its state."""
        self.tell(at, ev.PolecatStateChanged(**self.where, polecat=PolecatName(polecat), state=state))

    def turn(
        self,
        asked: float,
        ended: float,
        bead: str,
        polecat: str,
        number: int,
        dollars: str = "1",
        **more: Any,
    ) -> None:
        """A turn: its request is reserved and settled, then it ends."""
        self.settle(asked, f"{bead} {polecat} turn {number}", dollars, bead=bead, polecat=polecat, **more)
        self.tell(
            ended,
            ev.TurnEnded(
                **self.where,
                polecat=PolecatName(polecat),
                bead=BeadId(bead),
                turn=number,
                hook=OID,
                cost=usd(dollars),
                prompt_tokens=100,
                output_tokens=50,
            ),
        )

    def submit(self, at: float, bead: str, polecat: str, resolver: str | None = None) -> None:
        """Work is handed in."""
        self._merges[bead] = self._merges.get(bead, 0) + 1
        self.tell(
            at,
            ev.BeadSubmitted(
                **self.where,
                bead=BeadId(bead),
                polecat=PolecatName(polecat),
                merge=merge_id(BeadId(bead), self._merges[bead]),
                branch="refs/heads/work/x",
                commit=OID,
                base=OID,
                resolver=BeadId(resolver) if resolver else None,
            ),
        )

    def merge_state(self, at: float, bead: str, state: str) -> None:
        """Its newest merge request changes its state."""
        merge = merge_id(BeadId(bead), self._merges[bead])
        self.tell(at, ev.MergeStateChanged(**self.where, merge=merge, bead=BeadId(bead), state=state))

    def reopen(self, at: float, bead: str) -> None:
        """It goes back to open work."""
        self.tell(at, ev.BeadReopened(**self.where, bead=BeadId(bead), reason="the gate is red"))

    def merge(self, at: float, bead: str) -> None:
        """It is merged."""
        merge = merge_id(BeadId(bead), self._merges[bead])
        self.tell(at, ev.BeadMerged(**self.where, bead=BeadId(bead), merge=merge, commit=OID, tree=OID))

    def land(self, at: float) -> None:
        """All that is merged lands."""
        self.tell(at, ev.ConvoyLanded(**self.where, target="refs/heads/main", commit=OID, tree=OID))

    def need(self, at: float, item: str, about: str, bead: str | None = None) -> None:
        """Something is put to the user."""
        named = BeadId(bead) if bead else None
        self.tell(at, ev.NeedsYou(**self.where, item=item, about=about, text="Which?", bead=named))

    def answer(self, at: float, item: str) -> None:
        """The user answers."""
        self.tell(at, ev.NeedAnswered(**self.where, item=item, answer="That one."))

    def reserve(self, at: float, what: str, dollars: str = "5", *, model: str = OPUS, **scopes: str) -> str:
        """A request is reserved; returns its id."""
        self._requests += 1
        name = f"r{self._requests}"
        self.records.append(
            Reserve(
                id=name,
                at=(START + timedelta(seconds=at)).isoformat(),
                scopes=(SCOPE, *(f"{kind}:{value}" for kind, value in scopes.items())),
                amount=usd(dollars),
                model=model,
                max_tokens=4_000,
                what=what,
                body_hash="",
            )
        )
        return name

    def settle(
        self, at: float, what: str, dollars: str, *, usage: Usage = USAGE, model: str = OPUS, **scopes: str
    ) -> None:
        """A request is reserved and settled."""
        name = self.reserve(at, what, model=model, **scopes)
        self.records.append(Settle(id=name, amount=usd(dollars), usage=usage, request_id=""))

    def assume(self, at: float, what: str, dollars: str, **scopes: str) -> None:
        """A request is reserved and nobody knows what became of it."""
        self.records.append(Assume(id=self.reserve(at, what, dollars, **scopes), reason="cut"))

    def release(self, at: float, what: str, **scopes: str) -> None:
        """A request is reserved and surely not billed."""
        self.records.append(Release(id=self.reserve(at, what, **scopes), reason="refused"))
