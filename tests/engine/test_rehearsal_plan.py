"""True plans of histories that git itself made; landed in many orders they come out as history."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import Oid
from gastown_desktop.core.serialising import SerialisingFiles
from gastown_desktop.engine.rehearsal_plan import choose_range, plan_true, restore_plan
from gastown_desktop.engine.replay import Replays
from tests.builders import RepositoryBuilder
from tests.engine.past import engine_shaped, named, plan_of, random_history, take

TEN_LINES = "".join(f"line {number}\n" for number in range(10))


@pytest.fixture
def repo(tmp_path: Path) -> RepositoryBuilder:
    return RepositoryBuilder(tmp_path / "repo")


def change(text: str, line: int, new: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:line], new + "\n", *lines[line + 1 :]])


async def comes_out_as_history(objects: PygitObjects, tip: Oid, orders: int = 4) -> None:
    plan, replays = await plan_of(objects, tip), Replays(objects)
    for seed in range(orders):
        fleet = (1, 2, 4, 30)[seed % 4]
        tree, conflicted = await engine_shaped(objects, replays, plan, Random(seed), fleet)
        assert (tree, conflicted) == (plan.expected_tree, [])


# --- dependencies ---------------------------------------------------------------------------------


async def test_work_on_different_files_waits_for_nothing(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    repo.write("a.txt", "a\n").commit("Start")
    repo.write("b.txt", "b\n").commit("B")
    repo.write("c.txt", "c\n").commit("C")
    plan = await plan_of(objects, take(repo, town_git))
    assert named(plan) == {"B": set(), "C": set()}
    assert (plan.conflicting, plan.silent, plan.left_out) == ({}, [], [])


async def test_work_on_different_places_of_a_file_waits_for_nothing(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    repo.write("a.txt", TEN_LINES).commit("Start")
    first = change(TEN_LINES, 0, "top")
    repo.write("a.txt", first).commit("Top")
    repo.write("a.txt", change(first, 9, "bottom")).commit("Bottom")
    tip = take(repo, town_git)
    assert named(await plan_of(objects, tip)) == {"Top": set(), "Bottom": set()}
    await comes_out_as_history(objects, tip)


async def test_work_that_conflicts_waits_for_those_before_it_on_its_files(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    repo.write("a.txt", "one\n").write("z.txt", "z\n").commit("Start")
    repo.write("a.txt", "two\n").commit("Two")
    repo.write("z.txt", "zz\n").commit("Elsewhere")
    repo.write("a.txt", "three\n").commit("Three")
    tip = take(repo, town_git)
    plan = await plan_of(objects, tip)
    assert named(plan) == {"Two": set(), "Elsewhere": set(), "Three": {"Two"}}
    assert [plan.works[bead].subject for bead in plan.conflicting] == ["Three"]
    await comes_out_as_history(objects, tip)


def spelled(letters: str) -> str:
    return "".join(f"{letter}\n" for letter in letters)


async def test_a_silent_difference_is_reported_and_waits(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    """Among lines that repeat, git puts the later change elsewhere and says nothing."""
    repo.write("a.txt", spelled("y}xy}x}xz")).commit("Start")
    repo.write("a.txt", spelled("y}x}x}xz")).commit("Remove a line")
    repo.write("a.txt", spelled("y}x}}x}xz")).commit("Double a brace")
    tip = take(repo, town_git)
    plan = await plan_of(objects, tip)
    assert named(plan) == {"Remove a line": set(), "Double a brace": {"Remove a line"}}
    (found,) = plan.silent
    assert plan.works[found.bead].subject == "Double a brace"
    assert [plan.works[bead].subject for bead in found.earlier] == ["Remove a line"]
    assert (found.paths, plan.conflicting) == (("a.txt",), {})
    assert found.lines[:2] == ("--- merged/a.txt", "+++ history/a.txt")
    assert any(line in {"+}", "-}"} for line in found.lines)
    await comes_out_as_history(objects, tip)


async def test_a_revert_and_its_revert_wait_in_their_order(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    repo.write("a.txt", TEN_LINES).commit("Start")
    work = repo.write("a.txt", change(TEN_LINES, 4, "changed")).commit("Work")
    repo.revert(repo.revert(work))
    tip = take(repo, town_git)
    waits = list(named(await plan_of(objects, tip)).values())
    assert waits[0] == set()
    assert "Work" in waits[1]
    assert 'Revert "Work"' in waits[2]
    await comes_out_as_history(objects, tip)


async def test_an_edit_of_a_renamed_file_comes_out_as_history(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    repo.write("old.txt", TEN_LINES).write("other.txt", "x\n").commit("Start")
    repo.rename("old.txt", "new.txt").commit("Rename")
    repo.write("new.txt", change(TEN_LINES, 5, "changed")).commit("Edit")
    repo.write("other.txt", "y\n").commit("Other")
    tip = take(repo, town_git)
    assert named(await plan_of(objects, tip))["Other"] == set()
    await comes_out_as_history(objects, tip)


async def test_files_that_move_into_a_new_folder_one_after_the_other_come_out_as_history(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    """Git takes the second for a part of the first's folder rename, though they share no path."""
    repo.write("a.txt", TEN_LINES).write("b.txt", "b\n" * 9).write("c.txt", "c\n").commit("Start")
    repo.rename("a.txt", "sub/a.txt").commit("Move a")
    repo.rename("b.txt", "sub/b.txt").commit("Move b")
    tip = take(repo, town_git)
    assert named(await plan_of(objects, tip)) == {"Move a": set(), "Move b": {"Move a"}}
    await comes_out_as_history(objects, tip)


