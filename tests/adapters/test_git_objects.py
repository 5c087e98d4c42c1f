"""One contract, both adapters."""

from __future__ import annotations

import asyncio
import hashlib
import os
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any, cast

import pygit2
import pytest

from gastown_desktop.adapters.git.objects import PygitObjects, open_objects
from gastown_desktop.adapters.git.objects_command import CommandObjects
from gastown_desktop.core.errors import DiskBroken, DiskFull, GitError, RefLocked, StoreError
from gastown_desktop.core.ids import Oid
from gastown_desktop.engine.git_ports import (
    EXECUTABLE,
    FOLDER,
    GITLINK,
    REGULAR,
    SYMLINK,
    GitObjects,
    Signature,
    TreeEntry,
)
from tests.builders import UNDECODABLE_NAME, RepositoryBuilder, hard_repository, small_python_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gastown_desktop.adapters.git.command import GitCommand

WHO = Signature(
    "Ada", "ada@example.org", datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-3.5)))
)
KINDS = ("pygit2 sha1", "command sha1", "command sha256")


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RepositoryBuilder]:
    folder = tmp_path_factory.mktemp("hard")
    return {name: hard_repository(folder / name, name) for name in ("sha1", "sha256")}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def opened(git: GitCommand, git_dir: Path, kind: str) -> PygitObjects | CommandObjects:
    adapter, hash_name = kind.split(" ")
    return PygitObjects(git, git_dir) if adapter == "pygit2" else CommandObjects(git, git_dir, hash_name)


@pytest.fixture
def hard_repo(hard: dict[str, RepositoryBuilder], kind: str) -> RepositoryBuilder:
    return hard[kind.split(" ")[1]]


@pytest.fixture
def old_objects(git: GitCommand, hard_repo: RepositoryBuilder, kind: str) -> Iterator[GitObjects]:
    objects = opened(git, hard_repo.git_dir, kind)
    yield objects
    if isinstance(objects, PygitObjects):
        objects.close()


@pytest.fixture
def repo(tmp_path: Path, kind: str) -> RepositoryBuilder:
    repo = RepositoryBuilder(tmp_path / "repo", hash_name=kind.split(" ")[1])
    repo.write("a.txt", "one\ntwo\nthree\n").write("dir/b.txt", "b\n").commit("One")
    return repo


@pytest.fixture
def objects(git: GitCommand, repo: RepositoryBuilder, kind: str) -> Iterator[GitObjects]:
    objects = opened(git, repo.git_dir, kind)
    yield objects
    if isinstance(objects, PygitObjects):
        objects.close()


async def test_history_reads_the_same_as_git_says(
    old_objects: GitObjects, hard_repo: RepositoryBuilder
) -> None:
    tip = await old_objects.resolve("HEAD")
    assert tip == hard_repo.git("rev-parse", "HEAD")

    commits = await old_objects.first_parents(Oid(tip), 100)

    assert [commit.oid for commit in commits] == hard_repo.git("rev-list", "--first-parent", "HEAD").split()
    assert commits[0].subject == "Drop the binary"
    assert commits[0].author.name == "Ada Árnadóttir"
    assert commits[0].committer.when.utcoffset() == timedelta(hours=1)
    assert await old_objects.tree_of(Oid(tip)) == hard_repo.git("rev-parse", "HEAD^{tree}")
    assert len(await old_objects.first_parents(Oid(tip), 3)) == 3


async def test_tree_lists_every_mode_and_odd_names(
    old_objects: GitObjects, hard_repo: RepositoryBuilder
) -> None:
    tip = Oid(hard_repo.git("rev-parse", "HEAD~2"))

    leaves = {entry.path: entry for entry in await old_objects.list_tree(tip, recursive=True)}
    top = {entry.path: entry.mode for entry in await old_objects.list_tree(tip, recursive=False)}

    assert leaves["latest"].mode == SYMLINK
    assert leaves["vendor/lib"].mode == GITLINK
    assert UNDECODABLE_NAME in leaves
    assert "docs/übersicht – naïve.md" in leaves
    assert top["src"] == FOLDER
    assert await old_objects.read_blob(leaves["latest"].oid) == b"docs/windows.txt"
    logo = leaves["assets/logo.bin"].oid
    assert await old_objects.blob_size(logo) == 2048
    others = [entry.oid for entry in leaves.values() if entry.mode != GITLINK and entry.oid != logo]
    sizes = [len(await old_objects.read_blob(oid)) for oid in others]
    assert await old_objects.blob_sizes([*others, logo]) == [*sizes, 2048]
    assert await old_objects.blob_sizes([]) == []


