"""The process ends at every place where that is interesting; the next one goes on as if nothing had been."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import StoreError
from gastown_desktop.core.event_lines import decode
from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.spend_gate import Order, Reply
from tests.fakes.clock import FakeClock
from tests.fakes.planner import (
    FILES,
    WHERE,
    Killed,
    Planner,
    ScriptedModel,
    assemble,
    bead,
    commit_of,
    proposes,
    says,
    uses,
)
from tests.fakes.stores import MemoryEventStore

GOAL = "Do two things."
TURNS = (
    uses(("read", {"path": "src/a.py", "start": 1, "count": 0}), text="I look."),
    proposes(bead("a"), bead("b", after=["a"]), bead("c")),
    uses(
        ("add_bead", {key: value for key, value in bead("d").items() if key != "key"}),
        ("propose_convoy", {"title": "Other", "beads": [bead("a"), bead("b"), bead("e", after=["a", "b"])]}),
        text="Better.",
    ),
    uses(("ask", {"question": "Which?", "options": ["this", "that"], "default": None})),
    says("So be it."),
)


class TurnModel(ScriptedModel):
    """Says the same whenever the same turn is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.dies_at: int | None = None

    async def ask(self, order: Order, on_text: Callable[[str], None]) -> Reply:
        turn = sum(1 for message in order.request.messages if message["role"] == "assistant")
        if self.dies_at == turn:
            raise Killed
        self.script = [TURNS[turn]]
        self.orders = self.orders[:turn] + [order] * (turn - len(self.orders))
        return await super().ask(order, on_text)


class DyingObjects:
    """The rig's repository, whose process ends before or after one of its reference's moves."""

    def __init__(self, objects: PygitObjects, dies_at: int, *, after: bool) -> None:
        self._objects = objects
        self._left = dies_at
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    async def swap_ref(self, name: str, *, old: Oid | None, new: Oid | None) -> bool:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Killed
        swapped = await self._objects.swap_ref(name, old=old, new=new)
        if self._left == 0:
            raise Killed
        return swapped


class DyingStore(MemoryEventStore):
    """A history whose process ends while a group is written; so many lines of it are on disk."""

    def __init__(self, lines: Sequence[bytes], dies_at: int, kept: int) -> None:
        super().__init__(lines)
        self._left = dies_at
        self._keeps = kept

    async def append(self, lines: Sequence[bytes]) -> None:
        self._left -= 1
        if self._left == 0:
            await super().append(lines[: self._keeps])
            raise Killed
        await super().append(lines)


async def drive(planner: Planner) -> None:
    """What the user and the window do, whatever was done before."""
    outcome = await planner.mayor.go_on()
    if outcome is None and not planner.bus.state.mayor:
        await planner.mayor.say(GOAL)
    if "mayor:question:5" in planner.bus.state.needs_you:
        await planner.mayor.answer("that")


async def begun(objects: Any) -> Planner:
    base = await commit_of(objects, dict(FILES))
    planner = assemble(objects, base, MemoryEventStore(), TurnModel(), FakeClock())
    await planner.bus.publish(ev.ConvoyCreated(**WHERE, title="New", base=base, target="refs/heads/main"))
    return planner


def resumed(planner: Planner, objects: Any) -> Planner:
    lines = planner.store.lines()
    return assemble(objects, planner.base, MemoryEventStore(lines), TurnModel(), FakeClock())


def history(planner: Planner) -> list[ev.DurableEvent]:
    return [decode(line).event for line in planner.store.lines()]


async def whole(objects: PygitObjects) -> list[ev.DurableEvent]:
    """The history of a talk that nothing interrupts; its reference is taken away again."""
    planner = await begun(objects)
    await drive(planner)
    assert planner.titles() == ["Do a", "Do b", "Do e"]
    assert [one.turn for one in planner.bus.state.mayor] == [1, 2, 3, 4, 5, 6, 7]
    head = await objects.read_ref("refs/gastown/convoys/cv-1/mayor")
    await objects.swap_ref("refs/gastown/convoys/cv-1/mayor", old=head, new=None)
    return history(planner)


async def test_a_stop_while_the_model_answers_repeats_that_turn(objects: PygitObjects) -> None:
    expected = await whole(objects)
    for turn in range(len(TURNS)):
        planner = await begun(objects)
        assert isinstance(planner.model, TurnModel)
        planner.model.dies_at = turn
        with pytest.raises(Killed):
            await drive(planner)
        again = resumed(planner, objects)
        await drive(again)
        assert history(again) == expected
        await forget(objects)


@pytest.mark.parametrize("after", [False, True], ids=["before the ref moves", "between ref and events"])
async def test_a_stop_around_the_reference_loses_and_doubles_nothing(
    objects: PygitObjects, after: bool
) -> None:
    expected = await whole(objects)
    for move in range(1, len(TURNS) + 3):
        planner = await begun(DyingObjects(objects, move, after=after))
        with pytest.raises(Killed):
            await drive(planner)
        again = resumed(planner, objects)
        await drive(again)
        assert history(again) == expected
        await forget(objects)


@pytest.mark.parametrize("kept", range(8))
async def test_a_stop_in_the_middle_of_the_events_loses_and_doubles_nothing(
    objects: PygitObjects, kept: int
) -> None:
    expected = await whole(objects)
    for group in range(1, len(TURNS) + 3):
        planner = await begun(objects)
        store = DyingStore(planner.store.lines(), group, kept)
        dying = assemble(objects, planner.base, store, TurnModel(), FakeClock())
        with pytest.raises(Killed):
            await drive(dying)
        again = resumed(dying, objects)
        await drive(again)
        assert history(again) == expected
        await forget(objects)


async def forget(objects: PygitObjects) -> None:
    name = "refs/gastown/convoys/cv-1/mayor"
    assert await objects.swap_ref(name, old=await objects.read_ref(name), new=None)


async def test_a_talk_that_went_on_elsewhere_is_not_overwritten(objects: PygitObjects) -> None:
    planner = await begun(objects)
    model = ScriptedModel(says("Hm."), says("Hm."))
    first = assemble(objects, planner.base, planner.store, model, FakeClock())
    await first.mayor.say("One.")
    second = resumed(first, objects)
    second.model.script = []
    await first.mayor.turns()
    first.model.script += [says("Hm."), says("Hm.")]
    assert isinstance(second.model, TurnModel)
    await second.mayor.go_on()
    await first.mayor.say("Two.")
    with pytest.raises(StoreError, match="went on elsewhere"):
        await second.mayor.say("Three.")


async def test_a_talk_that_cannot_be_read_is_an_error_of_the_store(objects: PygitObjects) -> None:
    planner = await begun(objects)
    odd = await commit_of(objects, {"turns/0001.json": "[]"})
    await objects.swap_ref("refs/gastown/convoys/cv-1/mayor", old=None, new=odd)
    with pytest.raises(StoreError, match="cannot be read"):
        await planner.mayor.go_on()
