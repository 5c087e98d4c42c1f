"""What a setup made stays in a slot as it was, or not at all, and is in no snapshot."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.made_files import literal, tops_of
from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.adapters.git.slots import GitSlots
from gastown_desktop.engine.git_ports import Slot
from tests.adapters.test_git_slots import Rig, content, rig_over, worker
from tests.builders import RepositoryBuilder

KEY = "key-1"


@pytest_asyncio.fixture
async def rig(git: GitCommand, tmp_path: Path) -> AsyncIterator[Rig]:
    source = RepositoryBuilder(tmp_path / "source")
    source.write("a.txt", "one\n").write("src/b.py", "b\n").write(
        ".gitignore", "build/\n*.egg-info/\n*.pyc\n"
    )
    source.commit("One")
    source.write("a.txt", "two\n").commit("Two")
    source.write(".gitignore", "").commit("Ignore nothing any more")
    source.write("build/tracked", "x\n").commit("Track what was made")
    rig = await rig_over(git, tmp_path, source)
    rig.slots = slots(rig)
    yield rig
    assert isinstance(rig.objects, PygitObjects)
    rig.objects.close()


def slots(rig: Rig) -> GitSlots:
    folders = (rig.root / "wt", rig.root / "index")
    options = {"copied": ("config/[1].json",), "ignored": (".venv", "node_modules")}
    return GitSlots(rig.git, rig.objects, rig.town, *folders, **options)


def make(slot: Slot) -> None:
    """What a setup does: ignored files, some that are not, and a tracked one that it changes."""
    for path in (
        ".venv/bin/python",
        ".venv/lib/x.py",
        "build/out/x.o",
        "src/b.egg-info/PKG",
        "config/[1].json",
    ):
        (slot.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (slot.folder / path).write_text(f"made {path}\n")
    (slot.folder / ".venv/lib64").symlink_to("lib")
    (slot.folder / "build/empty").mkdir()
    (slot.folder / "stray.txt").write_text("stray\n")
    (slot.folder / "a.txt").write_text("changed by setup\n")


MADE = {".venv/bin/python", ".venv/lib/x.py", "build/out/x.o", "src/b.egg-info/PKG"}


async def set_up(rig: Rig, rev: str = "HEAD~3") -> Slot:
    slot = await rig.slots.prepare("Nux", rig.commit(rev), made=KEY)
    assert not await rig.slots.has_made("Nux", KEY)
    make(slot)
    removed = await rig.slots.keep_made(slot, rig.commit(rev), KEY)
    assert removed == ("stray.txt",)
    return slot


async def test_what_setup_made_and_git_ignores_stays_and_all_else_is_as_the_commit_has_it(rig: Rig) -> None:
    slot = await set_up(rig)
    assert set(content(slot.folder)) == MADE | {
        "a.txt",
        "src/b.py",
        ".gitignore",
        "config/[1].json",
    }
    assert (slot.folder / "a.txt").read_text() == "one\n"
    assert (await rig.slots.snapshot(slot)).tree == rig.tree("HEAD~3")
    assert worker(slot, "status", "--porcelain") == ""


@pytest.mark.parametrize("restarted", [False, True])
async def test_the_next_use_finds_it_as_it_was_and_nothing_of_the_one_before(
    rig: Rig, restarted: bool
) -> None:
    slot = await set_up(rig)
    before = (slot.folder / "build/out/x.o").stat()
    for path in ("of-worker.txt", "build/of-worker.o", ".venv/lib/__pycache__/x.pyc", "src/x.pyc", "a.txt"):
        (slot.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (slot.folder / path).write_text("of the worker\n")
    (slot.folder / "src/link").symlink_to("/etc")
    os.mkfifo(slot.folder / "build/pipe")
    if restarted:
        rig.slots = slots(rig)
    slot = await rig.slots.prepare("Nux", rig.commit("HEAD~2"), made=KEY)
    assert await rig.slots.has_made("Nux", KEY)
    expected = MADE | {"a.txt", "src/b.py", ".gitignore"}
    assert set(content(slot.folder)) == expected
    assert (slot.folder / "build/empty").is_dir()
    assert (slot.folder / ".venv/lib64").is_symlink()
    assert not (slot.folder / "src/link").is_symlink()
    assert not (slot.folder / "build/pipe").is_fifo()
    assert (slot.folder / "build/out/x.o").stat().st_ino == before.st_ino
    assert (await rig.slots.snapshot(slot)).tree == rig.tree("HEAD~2")


def _edit(path: Path) -> None:
    """Changes a file without a trace but the time that nobody can set."""
    info = path.stat()
    path.write_bytes(path.read_bytes().replace(b"made", b"evil"))
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


def _replace(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


CHANGES = {
    "edited": _edit,
    "deleted": Path.unlink,
    "a link instead": _replace,
    "another mode": lambda path: path.chmod(0o777),
    "its folder a link": lambda path: (
        path.parent.rename(path.parents[2] / "x"),
        path.parent.symlink_to("/usr"),
    ),
}


@pytest.mark.parametrize("how", CHANGES)
async def test_what_somebody_changed_is_not_taken_for_what_setup_made(rig: Rig, how: str) -> None:
    slot = await set_up(rig)
    CHANGES[how](slot.folder / ".venv/lib/x.py")
    slot = await rig.slots.prepare("Nux", rig.commit("HEAD~2"), made=KEY)
    assert not await rig.slots.has_made("Nux", KEY)
    assert set(content(slot.folder)) == {"a.txt", "src/b.py", ".gitignore"}


@pytest.mark.parametrize("made", ["key-2", ""])
async def test_another_setup_begins_on_a_clean_slot(rig: Rig, made: str) -> None:
    await set_up(rig)
    slot = await rig.slots.prepare("Nux", rig.commit("HEAD~3"), made=made)
    assert not await rig.slots.has_made("Nux", made or KEY)
    assert set(content(slot.folder)) == {"a.txt", "src/b.py", ".gitignore"}


async def test_a_setup_that_did_not_end_leaves_nothing(rig: Rig) -> None:
    slot = await rig.slots.prepare("Nux", rig.commit(), made=KEY)
    make(slot)
    slot = await rig.slots.prepare("Nux", rig.commit("HEAD~3"), made=KEY)
    assert set(content(slot.folder)) == {"a.txt", "src/b.py", ".gitignore"}


async def test_it_is_in_no_snapshot_whatever_gitignore_becomes_and_survives_that(rig: Rig) -> None:
    slot = await set_up(rig)
    (slot.folder / ".gitignore").write_text("!.venv\n!config\n")
    (slot.folder / "config/[1].json").write_text("of the worker\n")
    snapshot = await rig.slots.snapshot(slot)
    assert set(await rig.files(snapshot.tree)) == {"a.txt", "src/b.py", ".gitignore"}
    await rig.slots.reset(slot, snapshot.tree)
    assert set(content(slot.folder)) >= MADE
    slot = await rig.slots.prepare("Nux", rig.commit("HEAD~1"), made=KEY)
    assert await rig.slots.has_made("Nux", KEY)
    assert (await rig.slots.snapshot(slot)).tree == rig.tree("HEAD~1")


async def test_a_commit_that_tracks_what_was_made_wins(rig: Rig) -> None:
    slot = await set_up(rig)
    (slot.folder / "build/tracked").write_text("made\n")
    await rig.slots.keep_made(slot, rig.commit("HEAD~3"), KEY)
    slot = await rig.slots.prepare("Nux", rig.commit(), made=KEY)
    assert (slot.folder / "build/tracked").read_text() == "x\n"
    assert not await rig.slots.has_made("Nux", KEY)


async def test_a_removed_slot_has_made_nothing(rig: Rig) -> None:
    await set_up(rig)
    await rig.slots.remove("Nux")
    await rig.slots.prepare("Nux", rig.commit(), made=KEY)
    assert not await rig.slots.has_made("Nux", KEY)
    assert not list((rig.root / "index").glob("*.made"))


async def test_new_files_beside_what_was_made_are_work(rig: Rig) -> None:
    slot = await set_up(rig)
    for path in ("config/new.json", "src/gen/new.py", "src/new.py"):
        (slot.folder / path).parent.mkdir(exist_ok=True)
        (slot.folder / path).write_text("new\n")
    files = set(await rig.files((await rig.slots.snapshot(slot)).tree))
    assert files == {"a.txt", "src/b.py", ".gitignore", "config/new.json", "src/gen/new.py", "src/new.py"}


async def test_new_files_in_a_folder_that_holds_only_what_was_made_are_work(rig: Rig) -> None:
    slot = await rig.slots.prepare("Nux", rig.commit("HEAD~3"), made=KEY)
    (slot.folder / "gen/deep").mkdir(parents=True)
    (slot.folder / "gen/deep/x.pyc").write_text("made\n")
    await rig.slots.keep_made(slot, rig.commit("HEAD~3"), KEY)
    (slot.folder / "gen/new.py").write_text("new\n")
    files = set(await rig.files((await rig.slots.snapshot(slot)).tree))
    assert files == {"a.txt", "src/b.py", ".gitignore", "gen/new.py"}
    await rig.slots.prepare("Nux", rig.commit("HEAD~3"), made=KEY)
    assert await rig.slots.has_made("Nux", KEY)


def test_folders_that_are_ignored_as_a_whole_stand_for_all_below_them() -> None:
    listed = ["src/gen/", "src/gen/x.pyc", "build/", "a.log", "b/", "b/c/", "b/c/d.pyc", "b/e/"]
    assert tops_of(listed) == ("b/e/", "build/", "a.log", "b/c/d.pyc", "src/gen/x.pyc")
    assert tops_of([]) == ()


def test_signs_of_patterns_are_meant_as_they_stand() -> None:
    assert literal("config/[1] *.json") == r"/config/\[1\]\ \*.json"