async def test_diffs_between_all_neighbours_rebuild_the_next_tree(
    old_objects: GitObjects, hard_repo: RepositoryBuilder
) -> None:
    commits = await old_objects.first_parents(Oid(hard_repo.git("rev-parse", "HEAD")), 100)
    for newer, older in pairwise(commits[:7]):
        changes = await old_objects.diff_trees(older.tree, newer.tree)
        edits = {
            change.path: None if change.new_oid is None else (change.new_mode, change.new_oid)
            for change in changes
        }
        assert await old_objects.edit_tree(older.tree, edits) == newer.tree


async def test_tree_is_written_from_leaves(old_objects: GitObjects, hard_repo: RepositoryBuilder) -> None:
    tree = Oid(hard_repo.git("rev-parse", "HEAD^{tree}"))

    assert await old_objects.write_tree(await old_objects.list_tree(tree, recursive=True)) == tree


async def test_mode_change_and_file_to_folder_are_told(
    old_objects: GitObjects, hard_repo: RepositoryBuilder
) -> None:
    commits = await old_objects.first_parents(Oid(hard_repo.git("rev-parse", "HEAD")), 4)

    swap = await old_objects.diff_trees(commits[2].tree, commits[1].tree)
    bit = await old_objects.diff_trees(commits[3].tree, commits[2].tree)

    assert [(change.path, change.old_mode, change.new_mode) for change in swap] == [
        ("tool", REGULAR, 0),
        ("tool/__init__.py", 0, REGULAR),
        ("tool/main.py", 0, REGULAR),
    ]
    assert [(change.path, change.old_mode, change.new_mode) for change in bit] == [
        ("bin/run.sh", EXECUTABLE, REGULAR)
    ]


async def test_blob_tree_and_commit_are_written_and_read_back(
    objects: GitObjects, repo: RepositoryBuilder
) -> None:
    blob = await objects.write_blob(b"new\0bytes")
    tree = await objects.write_tree([TreeEntry("x/y.bin", REGULAR, blob), TreeEntry("run", EXECUTABLE, blob)])
    parent = Oid(repo.git("rev-parse", "HEAD"))
    oid = await objects.write_commit(tree, [parent], "Subject\n\nBody ä\n", WHO, WHO)

    commit = await objects.read_commit(oid)

    assert (commit.tree, commit.parents, commit.message) == (tree, (parent,), "Subject\n\nBody ä\n")
    assert commit.author == WHO
    assert commit.author.when.utcoffset() == WHO.when.utcoffset()
    assert await objects.read_blob(blob) == b"new\0bytes"
    repo.git("fsck", "--strict")
    assert repo.git("cat-file", "-p", f"{oid}:x/y.bin").startswith("new")


async def test_empty_tree_can_be_written(objects: GitObjects, repo: RepositoryBuilder) -> None:
    empty = await objects.write_tree([])

    assert empty == hashlib.new(objects.hash_name, b"tree 0\0").hexdigest()
    assert (
        await objects.edit_tree(Oid(repo.git("rev-parse", "HEAD^{tree}")), {"a.txt": None, "dir/b.txt": None})
        == empty
    )


async def test_edit_swaps_file_and_folder_and_forgives_missing_paths(
    objects: GitObjects, repo: RepositoryBuilder
) -> None:
    tree = Oid(repo.git("rev-parse", "HEAD^{tree}"))
    blob = await objects.write_blob(b"x")

    swapped = await objects.edit_tree(
        tree, {"a.txt": None, "a.txt/inner": (REGULAR, blob), "dir/b.txt": None, "dir": (REGULAR, blob)}
    )

    paths = [entry.path for entry in await objects.list_tree(swapped, recursive=True)]
    assert paths == ["a.txt/inner", "dir"]
    assert await objects.edit_tree(tree, {"no/such": None, "dir": None}) == tree


