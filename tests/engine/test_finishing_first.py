"""Near the end of a cap the most advanced beads go on, and the others wait between two turns."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace

import pytest

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.bead import Bead
from gastown_desktop.core.card import WAITS_FOR_ROOM
from gastown_desktop.core.errors import CapReached
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.ledger import Reserve, SetCap, Settle
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.core.projection import BeadView, ForecastView, Projection
from gastown_desktop.core.usage import Usage
from gastown_desktop.engine.finishing_first import FinishingFirst
from gastown_desktop.engine.spend_gate import SpendGate
from gastown_desktop.engine.waiting import Waiting
from tests.engine.running import running
from tests.fakes.clock import FakeClock
from tests.fakes.provider import MODEL, ORIGIN
from tests.fakes.stores import MemoryMoneyLog
from tests.fakes.town import FakeTown, Said, found_town, says, use

CONVOY = "convoy:cv-1"
A, B, C, NEW = (BeadId(f"gt-{name}") for name in ("a", "b", "c", "new"))
EACH = 100
"""What every bead is foreseen to cost, nano-dollars."""


class Purse:
    """A convoy whose beads cost what a test says, in two turns each."""

    def __init__(self, cap: int, spent: Mapping[BeadId, int], *, foreseen: bool = True) -> None:
        log = MemoryMoneyLog()
        log.written.append(SetCap(scope=CONVOY, cap=NanoUsd(cap), at="").to_json())
        for number, (bead, amount) in enumerate(spent.items()):
            scopes = (CONVOY, f"bead:{bead}")
            reserve = Reserve(
                id=f"r{number}",
                at="2026-11-26T10:00:00+00:00",
                scopes=scopes,
                amount=NanoUsd(amount),
                model=MODEL,
                max_tokens=1,
                what="",
                body_hash="",
            )
            settle = Settle(id=f"r{number}", amount=NanoUsd(amount), usage=Usage(), request_id="")
            log.written += [reserve.to_json(), settle.to_json()]
        self.gate = SpendGate(log, FakeClock(), origin=ORIGIN)
        forecast = ForecastView(
            p50=0,
            p90=0,
            beads=4,
            basis="",
            source="prior",
            spent=0,
            bead_p50=dict.fromkeys((A, B, C, NEW), EACH),
            bead_p90={},
            workers=3,
            knee=3,
            per_hour=(),
        )
        self.state = Projection(
            beads={bead: BeadView(bead=Bead(id=bead, title=""), turns=2) for bead in (A, B, C, NEW)},
            forecast=forecast if foreseen else None,
        )
        self.waiting = Waiting()
        self.first = FinishingFirst(self.gate, (CONVOY,), lambda: self.state, self.waiting)

    def who_asks(self, *at_work: BeadId) -> set[BeadId]:
        with ExitStack() as stack:
            for bead in at_work:
                stack.enter_context(self.first.at_work(bead))
            return {bead for bead in at_work if self.first.may_ask(bead)}

    def turn_to(self, name: BeadId, **changed: object) -> None:
        self.state.beads[name] = replace(self.state.beads[name], **changed)  # type: ignore[arg-type]


def test_while_there_is_enough_all_ask() -> None:
    purse = Purse(400, {A: 80, B: 40, C: 10})
    assert purse.who_asks(A, B, C) == {A, B, C}


def test_the_most_advanced_ask_as_far_as_what_is_left_finishes_them() -> None:
    purse = Purse(500, {A: 80, B: 60, C: 10, NEW: 266})
    assert purse.who_asks(A, B, C) == {A, B}


def test_somebody_always_asks() -> None:
    purse = Purse(400, {A: 30, B: 20, C: 10, NEW: 310})
    assert purse.who_asks(A, B, C) == {A}


def test_who_was_chosen_stays_so_and_others_come_when_there_is_room() -> None:
    purse = Purse(500, {A: 80, B: 60, C: 50, NEW: 226})
    with purse.first.at_work(B), purse.first.at_work(C):
        with purse.first.at_work(A):
            assert [purse.first.may_ask(one) for one in (A, B, C)] == [True, True, False]
        assert purse.first.may_ask(C)


async def test_whoever_is_chosen_when_another_looks_hears_of_it() -> None:
    purse = Purse(500, {A: 80, B: 60, C: 10, NEW: 266})
    with purse.first.at_work(A), purse.first.at_work(B), purse.first.at_work(C):
        news = purse.gate.news()
        assert not purse.first.may_ask(C), "A and B are chosen"
        assert news.is_set()
        news = purse.gate.news()
        assert not purse.first.may_ask(C), "nobody else is"
        assert not news.is_set()


async def test_what_happens_before_a_worker_has_begun_to_wait_is_heard() -> None:
    purse = Purse(500, {A: 80, B: 60, C: 50, NEW: 226})
    with purse.first.at_work(B), purse.first.at_work(C):
        with purse.first.at_work(A):
            assert [purse.first.may_ask(one) for one in (A, B, C)] == [True, True, False]
            waits = purse.first.until_it_may(C)
        await asyncio.wait_for(waits, 1)
        assert purse.first.held_back == set()


def test_the_last_fortieth_is_not_begun_with_for_a_bead_that_it_does_not_finish() -> None:
    purse = Purse(1_000, {A: 30, B: 20, NEW: 940})
    with pytest.raises(CapReached) as reached:
        purse.who_asks(A, B)
    assert not reached.value.fits_later
    assert purse.gate.why_short((CONVOY,)) == "The spending limit leaves no room to go on."


def test_without_a_forecast_three_finished_beads_tell_what_one_costs() -> None:
    purse = Purse(400, {A: 80, B: 80, C: 80, NEW: 85}, foreseen=False)
    other = BeadId("gt-other")
    purse.state.beads[other] = BeadView(bead=Bead(id=other, title=""), turns=2)
    assert purse.who_asks(NEW, other) == {NEW, other}
    for bead in (A, B, C):
        purse.turn_to(bead, status="merged")
    assert purse.who_asks(NEW, other) == {NEW}


def test_a_bead_that_waits_for_others_merges_is_no_reason_to_wait_for_it() -> None:
    purse = Purse(500, {A: 80, B: 60, C: 10, NEW: 270})
    purse.waiting.beads |= {A, B}
    assert purse.who_asks(C) == {C}
    with purse.first.at_work(A), purse.first.at_work(B):
        assert purse.who_asks(C) == {C}


def test_resolvers_always_ask_and_nothing_is_kept_for_them() -> None:
    purse = Purse(500, {A: 80, B: 60, C: 10, NEW: 270})
    purse.turn_to(C, bead=replace(purse.state.beads[C].bead, kind="resolve"))
    assert purse.who_asks(A, B, C) == {A, B, C}


def test_a_bead_is_begun_if_what_is_left_finishes_it_besides_those_at_work() -> None:
    purse = Purse(500, {A: 90, C: 310})
    assert purse.first.may_begin(NEW)
    with purse.first.at_work(A):
        assert not purse.first.may_begin(NEW)
    richer = Purse(1_000, {A: 90, C: 690})
    with richer.first.at_work(A):
        assert richer.first.may_begin(NEW)


def test_without_a_cap_all_ask() -> None:
    purse = Purse(500, {A: 80, B: 60, C: 10, NEW: 270})
    asyncio.run(purse.gate.set_cap(CONVOY, None))
    assert purse.who_asks(A, B, C) == {A, B, C}


async def test_a_worker_that_is_held_back_goes_on_when_another_has_handed_in(objects: PygitObjects) -> None:
    town = await found_town(objects)
    await town.add("gt-a", "gt-b")
    town.kit.outputs.sizes = [2_000] * 50
    async with running(town, fleet_size=2) as run:
        for bead in ("gt-a", "gt-b"):
            run.says(bead, *(_writes(bead, number) for number in range(4)))
            await run.is_asked(bead, 5)
        cost = town.gate.ledger.totals("bead:gt-a").settled // 4
        town.bus.state.forecast = _foreseen(6 * cost)
        await town.gate.set_cap(CONVOY, NanoUsd(cost * 124 // 10))
        run.says("gt-b", _writes("gt-b", 4))
        said = said_by(town, run.worker("gt-b").name)
        await run.until(lambda: run.worker("gt-b").action == WAITS_FOR_ROOM)
        assert run.worker("gt-b").state == "working"
        assert run.asked["gt-b"] == 5
        for _ in range(3):
            town.gate.look_again()
            await asyncio.sleep(0)
        run.hands_in("gt-a")
        await run.is_asked("gt-b", 6)
        assert said[said.index(WAITS_FOR_ROOM) :] == [WAITS_FOR_ROOM, "Thinking"]
        run.hands_in("gt-b")
        await run.ends()
    assert town.bus.state.stage == "landed"


def said_by(town: FakeTown, polecat: str) -> list[str]:
    """What a worker says from now on that it does."""
    said: list[str] = []

    def hear(event: ev.Envelope | ev.EphemeralEvent) -> None:
        if isinstance(event, ev.ActionChanged) and event.polecat == polecat:
            said.append(event.action)

    town.bus.listen(hear)
    return said


def _writes(bead: str, number: int) -> Said:
    return says(use("write", path=f"{bead}-{number}.txt", content="x\n"), tokens_out=2_000)


def _foreseen(each: int) -> ForecastView:
    return ForecastView(
        p50=0,
        p90=0,
        beads=2,
        basis="",
        source="prior",
        spent=0,
        bead_p50={"gt-a": each, "gt-b": each},
        bead_p90={},
        workers=2,
        knee=2,
        per_hour=(),
    )
