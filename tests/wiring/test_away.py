"""A user who is away for a while: the sum holds until they are back, and stops for good whom it stops."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from gastown_desktop.adapters.git.user_repository import fingerprint
from gastown_desktop.cli.beads import read_beads, told_beads
from gastown_desktop.core import events as ev
from gastown_desktop.core.away import Away
from gastown_desktop.core.money import usd
from gastown_desktop.core.prices import PRICES
from gastown_desktop.core.providers import provider_at
from gastown_desktop.engine.gates import Gate
from gastown_desktop.engine.work import WorkSettings
from gastown_desktop.wiring.access import ModelAccess
from gastown_desktop.wiring.limits import stored_limits
from gastown_desktop.wiring.stored import running as wired
from gastown_desktop.wiring.working import Working, WorkRequest, find_start, prepare_work
from gastown_desktop.wiring.workplace import enter, open_workplace
from tests.e2e.real_work import GATE, KEY, Shape, make_repository, script, write_beads
from tests.messages_api.running import RunningServer, running

MODEL = "claude-opus-5-5"
CAP = usd("5")


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with running(script(Shape(turns=3, spread=0, output_tokens=100))) as server:
        yield server


@asynccontextmanager
async def begun(
    tmp_path: Path, data: Path, server: RunningServer, *, seconds: float, at_most: int, pilot: bool = False
) -> AsyncIterator[Working]:
    """Four beads of real work, launched, whose user is back after some seconds."""
    write_beads(tmp_path / "beads.jsonl", 4, 4)
    place = await open_workplace(make_repository(tmp_path / "repo", 4).folder, data)
    try:
        objects = await enter(place)
        settings = WorkSettings(
            polecats=2,
            gates=(Gate("check", GATE),),
            cap=CAP,
            model=MODEL,
            base_url=server.url,
            price=PRICES[MODEL],
            pilot="first" if pilot else "no",
        )
        start = await find_start(place, objects)
        request = WorkRequest(goal="Four steps", start=start, settings=settings, trust=True)
        work = await prepare_work(place, objects, request)
        access = ModelAccess(provider=provider_at(server.url), key=KEY)
        before = await fingerprint(place.git, place.facts)
        async with wired(place, objects, work, before, access) as run:
            assert isinstance(run, Working)
            await run.begin()
            await run.take_beads(told_beads(run.town.kit.where, read_beads(tmp_path / "beads.jsonl")))
            await run.launch()
            await run.leave(Away(until=place.clock.now() + timedelta(seconds=seconds), at_most=at_most))
            await run.set_caps()
            yield run
    finally:
        await place.close()


def watched_caps(run: Working) -> list[int | None]:
    """Caps as they are told from now on, oldest first."""
    told: list[int | None] = []

    def hear(event: ev.Envelope | ev.EphemeralEvent) -> None:
        if isinstance(event, ev.Envelope) and isinstance(event.event, ev.CapChanged):
            told.append(event.event.new)

    run.town.kit.bus.listen(hear)
    return told


async def test_the_cap_is_the_user_s_own_when_they_are_back(
    tmp_path: Path, data: Path, server: RunningServer
) -> None:
    server.control({"latency": 0.5})
    sum_ = usd("1")
    async with begun(tmp_path, data, server, seconds=2.0, at_most=sum_) as run:
        told = watched_caps(run)
        totals = run.town.gate.ledger.totals(run.town.kit.scopes[0])
        assert totals.cap == sum_
        run.workplace.settings_file.parent.mkdir(parents=True, exist_ok=True)
        run.workplace.settings_file.write_text("day_cap = 0.5\ntown_cap = 40\n")
        shown = [(one.kind, one.cap, one.left) for one in run.limits()]
        assert shown[1:] == [("day", usd("0.5"), usd("0.5")), ("town", usd("40"), usd("40"))]
        away = run.absence()
        assert away is not None
        assert (away.lasts, away.at_most, away.spent) == (True, sum_, 0)
        run.workplace.settings_file.unlink()
        await run.work(run.whole_town(), [])
        assert run.town.kit.bus.state.stage == "ready_to_land"
        assert told[-1:] == [CAP]
        stored, absence = await stored_limits(run.workplace, run.convoy)
        assert [one.kind for one in stored] == ["convoy"]
        assert stored == run.limits()
        assert absence == run.absence()
        assert absence is not None
        assert absence.spent > 0


async def test_whom_the_sum_stopped_is_not_begun_again_by_the_calendar(
    tmp_path: Path, data: Path, server: RunningServer
) -> None:
    async with begun(tmp_path, data, server, seconds=6.0, at_most=usd("0.12")) as run:
        state, gate = run.town.kit.bus.state, run.town.gate
        await run.work(run.whole_town(), [])
        assert state.stage == "paused"
        assert "until" in state.needs_you["limit"].text
        sent = len(server.requests())
        assert run.settings.unattended is not None
        await run.user_is_back()
        assert gate.ledger.totals(run.town.kit.scopes[0]).cap == usd("0.12")
        assert len(server.requests()) == sent
        hooks = await run.begin()
        assert gate.ledger.totals(run.town.kit.scopes[0]).cap == CAP
        await run.work(run.whole_town(), hooks)
        assert state.stage == "ready_to_land"


async def test_a_pilot_keeps_its_own_cap_when_the_user_is_back_meanwhile(
    tmp_path: Path, data: Path, server: RunningServer
) -> None:
    server.control({"latency": 0.7})
    async with begun(tmp_path, data, server, seconds=1, at_most=usd("1"), pilot=True) as run:
        told = watched_caps(run)
        assert await run.pilot([])
        assert told == [usd("2"), CAP]