@pytest.mark.parametrize("path", [".git/config", "a/../b", "x/.GIT/y", "", "/etc"])
async def test_paths_that_could_escape_are_refused(
    objects: GitObjects, repo: RepositoryBuilder, path: str
) -> None:
    blob = await objects.write_blob(b"x")

    with pytest.raises(GitError):
        await objects.edit_tree(Oid(repo.git("rev-parse", "HEAD^{tree}")), {path: (REGULAR, blob)})


async def test_what_does_not_exist_is_none_or_an_error(objects: GitObjects, repo: RepositoryBuilder) -> None:
    missing = Oid("1" * len(repo.git("rev-parse", "HEAD")))

    assert await objects.resolve("no-such-branch") is None
    assert await objects.resolve("--all") is None
    assert await objects.read_ref("refs/heads/none") is None
    for reading in (objects.read_blob, objects.read_commit, objects.blob_size):
        with pytest.raises(GitError):
            await reading(missing)
    with pytest.raises(GitError):
        await objects.read_blob(Oid(repo.git("rev-parse", "HEAD")))
    with pytest.raises(GitError):
        await objects.is_ancestor(missing, Oid(repo.git("rev-parse", "HEAD")))


async def merged(
    objects: GitObjects, base: dict[str, str], ours: dict[str, str], theirs: dict[str, str]
) -> list[Oid]:
    trees: list[Oid] = []
    for side in (base, ours, theirs):
        entries = [
            TreeEntry(path, REGULAR, await objects.write_blob(text.encode())) for path, text in side.items()
        ]
        trees.append(await objects.write_tree(entries))
    return trees


LINES = "".join(f"line {number}\n" for number in range(20))


async def test_clean_merge_follows_a_rename(objects: GitObjects, repo: RepositoryBuilder) -> None:
    changed = LINES.replace("line 3\n", "line three\n")
    trees = await merged(objects, {"old.txt": LINES}, {"new.txt": LINES}, {"old.txt": changed})

    merge = await objects.merge_trees(*trees)

    assert merge.conflicts == ()
    [entry] = await objects.list_tree(merge.tree, recursive=True)
    assert entry.path == "new.txt"
    assert await objects.read_blob(entry.oid) == changed.encode()


async def test_conflicts_are_listed_and_marked(objects: GitObjects, repo: RepositoryBuilder) -> None:
    base = {"ä.txt": "1\n", "gone.txt": LINES, "same.txt": "s\n"}
    ours = {"ä.txt": "2\n", "gone.txt": LINES + "more\n", "same.txt": "s\n"}
    trees = await merged(objects, base, ours, {"ä.txt": "3\n", "same.txt": "s\n"})

    merge = await objects.merge_trees(*trees)

    assert merge.conflicts == ("gone.txt", "ä.txt")
    entries = {entry.path: entry.oid for entry in await objects.list_tree(merge.tree, recursive=True)}
    assert await objects.read_blob(entries["ä.txt"]) == b"<<<<<<< ours\n2\n=======\n3\n>>>>>>> theirs\n"


@pytest.mark.parametrize("seed", range(40))
async def test_sides_that_cannot_meet_merge_as_git_merges_them(
    git: GitCommand, tmp_path: Path, seed: int
) -> None:
    """Random edits, deletions, renames and new files in few folders: every merge is what git says."""
    random, repo = Random(seed), RepositoryBuilder(tmp_path / "own")
    objects, asked = PygitObjects(git, repo.git_dir), CommandObjects(git, repo.git_dir, "sha1")
    names = [f"{folder}f{number}" for folder in ("", "d/", "d/e/", "g/") for number in (1, 2)]
    base = {name: f"{name}\n" * 9 for name in names}
    for _ in range(4):
        trees = await merged(objects, base, _edited(base, random), _edited(base, random))
        assert await objects.merge_trees(*trees) == await asked.merge_trees(*trees)
    objects.close()


