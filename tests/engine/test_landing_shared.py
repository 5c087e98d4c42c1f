"""A convoy lands on a branch of the user's and on its remote, while others push there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.errors import GitError, RemoteUnreachable
from gastown_desktop.core.ids import Oid
from gastown_desktop.engine import intents, landing
from gastown_desktop.engine.git_ports import Commit
from gastown_desktop.engine.landing import Landed, Landing
from gastown_desktop.engine.landing_plan import LandingPlan, NotLanded
from tests.fakes.shared import BEADS, LINES, Shared


@pytest_asyncio.fixture
async def scene(objects: PygitObjects, tmp_path: Path) -> AsyncIterator[Shared]:
    scene = await Shared(objects._git, tmp_path).build()  # pyright: ignore[reportPrivateUsage]
    yield scene
    scene.close()


async def land(scene: Shared, **fields: Any) -> Landed | NotLanded:
    return await (await scene.landing(**fields)).land()


async def test_what_lands_is_here_and_there(scene: Shared) -> None:
    outcome = await land(scene)
    assert isinstance(outcome, Landed)
    assert outcome.missing_on == ""
    assert scene.here() == scene.there() == outcome.commit
    assert scene.broken_promises() == []
    assert (scene.repo.folder / "b.txt").read_text() == "B\n"


async def test_the_branch_brings_along_what_a_colleague_pushed_before(scene: Shared) -> None:
    theirs = scene.colleague()
    assert isinstance(await land(scene), Landed)
    assert scene.log() == ["Colleague 1", "Do gt-a", "Do gt-b"]
    assert scene.town.bus.state.stands_on == theirs
    assert scene.broken_promises() == []


@pytest.mark.parametrize("moment", ["before fetch", "after fetch", "before merge_trees", "before run",
                                    "after run", "before swap_ref", "after swap_ref", "before push",
                                    "after push", "before advance", "after advance"])  # fmt: skip
async def test_a_colleague_may_push_at_any_moment(scene: Shared, moment: str) -> None:
    scene.colleague()

    def push_once(now: str) -> None:
        if now == moment and len(scene.colleagues) == 1:
            scene.colleague()

    landing = await scene.landing()
    scene.at_tick = push_once
    outcome = await landing.land()
    assert isinstance(outcome, Landed), outcome
    assert len(scene.colleagues) == 2
    assert scene.broken_promises() == []


async def test_a_colleague_who_is_quicker_in_the_middle_of_a_push_wins(scene: Shared) -> None:
    scene.race()
    outcome = await land(scene)
    assert isinstance(outcome, Landed), outcome
    assert scene.log() == ["Racer", "Do gt-a", "Do gt-b"]
    assert len(scene.raced()) == 1
    assert scene.broken_promises() == []


async def test_a_remote_that_never_rests_asks_and_leaves_the_user_s_branch(scene: Shared) -> None:
    landing = await scene.landing()
    scene.at_tick = lambda now: scene.colleague() and None if now == "before push" else None
    outcome = await landing.land()
    assert isinstance(outcome, NotLanded)
    assert "5 times" in outcome.words
    assert scene.here() == scene.start
    assert scene.log() == [f"Colleague {number}" for number in range(1, 6)]


async def test_a_conflict_with_what_was_pushed_asks_and_nothing_moves(scene: Shared) -> None:
    theirs = scene.colleague(a_txt=LINES.replace("line 15\n", "theirs\n"))
    outcome = await land(scene)
    assert isinstance(outcome, NotLanded)
    assert (outcome.about, outcome.bead) == ("conflict", "gt-a")
    assert (scene.here(), scene.there()) == (scene.start, theirs)


async def test_a_dirty_checkout_is_refused_before_anything_is_pushed(scene: Shared) -> None:
    scene.repo.write("a.txt", "mine\n")
    outcome = await land(scene)
    assert isinstance(outcome, NotLanded)
    assert "a.txt" in outcome.words
    assert (scene.here(), scene.there(), scene.updates()) == (scene.start, scene.start, [])
    scene.repo.git("checkout", "-q", "a.txt")
    assert isinstance(await land(scene), Landed)
    assert scene.town.bus.state.needs_you == {}


async def test_a_protected_branch_says_so_and_nothing_moves(scene: Shared) -> None:
    hook = scene.origin / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'main is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    outcome = await land(scene)
    assert isinstance(outcome, NotLanded)
    assert "main is protected" in outcome.words
    assert (scene.here(), scene.there()) == (scene.start, scene.start)


# --- diverged, ahead, away ------------------------------------------------------------------------


async def test_branches_that_diverged_before_are_left_alone(scene: Shared) -> None:
    theirs = scene.colleague()
    mine = scene.repo.write("own.txt", "mine\n").commit("Mine")
    outcome = await land(scene)
    assert isinstance(outcome, NotLanded)
    assert "both moved on" in outcome.words
    assert (scene.here(), scene.there()) == (mine, theirs)


async def test_the_user_s_own_commits_stay_below_what_lands(scene: Shared) -> None:
    scene.repo.write("own.txt", "mine\n").commit("Mine")
    assert isinstance(await land(scene), Landed)
    assert scene.log() == ["Mine", "Do gt-a", "Do gt-b"]


@pytest.mark.parametrize("waiting_helps", [False, True])
async def test_a_remote_that_is_away_lands_here_and_is_said_for_ever(
    scene: Shared, waiting_helps: bool
) -> None:
    landing = await scene.landing()

    def away(now: str) -> None:
        if now in {"before fetch", "before push"}:
            raise RemoteUnreachable("no such host", waiting_helps=waiting_helps)

    scene.at_tick = away
    outcome = await landing.land()
    assert isinstance(outcome, Landed)
    assert outcome.missing_on == "origin"
    assert scene.here() == outcome.commit
    assert scene.ticks.count("before fetch") == (7 if waiting_helps else 1)
    assert (scene.town.clock.elapsed_s > 20) == waiting_helps
    again = await scene.town.restarted()
    assert again.bus.state.missing_on == "origin"


async def test_landing_again_pushes_what_was_missing(scene: Shared) -> None:
    scene.origin.rename(scene.origin.with_name("away"))
    landed = await land(scene)
    scene.origin.with_name("away").rename(scene.origin)
    mine = scene.repo.write("own.txt", "later\n").commit("Mine, not to be pushed")
    outcome = await land(scene)
    assert isinstance(outcome, Landed)
    assert isinstance(landed, Landed)
    assert (outcome.missing_on, scene.there(), scene.here()) == ("", landed.commit, mine)
    assert scene.log() == ["Do gt-a", "Do gt-b"]


@pytest.mark.parametrize(("waiting_helps", "asked"), [(False, 1), (True, 3)])
async def test_a_preview_tells_that_the_remote_is_silent_and_waits_little(
    scene: Shared, waiting_helps: bool, asked: int
) -> None:
    landing = await scene.landing()

    def away(now: str) -> None:
        if now == "before fetch":
            raise RemoteUnreachable("no such host", waiting_helps=waiting_helps)

    scene.at_tick = away
    plan = await landing.preview()
    assert isinstance(plan, LandingPlan)
    assert (plan.silent, plan.pushes) == (True, None)
    assert scene.ticks.count("before fetch") == asked
    scene.at_tick = lambda _now: None
    plan = await landing.preview()
    assert isinstance(plan, LandingPlan)
    assert (plan.silent, plan.pushes) == (False, plan.lands)


async def test_a_remote_that_moved_while_it_was_away_gets_a_gated_merge(scene: Shared) -> None:
    scene.origin.rename(scene.origin.with_name("away"))
    await land(scene)
    scene.origin.with_name("away").rename(scene.origin)
    scene.colleague()
    outcome = await land(scene)
    assert isinstance(outcome, Landed), outcome
    assert (outcome.missing_on, scene.here()) == ("", scene.there())
    assert scene.broken_promises() == []
    assert len(scene.repo.git("rev-list", "--parents", "-1", "main").split()) == 3


async def test_a_remote_that_conflicts_with_what_landed_here_asks(scene: Shared) -> None:
    scene.origin.rename(scene.origin.with_name("away"))
    landed = await land(scene)
    scene.origin.with_name("away").rename(scene.origin)
    theirs = scene.colleague(a_txt=LINES.replace("line 15\n", "theirs\n"))
    outcome = await land(scene)
    assert isinstance(outcome, NotLanded)
    assert isinstance(landed, Landed)
    assert "a.txt" in outcome.words
    assert (scene.here(), scene.there()) == (landed.commit, theirs)
    assert scene.town.bus.state.missing_on == "origin"


async def test_a_push_that_arrived_before_it_was_asked_for_is_found_out(scene: Shared) -> None:
    landing = await scene.landing()

    def arrive(now: str) -> None:
        if now == "before push":
            scene.at_tick = lambda _now: None
            town = ("--git-dir", str(scene.town_git))
            tip = scene.repo.git(*town, "rev-parse", "refs/heads/convoy/cv-1")
            scene.repo.git(*town, "push", "-q", str(scene.origin), f"{tip}:refs/heads/main")
            scene.colleague()

    scene.at_tick = arrive
    outcome = await landing.land()
    assert isinstance(outcome, Landed), outcome
    assert scene.log() == ["Do gt-a", "Do gt-b", "Colleague 1"]
    assert scene.broken_promises() == []


async def test_a_push_whose_answer_is_lost_is_asked_about_again(scene: Shared) -> None:
    landing = await scene.landing()

    def lose(now: str) -> None:
        if now == "after push":
            scene.at_tick = lambda _now: None
            scene.colleague()
            raise RemoteUnreachable("the line broke")

    scene.at_tick = lose
    outcome = await landing.land()
    assert isinstance(outcome, Landed), outcome
    assert (outcome.missing_on, scene.log()) == ("", ["Do gt-a", "Do gt-b", "Colleague 1"])
    assert scene.broken_promises() == []


# --- stops ----------------------------------------------------------------------------------------

STEPS = (
    *("land-fetched", "land-stacked", "land-gated", "intent-before", "intent-after", "restack-swap-before"),
    *("restack-swap-after", "restack-told", "push-before", "push-after", "push-told", "land-before"),
    *("land-after", "land-told"),
)


class Died(BaseException):
    pass


@pytest.mark.parametrize("step", STEPS)
async def test_a_stop_anywhere_is_mended_by_landing_again_while_others_push(
    scene: Shared, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    scene.colleague()

    def die(name: str) -> None:
        if name == step:
            raise Died

    with monkeypatch.context() as patched:
        patched.setattr(landing, "crash_point", die)
        patched.setattr(intents, "crash_point", die)
        with pytest.raises(Died):
            await land(scene)
    before = scene.town.told
    scene.town = await scene.town.restarted()
    scene.town.told[:0] = before
    scene.colleague()
    outcome = await land(scene)
    assert isinstance(outcome, Landed), outcome
    assert outcome.missing_on == ""
    assert [subject for subject in scene.log() if subject.startswith("Do")] == ["Do gt-a", "Do gt-b"]
    assert scene.broken_promises() == []


# --- places of the user's -------------------------------------------------------------------------


async def test_the_user_s_next_commit_never_takes_back_what_landed(scene: Shared) -> None:
    scene.repo.write("own.txt", "mine\n")
    assert isinstance(await land(scene), Landed)
    scene.repo.git("commit", "-q", "-a", "-m", "Next")
    assert scene.repo.git("show", "HEAD:b.txt") == "B"
    assert scene.repo.git("show", "HEAD:own.txt") == "mine"
    assert "A" in scene.repo.git("show", "HEAD:a.txt").splitlines()


async def test_a_branch_that_the_user_moves_meanwhile_is_landed_on_as_it_is(scene: Shared) -> None:
    def commit_once(now: str) -> None:
        if now == "before run" and scene.here() == scene.start:
            scene.repo.write("own.txt", "mine\n").commit("Mine")

    landing = await scene.landing(shared=False)
    scene.at_tick = commit_once
    outcome = await landing.land()
    assert isinstance(outcome, Landed), outcome
    told = scene.repo.git("log", "--reverse", "--format=%s", "main").splitlines()
    assert told == ["Start", "Mine", "Do gt-a", "Do gt-b"]


async def test_beads_are_named_in_landing_order(scene: Shared) -> None:
    outcome = await land(scene, shared=False)
    assert isinstance(outcome, Landed)
    assert outcome.beads == BEADS
    assert isinstance(await scene.landing(), Landing)


# --- signatures -----------------------------------------------------------------------------------


class Stamps:
    """Implements the Signer port: a stamp in the message where git would put a signature."""

    def __init__(self, scene: Shared, *, wanted: bool = True) -> None:
        self._scene = scene
        self._wanted = wanted
        self.made = 0

    async def wanted(self) -> bool:
        return self._wanted

    async def sign(self, commit: Commit, parents: Sequence[Oid]) -> Oid:
        self.made += 1
        message = f"{commit.message.rstrip()}\nSigned: yes\n"
        return await self._scene.objects.write_commit(
            commit.tree, parents, message, commit.author, commit.committer
        )


async def test_a_stack_is_signed_once_with_the_same_trees_and_gate_results(scene: Shared) -> None:
    signer = Stamps(scene)
    before = await scene.objects.tree_of(await scene.town.tip())
    outcome = await land(scene, signer=signer)
    assert isinstance(outcome, Landed)
    assert (outcome.signed, outcome.tree, signer.made) == (True, before, 2)
    assert scene.repo.git("log", "-2", "--format=%(trailers:key=Signed,valueonly)").split() == ["yes", "yes"]
    assert len(scene.town.events("gate_run")) == 1
    assert scene.broken_promises() == []
    again = await land(scene, signer=signer)
    assert isinstance(again, Landed)
    assert (again.signed, again.commit, signer.made) == (True, outcome.commit, 2)


async def test_a_signed_stack_that_moves_is_signed_again(scene: Shared) -> None:
    signer = Stamps(scene)
    scene.race()
    outcome = await land(scene, signer=signer)
    assert isinstance(outcome, Landed)
    assert outcome.signed
    stamps = scene.repo.git("log", "-2", "--format=%(trailers:key=Signed,valueonly)")
    assert set(stamps.split()) == {"yes"}
    assert scene.broken_promises() == []


async def test_without_the_wish_it_is_unsigned(scene: Shared) -> None:
    outcome = await land(scene, signer=Stamps(scene, wanted=False))
    assert isinstance(outcome, Landed)
    assert not outcome.signed


async def test_a_signature_that_fails_asks_and_nothing_moves(scene: Shared) -> None:
    class Refusing(Stamps):
        async def sign(self, commit: Commit, parents: Sequence[Oid]) -> Oid:
            raise GitError("no passphrase")

    outcome = await land(scene, signer=Refusing(scene))
    assert isinstance(outcome, NotLanded)
    assert "gt-a could not be signed: no passphrase" in outcome.words
    assert (scene.here(), scene.there()) == (scene.start, scene.start)
