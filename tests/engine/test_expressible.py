"""Which paths of past work no working folder can express, found in a real slot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.adapters.git.slots import GitSlots
from gastown_desktop.adapters.processes import LocalLauncher
from gastown_desktop.core.ids import ConvoyId, Oid
from gastown_desktop.engine.expressible import LARGEST_FILE, MechanicalPaths
from gastown_desktop.engine.git_ports import Slots
from gastown_desktop.engine.rehearsal import (
    RehearsalSettings,
    StoredRehearsal,
    find_mechanical,
    finisher,
)
from gastown_desktop.engine.replay import Replays
from tests.builders import UNDECODABLE_NAME, RepositoryBuilder, hard_repository
from tests.engine.past import plan_of, take

ONE, TWO = "1" * 40, "2" * 40
CONVERTED = "its bytes differ between git and a working folder"
ON_ADDING = "git ignores or converts it when it is added"


@pytest.fixture
def repo(tmp_path: Path) -> RepositoryBuilder:
    return RepositoryBuilder(tmp_path / "repo")


class Finder:
    """Finds the mechanical paths of a repository's commits."""

    def __init__(self, objects: PygitObjects, slots: Slots, town_git: Path) -> None:
        self.objects = objects
        self.slots = slots
        self._town_git = town_git

    async def newest(self, repo: RepositoryBuilder) -> MechanicalPaths:
        """Of the newest commit."""
        plan = await plan_of(self.objects, take(repo, self._town_git), last=1)
        found = await find_mechanical(self.objects, self.slots, plan)
        assert await self.slots.names() == []
        return next(iter(found.values()), {})

    async def finished(self, repo: RepositoryBuilder) -> tuple[list[Oid], list[Oid]]:
        """Each commit made from its parent, with code for the mechanical paths alone; and as it is."""
        plan = await plan_of(self.objects, take(repo, self._town_git))
        rehearsal = StoredRehearsal(
            convoy=ConvoyId("cv-1"),
            plan=plan,
            mechanical=await find_mechanical(self.objects, self.slots, plan),
            settings=RehearsalSettings(polecats=1, gates=(), cap=1, real_pace=False, model="m"),
        )
        finish = finisher(self.objects, Replays(self.objects), rehearsal, {})
        made: list[Oid] = []
        for bead, work in plan.works.items():
            changes = {
                change.path: (change.new_mode, change.new_oid) if change.new_oid else None
                for change in work.changes
                if change.path not in rehearsal.mechanical.get(bead, {})
            }
            parent = (await self.objects.read_commit(work.commit)).parents[0]
            worked = await self.objects.edit_tree(work.before, changes)
            made.append(await finish(bead, parent, worked))
        return made, [work.tree for work in plan.works.values()]


@pytest_asyncio.fixture
async def finder(objects: PygitObjects, town_git: Path, tmp_path: Path) -> AsyncIterator[Finder]:
    launcher = LocalLauncher(tmp_path / "slots-launcher" / "children")
    git = GitCommand(launcher, Path("/usr/bin/git"), tmp_path / "no-hooks")
    yield Finder(
        objects, GitSlots(git, objects, town_git, tmp_path / "slots", tmp_path / "indexes"), town_git
    )
    await launcher.close()


def raw(repo: RepositoryBuilder, path: str, data: bytes) -> None:
    """Stages bytes as they are, whatever the attributes say."""
    blob = repo.write(path, data).git("hash-object", "-w", "--no-filters", path)
    repo.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")


async def test_ordinary_work_is_the_worker_s(finder: Finder, repo: RepositoryBuilder) -> None:
    repo.write("a.txt", "a\n").write("b/c", "c\n").symlink("l", "a.txt").write("x.sh", "#\n").commit("Start")
    repo.write("a.txt", "A\r\n").delete("b").write("b", "now a file\n").delete("l").chmod("x.sh", 0o755)
    repo.symlink("l", "nowhere").write("new/logo.bin", bytes(range(256))).commit("Work")
    assert await finder.newest(repo) == {}


async def test_submodules_are_code_s(finder: Finder, repo: RepositoryBuilder) -> None:
    repo.write("a.txt", "a\n").commit("Start")
    repo.submodule_bump("lib", ONE).write("a.txt", "A\n").git("add", "a.txt")
    repo.commit("Add", everything=False)
    assert await finder.newest(repo) == {"lib": "a submodule"}
    repo.submodule_bump("lib", TWO).commit("Bump", everything=False)
    assert await finder.newest(repo) == {"lib": "a submodule"}