def _edited(files: dict[str, str], random: Random) -> dict[str, str]:
    edited = dict(files)
    for _ in range(random.randint(1, 3)):
        path = random.choice(sorted(edited))
        match random.choice(["edit", "edit", "add", "delete", "rename", "file for folder"]):
            case "edit":
                edited[path] = edited[path].replace("\n", f" {random.random()}\n", 1)
            case "add":
                edited[path.rpartition("/")[0].join(("", "/new")).lstrip("/")] = f"new {random.random()}\n"
            case "delete":
                del edited[path]
            case "rename":
                edited["h/" + path.rpartition("/")[2]] = edited.pop(path)
            case _:
                edited = {one: text for one, text in edited.items() if not one.startswith("g/")}
                edited["g"] = "a file\n"
        if not edited:
            edited["left"] = "left\n"
    return edited


@pytest.mark.parametrize(
    "path", ["CHANGES.md", "docs/a b.md", "ä.txt", 'q"uote', "st*r[1]?", "back\\slash", "#hash", "!bang"]
)
async def test_union_keeps_the_lines_of_both_sides_of_one_path_alone(
    objects: GitObjects, repo: RepositoryBuilder, path: str
) -> None:
    base, ours, theirs = ({path: text, "other": text} for text in ("0\n", "0\nours\n", "0\ntheirs\n"))
    trees = await merged(objects, base, ours, theirs)

    merge = await objects.merge_trees(*trees, union=[path])

    assert merge.conflicts == ("other",)
    entries = {entry.path: entry.oid for entry in await objects.list_tree(merge.tree, recursive=True)}
    assert await objects.read_blob(entries[path]) == b"0\nours\ntheirs\n"
    assert (await objects.merge_trees(*trees)).conflicts == tuple(sorted([path, "other"], key=os.fsencode))


async def test_merge_leaves_no_commit_behind(objects: GitObjects, repo: RepositoryBuilder) -> None:
    trees = await merged(objects, {"a": "1\n"}, {"a": "1\n", "b": "2\n"}, {"a": "1\n", "c": "3\n"})
    before = repo.git("rev-list", "--all")

    await objects.merge_trees(*trees)

    kinds = repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objecttype)").split()
    assert kinds.count("commit") == 1
    assert repo.git("rev-list", "--all") == before


async def test_trivial_merges_need_no_git(objects: GitObjects, repo: RepositoryBuilder) -> None:
    one, two, _ = await merged(objects, {"a": "1"}, {"a": "2"}, {})

    assert (await objects.merge_trees(one, two, one)).tree == two
    assert (await objects.merge_trees(one, one, two)).tree == two
    assert (await objects.merge_trees(one, two, two)).tree == two


async def test_ancestry(objects: GitObjects, repo: RepositoryBuilder) -> None:
    first = Oid(repo.git("rev-parse", "HEAD"))
    second = Oid(repo.commit("Two"))

    assert await objects.is_ancestor(first, second)
    assert await objects.is_ancestor(first, first)
    assert not await objects.is_ancestor(second, first)


async def test_ref_moves_only_from_where_it_was_said_to_be(
    objects: GitObjects, repo: RepositoryBuilder
) -> None:
    one = Oid(repo.git("rev-parse", "HEAD"))
    two = Oid(repo.commit("Two"))
    name = "refs/gastown/hooks/Nux"

    assert await objects.swap_ref(name, old=None, new=one)
    assert not await objects.swap_ref(name, old=None, new=two)
    assert not await objects.swap_ref(name, old=two, new=one)
    assert await objects.swap_ref(name, old=one, new=two)
    repo.git("pack-refs", "--all")
    assert await objects.read_ref(name) == two
    assert await objects.list_refs("refs/gastown/") == {name: two}
    assert not await objects.swap_ref(name, old=one, new=None)
    assert await objects.swap_ref(name, old=two, new=None)
    assert await objects.read_ref(name) is None
    assert not await objects.swap_ref(name, old=one, new=two)
    assert await objects.swap_ref(name, old=None, new=None)