async def test_a_file_that_becomes_a_folder_waits_for_those_who_touched_the_file(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    repo.write("tool", "one\n").commit("Start")
    repo.write("tool", "two\n").commit("Edit the file")
    repo.delete("tool").write("tool/main.py", "m\n").commit("Make it a folder")
    tip = take(repo, town_git)
    assert named(await plan_of(objects, tip))["Make it a folder"] == {"Edit the file"}
    await comes_out_as_history(objects, tip)


# --- what is a bead -------------------------------------------------------------------------------


async def test_a_merge_commit_is_one_bead(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    repo.write("a.txt", "a\n").commit("Start")
    repo.branch("feature").write("f.txt", "1\n").commit("F one")
    repo.write("g.txt", "2\n").commit("F two")
    repo.switch("main").write("m.txt", "m\n").commit("Main")
    repo.merge("feature", "Merge the feature\n\nIts body.")
    plan = await plan_of(objects, take(repo, town_git))
    assert [work.subject for work in plan.works.values()] == ["Main", "Merge the feature"]
    merge = list(plan.works.values())[1]
    assert (merge.paths, merge.body) == (("f.txt", "g.txt"), "Its body.")


async def test_commits_that_change_nothing_are_left_out(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    repo.write("a.txt", "a\n").commit("Start")
    empty = repo.commit("Nothing")
    repo.write("b.txt", "b\n").commit("Something")
    plan = await plan_of(objects, take(repo, town_git))
    assert [work.subject for work in plan.works.values()] == ["Something"]
    assert plan.left_out == [f"{empty[:10]} Nothing"]


async def test_a_range_of_nothing_but_empty_commits_is_refused(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    repo.write("a.txt", "a\n").commit("Start")
    repo.commit("Nothing")
    tip = take(repo, town_git)
    with pytest.raises(Refused, match="change nothing"):
        await plan_of(objects, tip)


async def test_a_commit_without_a_message_is_a_bead(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    repo.write("a.txt", "a\n").commit("Start")
    repo.write("b.txt", "b\n").git("add", "-A")
    repo.git("commit", "-q", "--allow-empty-message", "-m", "")
    plan = await plan_of(objects, take(repo, town_git))
    assert [work.subject for work in plan.works.values()] == ["(no message)"]


async def test_a_plan_that_was_written_down_is_read_back(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    repo.write("a.txt", "one\n").commit("Start")
    repo.write("a.txt", "two\n").commit("Two")
    repo.commit("Nothing")
    repo.write("a.txt", "three\n").commit("Three")
    plan = await plan_of(objects, take(repo, town_git))
    fields = {
        "base": plan.base,
        "tip": plan.tip,
        "beads": list(plan.works),
        "commits": [work.commit for work in plan.works.values()],
        "dependencies": [[dependency.bead, dependency.on] for dependency in plan.dependencies],
        "conflicting": plan.conflicting,
        "silent": [],
        "left_out": plan.left_out,
    }
    assert await restore_plan(objects, fields) == plan


# --- ranges ---------------------------------------------------------------------------------------


async def test_a_range_stops_at_the_root_which_has_nothing_before_it(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    root = repo.write("a.txt", "a\n").commit("Start")
    repo.write("b.txt", "b\n").commit("B")
    tip = take(repo, town_git)
    before, commits = await choose_range(objects, tip, last=12, stop=None, shallow=frozenset())
    assert (before.oid, [commit.subject for commit in commits]) == (root, ["B"])


async def test_the_newest_commits_are_taken_oldest_first(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    for number in range(5):
        repo.write("a.txt", f"{number}\n").commit(f"{number}")
    tip = take(repo, town_git)
    before, commits = await choose_range(objects, tip, last=2, stop=None, shallow=frozenset())
    assert (before.subject, [commit.subject for commit in commits]) == ("2", ["3", "4"])


async def test_a_range_may_be_given_by_the_commit_before_it(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    oids = [repo.write("a.txt", f"{number}\n").commit(f"{number}") for number in range(4)]
    tip = take(repo, town_git)
    before, commits = await choose_range(objects, tip, last=1, stop=Oid(oids[0]), shallow=frozenset())
    assert (before.subject, len(commits)) == ("0", 3)


async def test_a_single_commit_is_refused(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    repo.write("a.txt", "a\n").commit("Start")
    tip = take(repo, town_git)
    with pytest.raises(Refused, match="no commits"):
        await choose_range(objects, tip, last=12, stop=None, shallow=frozenset())


async def test_a_start_off_the_first_parent_line_is_refused(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    repo.write("a.txt", "a\n").commit("Start")
    side = repo.branch("side").write("s.txt", "s\n").commit("Side")
    repo.switch("main").write("m.txt", "m\n").commit("Main")
    repo.merge("side", "Merge")
    tip = take(repo, town_git)
    with pytest.raises(Refused, match="first-parent line"):
        await choose_range(objects, tip, last=12, stop=Oid(side), shallow=frozenset())


async def test_a_range_beyond_a_shallow_boundary_is_refused_and_one_up_to_it_is_not(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path, tmp_path: Path
) -> None:
    for number in range(6):
        repo.write("a.txt", f"{number}\n").commit(f"{number}")
    shutil.rmtree(town_git)
    repo.git("clone", "-q", "--bare", "--depth=3", f"file://{repo.folder}", str(town_git))
    tip = Oid(repo.git("rev-parse", "HEAD"))
    shallow = frozenset(Oid(line) for line in (town_git / "shallow").read_text().split())
    before, commits = await choose_range(objects, tip, last=2, stop=None, shallow=shallow)
    assert (before.subject, [commit.subject for commit in commits]) == ("3", ["4", "5"])
    with pytest.raises(Refused, match="shallow"):
        await choose_range(objects, tip, last=3, stop=None, shallow=shallow)


# --- everything at once ---------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [16, 39, 56, 60])
async def test_random_histories_come_out_as_history_in_every_order(
    objects: PygitObjects, town_git: Path, tmp_path: Path, seed: int
) -> None:
    repo = random_history(tmp_path / "repo", Random(seed), commits=8)
    await comes_out_as_history(objects, take(repo, town_git), orders=4)


async def test_a_plan_tells_how_far_it_is(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    repo.write("a.txt", "a\n").commit("Start")
    repo.write("b.txt", "b\n").commit("B")
    repo.write("c.txt", "c\n").commit("C")
    tip = take(repo, town_git)
    before, commits = await choose_range(objects, tip, last=12, stop=None, shallow=frozenset())
    told: list[tuple[int, int]] = []
    await plan_true(
        objects,
        Replays(objects),
        before,
        commits,
        prefix="gt",
        convoy="cv-tests",
        told=lambda *at: told.append(at),
    )
    assert told == [(1, 2), (2, 2)]


async def test_a_change_log_that_is_merged_by_its_lines_makes_no_dependency(
    repo: RepositoryBuilder, objects: PygitObjects, town_git: Path
) -> None:
    repo.write("CHANGES", "start\n").commit("Start")
    for name in ("one", "two", "three"):
        repo.write(name, name).write("CHANGES", f"start\n{name}\n").commit(name)
    tip = take(repo, town_git)
    plain = await plan_of(objects, tip)
    assert len(plain.conflicting) == 2
    before, commits = await choose_range(objects, tip, last=3, stop=None, shallow=frozenset())
    rules = SerialisingFiles(union=("CHANGES",))
    plan = await plan_true(objects, Replays(objects, rules), before, commits, prefix="gt", convoy="cv-tests")
    assert plan.conflicting == {}
