"""A polecat whose provider refuses, cuts, fails or is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import ModelError
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.core.pace import Pace
from gastown_desktop.core.prices import MAX_TOKENS_CEILING
from gastown_desktop.engine.asking import MOST_UNKNOWN, PATIENCE_S, TRY_WEIGHT
from gastown_desktop.engine.polecat import CUT_WORDS, Polecat
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.provider_line import PATIENCE_S as LINE_PATIENCE_S
from tests.engine.one_polecat import (
    BEAD,
    NUX,
    WRITES,
    Step,
    hook_of,
    hung,
    overloaded,
    town_with_a_bead,
    work,
)
from tests.fakes.town import FakeTown, Said, says, submits


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    return await town_with_a_bead(objects)


async def test_a_reply_that_was_cut_is_asked_for_once_more_at_the_ceiling(town: FakeTown) -> None:
    cut = says({"type": "text", "text": "I wi"}, stop_reason="max_tokens")
    assert await work(town, cut, says(WRITES, submits())) == "submitted"
    limits = [request.max_tokens for request in town.model.requests]
    assert limits[0] < limits[1] == MAX_TOKENS_CEILING
    assert town.model.requests[0].messages == town.model.requests[1].messages
    assert len((await hook_of(town)).turns) == 1


async def test_what_a_cut_reply_cost_is_part_of_its_turn(town: FakeTown) -> None:
    cut = says({"type": "text", "text": "I wi"}, stop_reason="max_tokens")
    await work(town, cut, says(WRITES, submits()))
    totals = town.gate.ledger.totals("bead:gt-a")
    assert town.bus.state.beads[BEAD].cost == totals.settled > 0


async def test_a_refusal_asks_about_its_bead(town: FakeTown) -> None:
    assert await work(town, says({"type": "text", "text": "I"}, stop_reason="refusal")) == "stuck"
    (need,) = town.bus.state.needs_you.values()
    assert need.about == "stuck"
    assert "refused" in need.text
    assert await town.kit.hooks.load_all() == []


async def test_a_reply_that_is_too_long_runs_no_call_and_is_to_go_on_in_smaller_steps(town: FakeTown) -> None:
    cut = says({"type": "text", "text": "I"}, WRITES, stop_reason="max_tokens")
    assert await work(town, cut, cut, says(WRITES, submits())) == "submitted"
    first, second = (await hook_of(town)).turns
    assert first.assistant == [{"type": "text", "text": "I"}]
    assert (first.results, first.between) == ([], CUT_WORDS)
    assert second.number == 2


async def test_a_conversation_that_meets_the_window_begins_afresh(town: FakeTown) -> None:
    full = says({"type": "text", "text": "I"}, stop_reason="model_context_window_exceeded")
    assert await work(town, full, says(WRITES, submits())) == "submitted"
    assert (await hook_of(town)).turns[0].measure == "room"
    assert len(town.model.requests[1].messages) == 1


async def test_thinking_goes_back_as_it_came(town: FakeTown) -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "s1"}
    assert await work(town, says(thought, WRITES), says(submits())) == "submitted"
    assert town.model.requests[1].messages[1]["content"][0] == thought  # type: ignore[index]


async def test_a_paused_turn_is_sent_back_and_goes_on(town: FakeTown) -> None:
    paused = says({"type": "text", "text": "Wait."}, stop_reason="pause_turn")
    assert await work(town, paused, says(WRITES, submits())) == "submitted"
    assert town.model.requests[1].messages[1]["content"] == [{"type": "text", "text": "Wait."}]


@pytest.mark.parametrize("errors", [1, 4])
async def test_a_provider_s_error_is_tried_again_under_a_new_reservation(town: FakeTown, errors: int) -> None:
    failures: Sequence[Step] = [overloaded() for _ in range(errors)]
    assert await work(town, *failures, says(WRITES, submits())) == "submitted"
    assert len(set(town.model.reservations)) == errors + 1
    waited = sum(2.0 * 2**number for number in range(errors))
    assert waited <= town.clock.elapsed_s <= waited * 1.25
    assert len((await hook_of(town)).turns) == 1
    assert town.gate.ledger.open_reservations == {}


async def test_a_request_that_is_refused_for_half_an_hour_while_others_are_answered_is_given_up(
    town: FakeTown,
) -> None:
    async def answer(_: ModelRequest) -> Said:
        with town.kit.line.request():
            pass  # somebody else's
        raise overloaded()

    town.model.answer = answer
    assert await Polecat(town.kit, await hung(town)).work() == "failed"
    assert PATIENCE_S - 120 < town.clock.elapsed_s < PATIENCE_S
    (need,) = town.bus.state.needs_you.values()
    assert (need.about, need.bead) == ("model", BEAD)


def unreachable() -> ModelError:
    return ModelError("The connection to the provider failed: refused.", retry_after=1.0, unbilled=True)


@pytest.mark.parametrize("failure", [overloaded, unreachable])
async def test_a_provider_that_is_away_for_hours_is_waited_for(
    town: FakeTown, failure: Callable[[], ModelError]
) -> None:
    assert await work(town, *[failure() for _ in range(200)], says(WRITES, submits())) == "submitted"
    assert 2 * 3_600 < town.clock.elapsed_s < LINE_PATIENCE_S
    assert town.bus.state.needs_you == {}


async def test_a_provider_that_is_away_longer_is_asked_about_once_and_the_hook_is_kept(
    town: FakeTown,
) -> None:
    assert await work(town, *[unreachable() for _ in range(600)]) == "provider"
    assert LINE_PATIENCE_S <= town.clock.elapsed_s < LINE_PATIENCE_S + 120
    assert "For 6 hours the provider answered nobody" in town.kit.line.closed
    town.kit.line.reopen()
    assert await work(town, says(WRITES, submits())) == "submitted"


async def test_what_may_be_billed_is_given_up_and_tries_of_a_dead_line_count_less(town: FakeTown) -> None:
    assert await work(town, *[ModelError("cut", retry_after=1.0) for _ in range(20)]) == "failed"
    before_doubt = 2
    assert len(town.model.requests) == before_doubt + (MOST_UNKNOWN - before_doubt) / TRY_WEIGHT
    assert town.clock.elapsed_s > 240


async def test_a_worker_that_waits_for_the_provider_says_so_once(town: FakeTown) -> None:
    said: list[str] = []
    waits, line = asyncio.Event(), town.kit.line

    def heard(event: ev.Envelope | ev.EphemeralEvent) -> None:
        if isinstance(event, ev.ActionChanged):
            said.append(event.action)
            if event.action == "Waiting for the provider":
                waits.set()

    def fails() -> None:
        with pytest.raises(ModelError), line.request():
            raise ModelError("cut", retry_after=1.0)

    town.bus.listen(heard)
    fails()
    fails()
    with line.request():  # somebody tries the line
        working = asyncio.ensure_future(work(town, says(WRITES, submits())))
        await waits.wait()
        await asyncio.sleep(0)
        fails()
        assert await working == "submitted"
    assert said.count("Waiting for the provider") == 1


@pytest.mark.parametrize("status", [401, 402, 403])
async def test_a_key_that_is_not_taken_any_more_closes_the_line_and_keeps_the_hook(
    town: FakeTown, status: int
) -> None:
    assert await work(town, ModelError("expired", status=status, unbilled=True)) == "provider"
    assert await work(town) == "provider"
    assert len(town.model.requests) == 1
    assert town.bus.state.polecats[NUX].reason == "provider: expired"
    assert town.bus.state.needs_you == {}
    town.kit.line.reopen()
    assert await work(town, says(WRITES, submits())) == "submitted"


async def test_a_worker_without_room_under_the_cap_pauses_and_keeps_its_hook(town: FakeTown) -> None:
    await town.gate.set_cap("convoy:cv-1", NanoUsd(1))
    assert await work(town) == "limit"
    assert town.model.requests == []
    assert town.bus.state.polecats[NUX].state == "paused"
    assert (await hook_of(town)).submitted is None


async def test_a_request_that_the_provider_does_not_take_concerns_its_bead_alone(town: FakeTown) -> None:
    assert await work(town, ModelError("too long", status=400, unbilled=True)) == "stuck"
    (need,) = town.bus.state.needs_you.values()
    assert (need.about, need.bead) == ("stuck", BEAD)


async def test_a_rate_limit_holds_everybody_s_requests_and_lets_fewer_run(town: FakeTown) -> None:
    town.kit.line.pace = Pace.of(8)
    limited = ModelError("slow down", retry_after=20.0, unbilled=True, status=429)
    assert await work(town, limited, says(WRITES, submits())) == "submitted"
    assert town.kit.line.pace.at(town.clock.monotonic()) == 5
    assert 20.0 <= town.kit.line.pace.wait_s(0.0) <= 25.0