async def test_of_many_swaps_at_once_one_wins(
    git: GitCommand, objects: GitObjects, repo: RepositoryBuilder, kind: str
) -> None:
    start = Oid(repo.git("rev-parse", "HEAD"))
    targets = [Oid(repo.commit(f"Candidate {number}")) for number in range(4)]
    await objects.swap_ref("refs/gastown/race", old=None, new=start)
    others = [opened(git, repo.git_dir, kind) for _ in targets]

    won = await asyncio.gather(
        *(
            other.swap_ref("refs/gastown/race", old=start, new=target)
            for other, target in zip(others, targets, strict=True)
        )
    )

    assert won.count(True) == 1
    assert await objects.read_ref("refs/gastown/race") == targets[won.index(True)]
    for other in others:
        if isinstance(other, PygitObjects):
            other.close()


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("No space left on device", DiskFull),
        ("Input/output error", DiskBroken),
        ("Read-only file system", DiskBroken),
    ],
)
async def test_a_disk_that_takes_no_lock_is_not_a_lock_that_stays(
    tmp_path: Path, git: GitCommand, said: str, error: type[StoreError]
) -> None:
    class Failing:
        def transaction(self) -> Any:
            raise pygit2.GitError(f"failed to create locked file 'x.lock': {said}")

    repo = small_python_repository(tmp_path / "small")
    objects = PygitObjects(git, repo.git_dir)
    objects._opened = cast("pygit2.Repository", Failing())
    with pytest.raises(error):
        await objects.swap_ref("refs/gastown/x", old=None, new=Oid(repo.git("rev-parse", "HEAD")))
    objects.close()


async def test_lock_that_stays_is_told_and_one_that_goes_is_waited_for(
    objects: GitObjects, repo: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gastown_desktop.adapters.git.command.REF_LOCK_WAIT_S", 0.3)
    head = Oid(repo.git("rev-parse", "HEAD"))
    repo.write(".git/refs/gastown/x.lock", "")

    with pytest.raises(RefLocked):
        await objects.swap_ref("refs/gastown/x", old=None, new=head)

    monkeypatch.setattr("gastown_desktop.adapters.git.command.REF_LOCK_WAIT_S", 5.0)
    asyncio.get_running_loop().call_later(0.1, repo.delete, ".git/refs/gastown/x.lock")
    assert await objects.swap_ref("refs/gastown/x", old=None, new=head)


async def test_shallow_history_ends_at_its_boundary(git: GitCommand, tmp_path: Path, kind: str) -> None:
    source = RepositoryBuilder(tmp_path / "source", hash_name=kind.split(" ")[1])
    for number in range(4):
        source.commit(f"Commit {number}")
    source.git("clone", "-q", "--depth=2", f"file://{source.folder}", str(tmp_path / "shallow"))
    objects = opened(git, tmp_path / "shallow" / ".git", kind)
    tip = await objects.resolve("HEAD")
    assert tip

    commits = await objects.first_parents(tip, 10)

    assert [commit.subject for commit in commits] == ["Commit 3", "Commit 2"]
    assert commits[-1].parents == ()


async def test_strange_commits_can_be_read(objects: GitObjects, repo: RepositoryBuilder) -> None:
    tree = repo.git("rev-parse", "HEAD^{tree}")
    raw = (
        f"tree {tree}\nauthor X <x> 99999999999999999 +9999\ncommitter nobody\nencoding latin-1\n\n".encode()
    )
    oid = repo.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=raw + b"caf\xe9")

    commit = await objects.read_commit(Oid(oid))

    assert commit.message == "café"
    assert commit.committer.name == "nobody"
    assert commit.author.when == datetime(1970, 1, 1, tzinfo=UTC)


async def test_the_fitting_adapter_is_chosen(git: GitCommand, hard: dict[str, RepositoryBuilder]) -> None:
    pygit = await open_objects(git, hard["sha1"].git_dir)
    command = await open_objects(git, hard["sha256"].git_dir)

    assert isinstance(pygit, PygitObjects)
    assert isinstance(command, CommandObjects)
    assert command.hash_name == "sha256"
    pygit.close()


async def test_a_change_is_named_as_git_patch_id_names_it(
    old_objects: GitObjects, hard_repo: RepositoryBuilder
) -> None:
    for commit in hard_repo.git("rev-list", "--first-parent", "HEAD").split()[:-1]:
        new, old = hard_repo.git("rev-parse", f"{commit}^{{tree}}", f"{commit}^^{{tree}}").split()
        patch = hard_repo.git("diff-tree", "-p", "--full-index", "--no-renames", old, new)
        named = hard_repo.git("patch-id", "--stable", stdin=os.fsencode(patch) + b"\n")
        assert await old_objects.patch_id(Oid(old), Oid(new)) == named.partition(" ")[0]
        assert await old_objects.patch_id(Oid(old), Oid(old)) == ""
