"""Unattended: defaults of questions that nobody answers."""

from __future__ import annotations

from datetime import timedelta

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.engine.unattended import UNATTENDED
from tests.engine.running import running
from tests.fakes.clock import START
from tests.fakes.town import found_town, says, use

ASKS = says(use("ask", question="Tabs?", options=["tabs", "spaces"], default="spaces"))
ASKS_WITHOUT = says(use("ask", question="Tabs?", options=["tabs", "spaces"]))


async def test_a_default_is_taken_after_a_while_and_marked(objects: PygitObjects) -> None:
    town = await found_town(objects)
    await town.add("gt-a")
    async with running(town, fleet_size=1, unattended_s=1_200.0) as run:
        run.says("gt-a", ASKS)
        run.hands_in("gt-a")
        await run.until(lambda: run.status("gt-a") == "merged")
    (answered,) = [one.event for one in town.told if isinstance(one.event, ev.NeedAnswered)]
    assert (answered.answer, answered.by) == ("spaces", UNATTENDED)
    assert town.clock.elapsed_s >= 1_200.0


async def test_without_a_default_it_waits_and_the_others_go_on(objects: PygitObjects) -> None:
    town = await found_town(objects)
    await town.add("gt-a", "gt-b")
    async with running(town, fleet_size=1, unattended_s=1_200.0) as run:
        run.says("gt-a", ASKS_WITHOUT)
        run.hands_in("gt-b")
        await run.until(lambda: run.status("gt-b") == "merged")
        assert run.task is not None
        await run.task
    assert [need.bead for need in town.bus.state.needs_you.values()] == ["gt-a"]


async def test_an_attended_town_takes_no_default(objects: PygitObjects) -> None:
    town = await found_town(objects)
    await town.add("gt-a")
    async with running(town, fleet_size=1) as run:
        run.says("gt-a", ASKS)
        assert run.task is not None
        await run.task
    assert len(town.bus.state.needs_you) == 1


async def test_no_default_is_taken_once_the_user_is_back(objects: PygitObjects) -> None:
    town = await found_town(objects)
    await town.add("gt-a", "gt-b")
    back = START + timedelta(seconds=1_199)
    async with running(town, fleet_size=1, unattended_s=1_200.0, unattended_until=back) as run:
        run.says("gt-a", ASKS)
        run.hands_in("gt-b")
        await run.ends()
    assert [need.bead for need in town.bus.state.needs_you.values()] == ["gt-a"]
    assert town.clock.elapsed_s < 1_199.0, "nothing is waited for that will not be answered"


async def test_a_default_that_is_due_before_is_taken(objects: PygitObjects) -> None:
    town = await found_town(objects)
    await town.add("gt-a")
    back = START + timedelta(seconds=1_260)
    async with running(town, fleet_size=1, unattended_s=1_200.0, unattended_until=back) as run:
        run.says("gt-a", ASKS)
        run.hands_in("gt-a")
        await run.until(lambda: run.status("gt-a") == "merged")
    (answered,) = [one.event for one in town.told if isinstance(one.event, ev.NeedAnswered)]
    assert (answered.answer, answered.by) == ("spaces", UNATTENDED)
