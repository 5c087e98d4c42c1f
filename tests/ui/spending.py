"""A small town that spends: its view, its bill, and an engine that answers with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

from gastown_desktop.bridge.town_view import TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.money import usd
from gastown_desktop.core.usage import Usage
from gastown_desktop.engine.api import Bill, BillLine, BillRequest, EngineApi
from tests.bridge.town import CONVOY, START, A, B, begun, metered, slung, tell, then

USAGE = Usage(input_tokens=70_000, cache_read_tokens=930_000, output_tokens=48_000)


def request(number: int, state: str = "settled", amount: str = "1", note: str = "") -> BillRequest:
    assert state in {"held", "settled", "assumed", "released"}
    return BillRequest(
        id=f"r{number}",
        at=START + timedelta(minutes=number),
        what=f"gt-a Nux turn {number}",
        model="claude-opus-5-5",
        state=state,  # pyright: ignore[reportArgumentType]
        amount=usd(amount),
        usage=USAGE if state == "settled" else None,
        note=note,
    )


def line(name: str, settled: str, held: str = "0", assumed: str = "0", requests: int = 3) -> BillLine:
    return BillLine(
        name=name,
        requests=requests,
        usage=USAGE,
        settled=usd(settled),
        held=usd(held),
        assumed=usd(assumed),
    )


BILL = Bill(
    convoy=CONVOY,
    cap=usd("10"),
    settled=usd("5"),
    assumed=usd("0.18"),
    held=usd("0.82"),
    reserve=usd("0.50"),
    by_bead=(line("gt-b", "1", "0.82"), line("gt-a", "4", assumed="0.18")),
    by_polecat=(line("Nux", "4"), line("Slit", "1")),
    by_model=(line("claude-opus-5-5", "4"), line("claude-sonnet-5-5", "1")),
    by_role=(line("Workers", "5"),),
    requests=(
        request(9, "held", "0.82"),
        request(8, "assumed", "0.18", note="the reply stopped"),
        *(request(number) for number in (7, 5, 4, 2, 1)),
    ),
    caps=((START, usd("10")),),
)


class SpendingEngine:
    """Answers with a bill; remembers what was asked of it."""

    def __init__(self, bill: Bill = BILL) -> None:
        self.shown = bill
        self.asked = 0
        self.caps: list[tuple[ConvoyId, int]] = []
        self.refuses = ""

    @property
    def api(self) -> EngineApi:
        return cast("EngineApi", self)

    async def bill(self, convoy: ConvoyId) -> Bill:
        self.asked += 1
        return replace(self.shown, convoy=convoy)

    async def set_cap(self, convoy: ConvoyId, cap: int) -> None:
        if self.refuses:
            raise Refused(self.refuses)
        self.caps.append((convoy, cap))
        self.shown = replace(self.shown, cap=cap)


def town(*, rehearsal: bool = False, minutes: int = 10) -> TownView:
    """Two beads, one at work; the meter stood higher every minute."""
    view = TownView()
    created, *added = begun(A, B)
    assert isinstance(created, ev.ConvoyCreated)
    told = [replace(created, rehearsal=rehearsal), *added]
    tell(view, [ev.Envelope(seq=seq, at=START, event=event) for seq, event in enumerate(told, 1)])
    then(view, slung())
    for minute in range(minutes + 1):
        at = START + timedelta(minutes=minute)
        settled = usd("5") * minute // minutes
        moved = metered(f"convoy:{CONVOY}", settled, cap=usd("10"), held=usd("0.82"), assumed=usd("0.18"))
        tell(view, [moved], at)
    return view


def now() -> datetime:
    return START + timedelta(minutes=10)
