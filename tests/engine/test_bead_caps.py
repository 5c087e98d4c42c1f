"""Caps of single beads."""

from __future__ import annotations

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.forecast import LEAST_BEAD_CAP
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.money import NANO, NanoUsd
from gastown_desktop.engine.bead_caps import set_bead_caps
from tests.engine.running import running
from tests.fakes.town import found_town

A = BeadId("gt-a")


async def test_a_bead_may_cost_what_was_said_and_else_a_dollar(objects: PygitObjects) -> None:
    town = await found_town(objects)
    await town.add("gt-a", "gt-b")
    await set_bead_caps(town.kit, {A: 5 * NANO})
    assert town.gate.ledger.totals("bead:gt-a").cap == 5 * NANO
    assert town.gate.ledger.totals("bead:gt-b").cap == LEAST_BEAD_CAP


async def test_a_bead_that_met_its_cap_asks_alone_and_gets_as_much_again(objects: PygitObjects) -> None:
    town = await found_town(objects)
    await town.add("gt-a", "gt-b")
    await town.gate.set_cap("bead:gt-a", NanoUsd(1))
    async with running(town, fleet_size=2) as run:
        await run.until(lambda: bool(town.bus.state.needs_you))
        (need,) = town.bus.state.needs_you.values()
        assert (need.about, need.bead) == ("cap", A)
        await run.is_asked("gt-b")
        answered = ev.NeedAnswered(**town.where, item=need.item, answer=need.options[0])
        await town.bus.publish(answered)
        await run.is_asked("gt-a")
        assert town.gate.ledger.totals("bead:gt-a").cap == LEAST_BEAD_CAP