async def test_a_submodule_that_becomes_files_is_code_s(finder: Finder, repo: RepositoryBuilder) -> None:
    repo.write("a.txt", "a\n").submodule_bump("lib", ONE).git("add", "a.txt")
    repo.commit("Start", everything=False)
    repo.git("rm", "-q", "--cached", "lib")
    repo.write("lib/one.c", "1\n").write("lib/deep/two.c", "2\n").commit("Take the library in")
    found = await finder.newest(repo)
    assert found["lib"] == "a submodule"
    made, wanted = await finder.finished(repo)
    assert made == wanted


async def test_files_that_become_a_submodule_are_code_s_and_the_worker_s(
    finder: Finder, repo: RepositoryBuilder
) -> None:
    repo.write("a.txt", "a\n").write("lib/one.c", "1\n").commit("Start")
    repo.git("rm", "-q", "-r", "lib")
    repo.submodule_bump("lib", ONE).commit("Move the library out", everything=False)
    assert await finder.newest(repo) == {"lib": "a submodule"}
    made, wanted = await finder.finished(repo)
    assert made == wanted


@pytest.mark.parametrize(
    ("attribute", "before", "after"),
    [("text", b"one\r\n", b"two\r\n"), ("ident", b"$Id: old $\n1\n", b"$Id: old $\n2\n")],
)
async def test_what_attributes_convert_is_code_s(
    finder: Finder, repo: RepositoryBuilder, attribute: str, before: bytes, after: bytes
) -> None:
    repo.write(".gitattributes", f"*.txt {attribute}\n").git("add", ".gitattributes")
    raw(repo, "doc.txt", before)
    repo.commit("Start", everything=False)
    raw(repo, "doc.txt", after)
    repo.write("code.py", "1\n").git("add", "code.py")
    repo.commit("Work", everything=False)
    assert set(await finder.newest(repo)) == {"doc.txt"}
    made, wanted = await finder.finished(repo)
    assert made == wanted


async def test_a_converted_file_may_become_a_folder(finder: Finder, repo: RepositoryBuilder) -> None:
    repo.write(".gitattributes", "doc text eol=crlf\n").write("doc", "one\n").commit("Start")
    repo.delete("doc").write("doc/index", "one\n").commit("Split the document")
    assert await finder.newest(repo) == {}
    made, wanted = await finder.finished(repo)
    assert made == wanted


async def test_a_new_file_that_is_converted_on_adding_is_code_s(
    finder: Finder, repo: RepositoryBuilder
) -> None:
    repo.write(".gitattributes", "*.txt text\n").commit("Start")
    raw(repo, "doc.txt", b"one\r\n")
    repo.commit("Work", everything=False)
    assert await finder.newest(repo) == {"doc.txt": ON_ADDING}


async def test_a_tracked_file_that_is_ignored_is_code_s_when_it_is_new(
    finder: Finder, repo: RepositoryBuilder
) -> None:
    repo.write(".gitignore", "*.log\n").commit("Start")
    repo.write("kept.log", "1\n").write("a.txt", "a\n").git("add", "-f", "kept.log", "a.txt")
    repo.commit("Work", everything=False)
    assert await finder.newest(repo) == {"kept.log": ON_ADDING}


async def test_rules_that_come_with_the_work_itself_count(finder: Finder, repo: RepositoryBuilder) -> None:
    repo.write("a.txt", "a\n").commit("Start")
    repo.write(".gitignore", "*.log\n").write("kept.log", "1\n").git("add", "-f", ".gitignore", "kept.log")
    repo.commit("Work", everything=False)
    assert await finder.newest(repo) == {"kept.log": ON_ADDING}


async def test_files_that_a_snapshot_does_not_take_are_code_s(
    finder: Finder, repo: RepositoryBuilder
) -> None:
    repo.write("a.txt", "a\n").commit("Start")
    repo.write("large", bytes(LARGEST_FILE + 1)).write("small", "s\n").commit("Work")
    assert await finder.newest(repo) == {"large": "larger than 20 MB"}


async def test_a_large_file_may_go(finder: Finder, repo: RepositoryBuilder) -> None:
    repo.write("large", bytes(LARGEST_FILE + 1)).commit("Start")
    repo.delete("large").write("a.txt", "a\n").commit("Work")
    assert await finder.newest(repo) == {}


async def test_names_that_are_not_utf_8_are_code_s(finder: Finder, repo: RepositoryBuilder) -> None:
    repo.write("a.txt", "a\n").commit("Start")
    repo.write(UNDECODABLE_NAME, "latin\n").write("übersicht.txt", "utf-8\n").commit("Work")
    assert await finder.newest(repo) == {UNDECODABLE_NAME: "its name is not UTF-8"}


async def test_every_commit_of_a_hard_history_can_be_finished(finder: Finder, tmp_path: Path) -> None:
    made, wanted = await finder.finished(hard_repository(tmp_path / "hard"))
    assert made == wanted
