"""What the user says to a worker: when it is heard, what a stop in between leaves, and what is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.context import full_at
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.prices import PRICES
from gastown_desktop.core.stuck import SAME_CALL
from gastown_desktop.engine.hooks import Hook
from gastown_desktop.engine.messages import LONGEST_MESSAGE, send
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.recovery import reconcile
from gastown_desktop.engine.town import Town
from tests.engine.test_resolving import last_said, red_where_bad, requests, script, work, writes
from tests.fakes.provider import MODEL
from tests.fakes.town import FakeTown, Said, found_town, says, submits, turn_of, use

A = BeadId("gt-a")
LOOK = says(use("read", path="a.txt"))
DONE = says(writes("x\n", "x.txt"), submits())
Step = Said | Callable[[], Awaitable[Said]]


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    town = await found_town(objects)
    await town.add("gt-a")
    return town


def plays(town: FakeTown, *steps: Step) -> None:
    """What is answered about the only bead, request by request; a step may do something first."""
    left = list(steps)

    async def answer(request: ModelRequest) -> Said:
        del request
        step = left.pop(0)
        return step if isinstance(step, Said) else await step()

    town.model.answer = answer


def meanwhile(town: FakeTown, text: str, reply: Said) -> Callable[[], Awaitable[Said]]:
    """A reply during which the user says something."""

    async def step() -> Said:
        await send(town.kit, A, text)
        return reply

    return step


def heard(town: FakeTown) -> list[int | None]:
    return [one.turn for one in town.bus.state.messages.values()]


async def test_a_worker_hears_at_the_end_of_its_turn(town: FakeTown) -> None:
    plays(town, LOOK, meanwhile(town, "Use tabs.", LOOK), DONE)
    await work(town)
    second, third = town.model.requests[1:]
    assert "The user says: Use tabs." not in str(second.messages)
    assert last_said(third) == "The user says: Use tabs."
    assert heard(town) == [2]
    kinds = [one.event.kind for one in town.told]
    assert kinds.index("message_sent") < kinds.index("message_delivered")


async def test_messages_are_heard_in_order_and_once(town: FakeTown) -> None:
    async def twice() -> Said:
        await send(town.kit, A, "First.")
        await send(town.kit, A, "Second.")
        return LOOK

    plays(town, twice, LOOK, DONE)
    await work(town)
    second, third = town.model.requests[1:]
    assert last_said(second) == "The user says: First.\n\nThe user says: Second."
    assert "The user says" not in last_said(third)
    assert heard(town) == [1, 1]


async def test_a_message_comes_along_with_a_hint(town: FakeTown) -> None:
    plays(town, *[LOOK] * (SAME_CALL - 1), meanwhile(town, "Stop reading.", LOOK), DONE)
    await work(town)
    told = last_said(town.model.requests[-1])
    assert told.startswith("The town says: ")
    assert told.endswith("The user says: Stop reading.")


async def test_a_fresh_beginning_keeps_what_the_user_said_before_it_and_with_it(town: FakeTown) -> None:
    big = says(use("write", path="big.txt", content="x" * 400_000))
    looks = says(*[use("read", path="big.txt")] * 2)
    full = Said(blocks=LOOK.blocks, tokens_in=full_at(PRICES[MODEL]) + 1)
    plays(town, meanwhile(town, "Use tabs.", big), looks, meanwhile(town, "Be quick.", full), DONE)
    await work(town)
    (only,) = town.model.requests[-1].messages
    for words in ("The user says: Use tabs.", "The user says: Be quick."):
        assert str(only).count(words) == 1
    assert heard(town) == [1, 3]


async def test_a_worker_that_hands_in_does_not_hear_and_its_next_attempt_does(town: FakeTown) -> None:
    bad = says(writes("bad\n", "x.txt"), submits())
    plays(town, meanwhile(town, "Not like that.", bad), DONE)
    town.sandbox.verdict = red_where_bad
    await work(town, "check")
    request = town.model.requests[-1]
    assert turn_of(request) == 1
    assert "AssertionError: bad" in last_said(request)
    assert last_said(request).endswith("The user says: Not like that.")
    assert heard(town) == [1]


async def test_a_worker_that_asks_hears_it_with_the_answer(town: FakeTown) -> None:
    plays(town, meanwhile(town, "Red, I think.", says(use("ask", question="Which?"))), DONE)
    await work(town)
    assert heard(town) == [None]
    (item,) = town.bus.state.needs_you
    await town.bus.publish(ev.NeedAnswered(**town.where, item=item, answer="Red."))
    await work(town)
    told = last_said(town.model.requests[-1])
    assert told.index("The user answers: Red.") < told.index("The user says: Red, I think.")


async def test_an_answer_is_heard_by_a_worker_that_was_told_something_in_its_last_turn(
    town: FakeTown,
) -> None:
    useless = says({"type": "text", "text": "I"}, stop_reason="refusal")
    plays(town, meanwhile(town, "Use tabs.", LOOK), useless, DONE)
    await work(town)
    (item,) = town.bus.state.needs_you
    await town.bus.publish(ev.NeedAnswered(**town.where, item=item, answer="Try once more."))
    await work(town)
    told = last_said(town.model.requests[-1])
    assert "The user says: Use tabs." in told
    assert "The user answers: Try once more." in told


async def test_what_was_said_before_the_first_turn_stands_in_the_task(town: FakeTown) -> None:
    plays(town, says(use("ask", question="?")))
    await town.bus.publish(
        ev.NeedsYou(**town.where, item="x", about="stuck", text="It could not be started", bead=A),
        ev.NeedAnswered(**town.where, item="x", answer="Again."),
    )
    await begun(town)
    await send(town.kit, A, "Use tabs.")
    await work(town)
    (request,) = town.model.requests
    assert "The user says: Use tabs." in str(request.messages[0])
    assert heard(town) == [0]


async def begun(town: FakeTown) -> None:
    """A first attempt whose hook was lost before its first turn."""
    polecat = ev.PolecatName("Nux")
    await town.bus.publish(
        ev.BeadSlung(**town.where, bead=A, polecat=polecat, epoch=1, base=town.base, branch="b", model=MODEL),
        ev.BeadReopened(**town.where, bead=A, reason="its hook was not there after a stop"),
    )


# --- stops ----------------------------------------------------------------------------------------


async def test_a_message_that_was_put_in_and_not_told_is_told_after_a_stop(town: FakeTown) -> None:
    hook = await turned_and_told(town)
    after = await town.restarted()
    assert [found.head for found in await reconcile(after.kit)] == [hook.head]
    assert [one.event.kind for one in after.told] == ["turn_ended", "message_delivered"]
    assert heard(after) == [1]
    assert await reconcile((await after.restarted()).kit) == [hook]


async def turned_and_told(town: FakeTown) -> Hook:
    """A worker whose process died between its turn with a message and the telling of it."""

    class Died(Exception):
        pass

    publish = town.bus.publish

    async def dies(*events: ev.DurableEvent) -> None:
        if any(isinstance(event, ev.TurnEnded) for event in events):
            raise Died
        await publish(*events)

    town.bus.publish = dies  # type: ignore[method-assign]
    plays(town, meanwhile(town, "Use tabs.", LOOK), *[LOOK] * 3)
    with pytest.raises(ExceptionGroup):
        await work(town)
    (hook,) = await town.kit.hooks.load_all()
    return hook


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_worker_that_stood_still_hears_before_its_next_turn(town: FakeTown, restarted: bool) -> None:
    await town.gate.set_cap(town.kit.scopes[0], town.gate.ledger.totals(town.kit.scopes[0]).settled)
    plays(town, DONE)
    await work(town)
    (hook,) = await town.kit.hooks.load_all()
    await send(town.kit, A, "Use tabs.")
    if restarted:
        town = await town.restarted()
        plays(town, DONE)
    await town.gate.set_cap(town.kit.scopes[0], None)
    hooks = await reconcile(town.kit)
    assert hooks == [hook]
    await go_on(town, hooks)
    (request,) = requests(town, "gt-a")
    assert "The user says: Use tabs." in str(request.messages[0])
    assert heard(town) == [0]


async def go_on(town: FakeTown, hooks: list[Hook]) -> None:
    await Town(town.kit, town.runner(), fleet_size=1, model=MODEL, watched=False).run(hooks)


# --- what is refused ------------------------------------------------------------------------------


async def test_what_nobody_would_hear_is_refused(town: FakeTown) -> None:
    with pytest.raises(Refused, match="no bead gt-x"):
        await send(town.kit, BeadId("gt-x"), "Hello")
    with pytest.raises(Refused, match="Nobody has begun gt-a"):
        await send(town.kit, A, "Hello")
    script(town, gt_a=[DONE])
    await town.merge("gt-b", b_txt="B\n")
    with pytest.raises(Refused, match="it is merged"):
        await send(town.kit, BeadId("gt-b"), "Hello")
    assert town.bus.state.messages == {}


@pytest.mark.parametrize(("text", "why"), [("  \n", "empty"), ("x" * (LONGEST_MESSAGE + 1), "20,001")])
async def test_nothing_and_too_much_are_refused(town: FakeTown, text: str, why: str) -> None:
    await begun(town)
    with pytest.raises(Refused, match=why):
        await send(town.kit, A, text)


async def test_a_resolution_that_is_handed_in_is_not_spoken_to(town: FakeTown) -> None:
    resolver = BeadId("gt-a.r1")
    await town.submit("gt-a", a_txt="A\n")
    await town.bus.publish(
        ev.BeadAdded(**town.where, bead=resolver, title="Resolve", type="resolve"),
        ev.DependencyAdded(**town.where, bead=resolver, on=A, type="parent"),
        ev.MergeStateChanged(**town.where, merge=ev.MergeId("gt-a.1"), bead=A, state="resolving"),
    )
    script(town, gt_a_r1=[DONE])
    await begun_resolver(town, resolver)
    with pytest.raises(Refused, match="handed in for gt-a"):
        await send(town.kit, resolver, "Hello")


async def begun_resolver(town: FakeTown, resolver: BeadId) -> None:
    await town.bus.publish(
        ev.BeadSlung(
            **town.where, bead=resolver, polecat=ev.PolecatName("Nux"), epoch=1, base=town.base, branch="b"
        ),
        ev.BeadSubmitted(
            **town.where,
            bead=A,
            polecat=ev.PolecatName("Nux"),
            merge=ev.MergeId("gt-a.2"),
            branch="b",
            commit=town.base,
            base=town.base,
            resolver=resolver,
        ),
    )
