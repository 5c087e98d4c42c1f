"""Reviews in a whole town: what merges, what goes back, what the user is asked, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import ModelError
from gastown_desktop.core.ids import BeadId, MergeId
from gastown_desktop.core.money import NANO, NanoUsd
from gastown_desktop.core.reviews import AS_IT_IS, REVIEW_AGAIN
from gastown_desktop.engine.ports import ModelRequest
from gastown_desktop.engine.process_ports import CommandResult
from gastown_desktop.engine.prompts import system_blocks
from gastown_desktop.engine.recovery import reconcile
from gastown_desktop.engine.resolving import MOST_ROUNDS
from gastown_desktop.engine.reviewing.review import MOST_TURNS, Reviewer
from gastown_desktop.engine.town import LIMIT_ITEM, Town
from tests.fakes.provider import MODEL
from tests.fakes.slots import said
from tests.fakes.town import FakeTown, Said, bead_of, found_town, says, submits, turn_of, use

A = BeadId("gt-a")
APPROVES = says(use("approve", checked="The file is there."))
Answer = Callable[[ModelRequest], Said]


def wants(problem: str = "It says nothing.", path: str = "a.txt") -> Said:
    return says(use("request_changes", changes=[{"path": path, "problem": problem}]))


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    town = await found_town(objects, reviewed=True)
    await town.add("gt-a", description="Say A in a.txt.", acceptance="a.txt says A.")
    return town


def is_review(request: ModelRequest) -> bool:
    return any(tool["name"] == "approve" for tool in request.tools)


def script(town: FakeTown, *reviews: Said | Exception, worker: Answer | None = None) -> None:
    """What reviewers say, request by request; workers write their file and hand it in."""
    left = list(reviews)

    async def answer(request: ModelRequest) -> Said:
        if not is_review(request):
            return worker(request) if worker else hands_in(request)
        reply = left.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    town.model.answer = answer


def hands_in(request: ModelRequest) -> Said:
    path = f"{bead_of(request)[3:]}.txt"
    return says(use("write", path=path, content=f"turn {turn_of(request)}\n"), submits())


def reviewer() -> Reviewer:
    return Reviewer(model=MODEL, system=system_blocks("You are a reviewer."), gates=("check",))


def whole(town: FakeTown, *gates: str, **fields: Any) -> Town:
    given = {"fleet_size": 2, "model": MODEL, "watched": False, "reviewer": reviewer(), **fields}
    return Town(town.kit, town.runner(*gates), **given)


def reviews(town: FakeTown) -> list[ModelRequest]:
    return [request for request in town.model.requests if is_review(request)]


def first_said(request: ModelRequest) -> str:
    content: Any = request.messages[0]["content"]
    return str(content[0]["text"])


async def answer(town: FakeTown, text: str) -> None:
    (need,) = town.bus.state.needs_you.values()
    await town.bus.publish(ev.NeedAnswered(**town.where, item=need.item, answer=text))


# --- verdicts -------------------------------------------------------------------------------------


async def test_nothing_merges_before_a_reviewer_approves_it(town: FakeTown) -> None:
    script(town, says(use("read", path="a.txt", start=1, count=0)), APPROVES)
    await whole(town).run([])
    assert town.bus.state.stage == "landed"
    kinds = [envelope.event.kind for envelope in town.told]
    assert kinds.index("merge_reviewed") < kinds.index("bead_merged")
    (told,) = town.events("merge_reviewed")
    assert (told.verdict, told.text, told.turns) == ("approved", "The file is there.", 2)
    shown: Any = reviews(town)[1].messages[-1]["content"]
    assert "turn 0" in shown[0]["content"]


async def test_without_a_reviewer_nobody_reads(objects: PygitObjects) -> None:
    town = await found_town(objects)
    await town.add("gt-a")
    script(town)
    await whole(town, reviewer=None).run([])
    assert town.bus.state.stage == "landed"
    assert not town.events("merge_reviewed")


async def test_a_reviewer_is_told_the_bead_and_the_diff(town: FakeTown) -> None:
    script(town, APPROVES)
    await whole(town).run([])
    task = first_said(reviews(town)[0])
    for part in ("Title: Do gt-a", "Say A in a.txt.", "Done when: a.txt says A.", "-start", "+turn 0"):
        assert part in task
    assert "Done." in task


async def test_wanted_changes_go_to_the_same_worker_and_the_next_work_is_read_again(town: FakeTown) -> None:
    script(town, wants("It says nothing of A."), APPROVES)
    await whole(town).run([])
    assert town.bus.state.stage == "landed"
    assert [told.verdict for told in town.events("merge_reviewed")] == ["changes", "approved"]
    workers = [request for request in town.model.requests if not is_review(request)]
    heard: Any = workers[1].messages[-1]["content"]
    assert "A reviewer wants changes:\n- a.txt: It says nothing of A." in str(heard[-1]["text"])
    assert town.bus.state.beads[A].rework == 1
    polecats = {slung.polecat for slung in town.events("bead_slung")}
    assert len(polecats) == 1


async def test_after_three_rounds_the_user_decides(town: FakeTown) -> None:
    script(town, *[wants()] * (MOST_ROUNDS + 1))
    await whole(town).run([])
    (need,) = town.bus.state.needs_you.values()
    assert (need.about, need.bead, need.options) == ("reviewer", A, (AS_IT_IS, REVIEW_AGAIN))
    assert "- a.txt: It says nothing." in need.text
    assert town.bus.state.beads[A].rework == MOST_ROUNDS
    await answer(town, AS_IT_IS)
    await whole(town).run([])
    assert town.bus.state.stage == "landed"
    assert len(reviews(town)) == MOST_ROUNDS + 1


async def test_the_user_may_let_it_be_read_again(town: FakeTown) -> None:
    script(town, *[wants()] * (MOST_ROUNDS + 1), APPROVES)
    await whole(town).run([])
    await answer(town, REVIEW_AGAIN)
    await whole(town).run([])
    assert town.bus.state.stage == "landed"
    assert len(reviews(town)) == MOST_ROUNDS + 2


async def test_words_of_the_user_go_to_the_worker(town: FakeTown) -> None:
    script(town, *[wants()] * (MOST_ROUNDS + 1), APPROVES)
    await whole(town).run([])
    await answer(town, "Say A twice.")
    await whole(town).run([])
    workers = [request for request in town.model.requests if not is_review(request)]
    assert "The user answers: Say A twice." in str(workers[-1].messages[-1]["content"])
    assert town.bus.state.stage == "landed"


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (says(stop_reason="refusal"), "The model refused"),
        (ModelError("no such model", status=400), "no such model"),
    ],
)
async def test_a_review_without_a_verdict_asks_about_this_bead(
    town: FakeTown, reply: Said | Exception, why: str
) -> None:
    await town.add("gt-b")
    script(town, reply, APPROVES)
    await whole(town, fleet_size=1).run([])
    (need,) = town.bus.state.needs_you.values()
    assert (need.about, need.bead) == ("reviewer", A)
    assert why in need.text
    assert town.bus.state.merged() == {"gt-b"}
    await answer(town, AS_IT_IS)
    await whole(town).run([])
    assert town.bus.state.stage == "landed"


async def test_a_reviewer_that_never_ends_is_asked_about(town: FakeTown) -> None:
    script(town, *[says({"type": "text", "text": "Hm."}, stop_reason="end_turn")] * MOST_TURNS)
    await whole(town).run([])
    (need,) = town.bus.state.needs_you.values()
    assert f"no verdict in {MOST_TURNS} turns" in need.text
    told: Any = reviews(town)[-1].messages[-1]["content"]
    assert "approve" in told[0]["text"]


async def test_a_reviewer_cannot_call_a_worker_s_tools(town: FakeTown) -> None:
    script(town, says(use("bash", command="rm -rf .")), APPROVES)
    await whole(town).run([])
    answered: Any = reviews(town)[1].messages[-1]["content"]
    assert answered[0]["is_error"]
    assert "There is no tool 'bash'" in answered[0]["content"]
    assert not town.sandbox.ran


async def test_an_empty_list_of_changes_is_no_verdict(town: FakeTown) -> None:
    script(town, says(use("request_changes", changes=[])), APPROVES)
    await whole(town).run([])
    assert [told.verdict for told in town.events("merge_reviewed")] == ["approved"]


async def test_a_red_gate_after_an_approval_goes_back_as_ever(town: FakeTown) -> None:
    def verdict(_command: str, files: dict[str, bytes]) -> CommandResult:
        return said("no", 1) if files.get("a.txt") == b"turn 0\n" else said()

    town.sandbox.verdict = verdict
    script(town, APPROVES, APPROVES)
    await whole(town, "check").run([])
    assert town.bus.state.stage == "landed"
    assert "check is red" in town.events("bead_reopened")[0].reason


# --- money and stops ------------------------------------------------------------------------------


async def test_a_review_is_charged_to_its_bead_and_its_role(town: FakeTown) -> None:
    script(town, APPROVES)
    await whole(town).run([])
    spent = town.gate.ledger.totals("role:reviewer").settled
    assert spent > 0
    assert town.gate.ledger.totals("bead:gt-a").settled > spent
    assert town.bus.state.beads[A].cost == town.gate.ledger.totals("bead:gt-a").settled


async def test_at_the_limit_a_review_waits_until_it_is_raised(town: FakeTown) -> None:
    await town.submit("gt-a", a_txt="A\n")
    script(town, APPROVES)
    await town.gate.set_cap(town.kit.scopes[0], NanoUsd(1))
    await whole(town).run([])
    assert LIMIT_ITEM in town.bus.state.needs_you
    assert not reviews(town)
    assert not town.bus.state.merged()
    await town.gate.set_cap(town.kit.scopes[0], None)
    await whole(town).run([])
    assert town.bus.state.stage == "landed"


async def test_a_bead_s_own_limit_asks_and_a_review_again_gets_as_much_again(town: FakeTown) -> None:
    await town.submit("gt-a", a_txt="A\n")
    script(town, APPROVES)
    await town.gate.set_cap("bead:gt-a", NanoUsd(1))
    await whole(town).run([])
    (need,) = town.bus.state.needs_you.values()
    assert need.about == "reviewer"
    assert "leaves no room for a review" in need.text
    await answer(town, REVIEW_AGAIN)
    await whole(town).run([])
    assert town.bus.state.stage == "landed"
    assert (town.gate.ledger.totals("bead:gt-a").cap or 0) >= NANO


async def test_a_closed_provider_stops_reviews_without_a_further_request(town: FakeTown) -> None:
    await town.submit("gt-a", a_txt="A\n")
    await town.add("gt-b")
    await town.submit("gt-b", b_txt="B\n")
    script(town, ModelError("bad key", status=401, unbilled=True), APPROVES, APPROVES)
    await whole(town).run([])
    (need,) = town.bus.state.needs_you.values()
    assert need.about == "provider"
    assert len(reviews(town)) <= 2
    assert not town.bus.state.merged()


async def test_a_review_that_a_stop_cut_short_begins_again(town: FakeTown) -> None:
    await town.submit("gt-a", a_txt="A\n")
    town = await town.restarted()
    script(town, APPROVES)
    hooks = await reconcile(town.kit)
    await whole(town).run(hooks)
    assert town.bus.state.stage == "landed"


@pytest.mark.parametrize("verdict", ["changes", "none"])
async def test_a_verdict_told_before_a_stop_is_followed_without_another_review(
    town: FakeTown, verdict: Any
) -> None:
    await town.submit("gt-a", a_txt="A\n")
    told = ev.MergeReviewed(
        **town.where, merge=MergeId("gt-a.1"), bead=A, verdict=verdict, text="- Say it.", model=MODEL
    )
    await town.bus.publish(told)
    town = await town.restarted()
    script(town, APPROVES)
    await whole(town).run(await reconcile(town.kit))
    if verdict == "none":
        (need,) = town.bus.state.needs_you.values()
        assert need.about == "reviewer"
        assert not reviews(town)
    else:
        assert town.bus.state.stage == "landed"
        assert len(reviews(town)) == 1


async def test_an_approval_survives_a_restart(town: FakeTown) -> None:
    await town.submit("gt-a", a_txt="A\n")
    told = ev.MergeReviewed(
        **town.where, merge=MergeId("gt-a.1"), bead=A, verdict="approved", text="Fine.", model=MODEL
    )
    await town.bus.publish(told)
    town = await town.restarted()
    script(town)
    await whole(town).run(await reconcile(town.kit))
    assert town.bus.state.stage == "landed"


async def test_what_the_user_dropped_meanwhile_is_not_asked_about(town: FakeTown) -> None:
    await town.submit("gt-a", a_txt="A\n")
    await town.add("gt-b")

    async def answer(request: ModelRequest) -> Said:
        if is_review(request) and bead_of(request) == "gt-a":
            await town.bus.publish(ev.BeadDropped(**town.where, bead=A, reason="not wanted"))
            return wants()
        return APPROVES if is_review(request) else hands_in(request)

    town.model.answer = answer
    await whole(town).run([])
    assert not town.bus.state.needs_you
    assert town.bus.state.beads[A].status == "discarded"
    assert town.bus.state.merged() == {"gt-b"}
