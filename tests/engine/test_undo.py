"""A landing is taken back: the branch as it was where that hurts nobody, else by a commit that reverts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.ids import BeadId
from gastown_desktop.engine import intents, landing, undo
from gastown_desktop.engine.landing import Landed
from gastown_desktop.engine.landing_plan import NotLanded
from gastown_desktop.engine.undo import Undo, Undone
from tests.fakes.shared import LINES, Shared


@pytest_asyncio.fixture
async def scene(objects: PygitObjects, tmp_path: Path) -> AsyncIterator[Shared]:
    scene = await Shared(objects._git, tmp_path).build()  # pyright: ignore[reportPrivateUsage]
    yield scene
    scene.close()


async def landed(scene: Shared, **fields: Any) -> Landed:
    outcome = await (await scene.landing(**fields)).land()
    assert isinstance(outcome, Landed), outcome
    return outcome


async def undone(scene: Shared, **fields: Any) -> Undone | NotLanded:
    return await (await scene.landing(kind=Undo, **fields)).undo()


async def test_a_branch_that_did_not_move_goes_back_with_its_checkout(scene: Shared) -> None:
    await landed(scene, shared=False)
    scene.repo.write("own.txt", "mine\n")
    outcome = await undone(scene, shared=False)
    assert outcome == Undone(target="refs/heads/main", commit=scene.start, reverted=False)
    assert scene.here() == scene.start
    assert not (scene.repo.folder / "b.txt").exists()
    assert (scene.repo.folder / "own.txt").read_text() == "mine\n"
    state = scene.town.bus.state
    assert (state.stage, state.landed_on, state.beads[BeadId("gt-a")].status) == (
        "ready_to_land",
        "",
        "merged",
    )


async def test_an_undone_landing_lands_again(scene: Shared) -> None:
    first = await landed(scene, shared=False)
    await undone(scene, shared=False)
    assert (await landed(scene, shared=False)).commit == first.commit == scene.here()


async def test_a_branch_that_moved_on_gets_a_commit_that_reverts(scene: Shared) -> None:
    first = await landed(scene, shared=False)
    scene.repo.write("own.txt", "later\n").commit("Later")
    outcome = await undone(scene, shared=False)
    assert isinstance(outcome, Undone)
    assert (outcome.reverted, scene.here()) == (True, outcome.commit)
    assert scene.repo.git("show", "HEAD:own.txt") == "later"
    assert scene.repo.git("show", "HEAD:a.txt") == LINES.strip()
    assert scene.repo.git("merge-base", "--is-ancestor", first.commit, "HEAD") == ""
    assert "- gt-a Do gt-a\n- gt-b Do gt-b" in scene.repo.git("log", "-1", "--format=%B")
    tree = scene.repo.git("rev-parse", "HEAD^{tree}")
    assert tree in {run.tree for run in scene.town.events("gate_run") if run.green}


async def test_what_was_reverted_lands_again_on_top(scene: Shared) -> None:
    await landed(scene, shared=False)
    scene.repo.write("own.txt", "later\n").commit("Later")
    await undone(scene, shared=False)
    again = await landed(scene, shared=False)
    assert again.beads == ("gt-a", "gt-b")
    assert scene.repo.git("show", "HEAD:b.txt") == "B"
    assert len(scene.repo.git("log", "--format=%s", "main").splitlines()) == 7


async def test_what_was_pushed_is_reverted_here_and_there(scene: Shared) -> None:
    await landed(scene)
    scene.colleague()
    outcome = await undone(scene)
    assert isinstance(outcome, Undone)
    assert outcome.reverted
    assert scene.here() == scene.there() == outcome.commit
    assert scene.log()[:3] == ["Do gt-a", "Do gt-b", "Colleague 1"]
    assert [update[0] for update in scene.updates()] == ["forward"] * 3
    assert not (scene.repo.folder / "b.txt").exists()


async def test_what_somebody_built_on_it_refuses_and_names_the_file(scene: Shared) -> None:
    await landed(scene, shared=False)
    later = scene.repo.write("b.txt", "B, and more\n").commit("Later")
    outcome = await undone(scene, shared=False)
    assert isinstance(outcome, NotLanded)
    assert "b.txt" in outcome.words
    assert scene.here() == later
    assert scene.town.bus.state.stage == "landed"


async def test_an_edit_of_what_landed_refuses_and_names_the_file(scene: Shared) -> None:
    first = await landed(scene, shared=False)
    scene.repo.write("b.txt", "mine\n")
    outcome = await undone(scene, shared=False)
    assert isinstance(outcome, NotLanded)
    assert "b.txt" in outcome.words
    assert (scene.here(), (scene.repo.folder / "b.txt").read_text()) == (first.commit, "mine\n")


async def test_a_remote_that_does_not_answer_may_have_it(scene: Shared) -> None:
    first = await landed(scene)
    scene.origin.rename(scene.origin.with_name("away"))
    outcome = await undone(scene)
    assert isinstance(outcome, NotLanded)
    assert scene.here() == first.commit


async def test_what_is_not_there_cannot_be_undone(scene: Shared) -> None:
    outcome = await undone(scene)
    assert isinstance(outcome, NotLanded)
    assert "not on main" in outcome.words


class Died(BaseException):
    pass


@pytest.mark.parametrize("moved_on", [False, True])
@pytest.mark.parametrize("step", ["intent-after", "land-before", "land-after", "land-told"])
async def test_a_stop_is_mended_by_undoing_again(
    scene: Shared, monkeypatch: pytest.MonkeyPatch, step: str, moved_on: bool
) -> None:
    await landed(scene, shared=False)
    if moved_on:
        scene.repo.write("own.txt", "later\n").commit("Later")

    def die(name: str) -> None:
        if name == step:
            raise Died

    with monkeypatch.context() as patched:
        for module in (undo, intents, landing):
            patched.setattr(module, "crash_point", die)
        with pytest.raises(Died):
            await undone(scene, shared=False)
    scene.town = await scene.town.restarted()
    outcome = await undone(scene, shared=False)
    state = scene.town.bus.state
    if isinstance(outcome, NotLanded):
        assert "not on main" in outcome.words
    assert (state.stage, state.landed_on) == ("ready_to_land", "")
    assert not (scene.repo.folder / "b.txt").exists()
    told = b"".join(scene.town.store.lines()).count(b'"landing_undone"')
    assert told == 1
    assert (state.reverted_by is not None) is moved_on
