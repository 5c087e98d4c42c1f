"""Workers that wait for others' merges before they ask: what they hold meanwhile, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.engine.git_ports import REGULAR, TreeChange
from gastown_desktop.engine.patience import LaterTip, Patience, SentAway
from gastown_desktop.engine.replay import PastWork, Replays
from gastown_desktop.engine.stand_in import bead_of
from gastown_desktop.engine.town import LIMIT_ITEM
from tests.engine.running import LOOK, Running, running
from tests.fakes.town import FakeTown, found_town, says, use

A, B, C = BeadId("gt-a"), BeadId("gt-b"), BeadId("gt-c")
ASKS = says(use("ask", question="How?"))


class Past:
    """Past work on one file: `gt-b` and `gt-c` can be done only on what `gt-a` leaves."""

    def __init__(self, town: FakeTown, works: Mapping[BeadId, PastWork]) -> None:
        self.town = town
        kit = town.kit
        self.patience = Patience(
            town.objects, Replays(town.objects), works, bus=town.bus, refs=town.refs, waiting=kit.waiting
        )
        self.found: dict[BeadId, LaterTip | None] = {}
        kit.before_asking = self.ready

    async def ready(self, body: Mapping[str, Any]) -> bool:
        bead = bead_of(body)
        if bead == A or bead in self.found:
            return True
        try:
            self.found[bead] = await self.patience.later_tip(bead, self.town.base)
        except SentAway:
            return False
        return True


@pytest_asyncio.fixture
async def past(objects: PygitObjects) -> Past:
    town = await found_town(objects, a_txt="start\n")
    await town.add(A, B, C)
    trees = {text: await _tree(town, f"{text}\n") for text in ("start", A, B, C)}
    steps = [(A, "start", A), (B, A, B), (C, A, C)]
    return Past(town, {bead: _work(town, bead, trees[old], trees[new]) for bead, old, new in steps})


async def _tree(town: FakeTown, text: str) -> Oid:
    blob = await town.objects.write_blob(text.encode())
    return await town.objects.edit_tree(await town.objects.tree_of(town.base), {"a.txt": (REGULAR, blob)})


def _work(town: FakeTown, bead: BeadId, before: Oid, tree: Oid) -> PastWork:
    change = TreeChange("a.txt", REGULAR, before, REGULAR, tree)
    return PastWork(
        bead=bead, commit=town.base, subject=bead, body="", tree=tree, before=before, changes=(change,)
    )


async def all_wait(past: Past, run: Running) -> None:
    """`gt-a` is asked, the others wait for it."""
    await run.is_asked(A)
    await run.until(lambda: past.town.kit.waiting.asleep == {B, C})


async def test_who_waits_for_a_merge_holds_no_money_and_goes_on_after_it(past: Past) -> None:
    async with running(past.town) as run:
        await all_wait(past, run)
        ledger = past.town.gate.ledger
        assert ledger.totals(past.town.kit.scopes[0]).held == ledger.totals(f"bead:{A}").held > 0
        run.hands_in(A, a_txt=f"{A}\n")
        await run.is_asked(B)
        assert past.found[B] is not None
        assert run.asked[C] == 0
        run.hands_in(B)
        await run.is_asked(C)
        run.hands_in(C)
        await run.ends()
    assert past.town.bus.state.stage == "landed"


async def test_at_the_limit_who_waits_stands_still_and_goes_on_when_it_is_raised(past: Past) -> None:
    scope = past.town.kit.scopes[0]
    async with running(past.town) as run:
        await all_wait(past, run)
        await past.town.gate.set_cap(scope, NanoUsd(1))
        run.says(A, LOOK)
        await run.ends()
        state = past.town.bus.state
        assert state.stage == "paused"
        assert list(state.needs_you) == [LIMIT_ITEM]
        assert {run.worker(bead).state for bead in (A, B, C)} == {"paused"}
        assert run.worker(B).reason.startswith("waiting")
    await past.town.gate.set_cap(scope, None)
    hooks = await past.town.kit.hooks.load_all()
    async with running(past.town, hooks=hooks) as run:
        run.hands_in(A, a_txt=f"{A}\n")
        run.hands_in(B)
        run.hands_in(C)
        await run.ends()
    assert past.town.bus.state.merged() == {A, B, C}


async def test_who_waits_for_a_bead_that_cannot_begin_gives_up_one_after_the_other(past: Past) -> None:
    await past.town.add("gt-d")
    await past.town.depend(A, "gt-d")
    async with running(past.town) as run:
        run.says("gt-d", ASKS)
        run.says(B, ASKS)
        run.says(C, ASKS)
        await run.ends()
    assert past.found == {B: None, C: None}
    assert {need.bead for need in past.town.bus.state.needs_you.values()} == {"gt-d", B, C}
    assert past.town.bus.state.stage == "paused"
