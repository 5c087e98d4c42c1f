"""Beads that were merged on one commit are stacked again on another, and nothing else happens."""

from __future__ import annotations

from datetime import timedelta

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.errors import GitError
from gastown_desktop.core.ids import BeadId, Oid
from gastown_desktop.engine.restack import Restacked, patch_ids, read_stack, restack
from tests.fakes.clock import START
from tests.fakes.town import FakeTown, found_town

LINES = "".join(f"line {number}\n" for number in range(1, 21))


@pytest_asyncio.fixture
async def town(objects: PygitObjects) -> FakeTown:
    return await found_town(objects, a_txt=LINES)


async def again(town: FakeTown, onto: Oid, *, without: tuple[str, ...] = ()) -> Restacked:
    stack = await read_stack(town.objects, town.bus.state, await town.tip())
    dropped = [BeadId(bead) for bead in without]
    return await restack(town.objects, town.clock, stack, onto, without=dropped)


async def test_the_stack_is_read_oldest_first(town: FakeTown) -> None:
    commits = [await town.merge("gt-a", b_txt="B\n"), await town.merge("gt-b", c_txt="C\n")]
    stack = await read_stack(town.objects, town.bus.state, await town.tip())
    assert [(one.bead, one.commit.oid) for one in stack] == list(zip(["gt-a", "gt-b"], commits, strict=True))


async def test_a_foreign_commit_in_the_stack_is_an_error(town: FakeTown) -> None:
    await town.merge("gt-a", b_txt="B\n")
    foreign = await town.commit(await town.tip(), "Foreign\n", z_txt="z\n")
    with pytest.raises(GitError, match="belongs to no bead"):
        await read_stack(town.objects, town.bus.state, foreign)


async def test_beads_are_made_again_on_another_commit_with_author_and_words(town: FakeTown) -> None:
    first = await town.objects.read_commit(await town.merge("gt-a", a_txt=LINES + "more\n"))
    await town.merge("gt-b", b_txt="B\n")
    moved = await town.commit(town.base, "Theirs\n", a_txt="top\n" + LINES)
    town.clock.elapsed_s = 3_600
    made = await again(town, moved)
    assert (made.base, made.clashes, made.skipped) == (moved, (), ())
    assert [one.bead for one in made.stack] == ["gt-a", "gt-b"]
    commit = made.stack[0].commit
    assert (commit.parents, made.stack[1].commit.parents) == ((moved,), (commit.oid,))
    assert (commit.author, commit.message) == (first.author, first.message)
    assert commit.committer.when == START + timedelta(hours=1)
    assert await town.files_at(made.tip) == {
        "a.txt": ("top\n" + LINES + "more\n").encode(),
        "b.txt": b"B\n",
    }


async def test_stacking_on_the_same_commit_changes_nothing(town: FakeTown) -> None:
    await town.merge("gt-a", b_txt="B\n")
    assert (await again(town, town.base)).tip == await town.tip()


async def test_a_conflict_names_bead_and_paths(town: FakeTown) -> None:
    await town.merge("gt-a", a_txt=LINES.replace("line 3\n", "ours\n"))
    await town.merge("gt-b", b_txt="B\n")
    moved = await town.commit(town.base, "Theirs\n", a_txt=LINES.replace("line 3\n", "theirs\n"))
    made = await again(town, moved)
    assert [(clash.bead, clash.paths) for clash in made.clashes] == [("gt-a", ("a.txt",))]


async def test_a_change_that_is_there_already_is_skipped_and_named(town: FakeTown) -> None:
    await town.merge("gt-a", b_txt="B\n")
    await town.merge("gt-b", c_txt="C\n")
    moved = await town.commit(town.base, "The same\n", b_txt="B\n")
    made = await again(town, moved)
    assert made.skipped == ("gt-a",)
    assert [one.bead for one in made.stack] == ["gt-b"]
    assert made.stack[0].commit.parents == (moved,)


async def test_a_bead_is_left_out_and_those_below_it_stay_as_they_are(town: FakeTown) -> None:
    first = await town.merge("gt-a", b_txt="B\n")
    await town.merge("gt-b", c_txt="C\n")
    await town.merge("gt-c", d_txt="D\n")
    made = await again(town, town.base, without=("gt-b",))
    assert [one.bead for one in made.stack] == ["gt-a", "gt-c"]
    assert made.stack[0].commit.oid == first
    assert sorted(await town.files_at(made.tip)) == ["a.txt", "b.txt", "d.txt"]


async def test_a_patch_id_survives_other_lines_and_not_another_change(town: FakeTown) -> None:
    await town.merge("gt-a", a_txt=LINES.replace("line 15\n", "ours\n"))
    stack = await read_stack(town.objects, town.bus.state, await town.tip())
    before = await patch_ids(town.objects, stack)
    far = await town.commit(town.base, "Far\n", a_txt="top\n" + LINES)
    near = await town.commit(town.base, "Near\n", a_txt=LINES.replace("line 12\n", "near\n"))
    made_far, made_near = await again(town, far), await again(town, near)
    assert await patch_ids(town.objects, made_far.stack) == before
    assert await patch_ids(town.objects, made_near.stack) != before
