from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from gastown_desktop.adapters.git import slots as slots_module
from gastown_desktop.adapters.git.objects import PygitObjects, open_objects
from gastown_desktop.adapters.git.slots import GitSlots
from gastown_desktop.adapters.git.town import open_town
from gastown_desktop.core.errors import Unusable
from gastown_desktop.core.ids import Oid
from gastown_desktop.core.secrets import Secret, Secrets
from gastown_desktop.engine.git_ports import SYMLINK, GitObjects, Slot
from tests.builders import UNDECODABLE_NAME, RepositoryBuilder, hard_repository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gastown_desktop.adapters.git.command import GitCommand
    from gastown_desktop.adapters.processes import LocalLauncher


class Rig:
    """A rig over a source repository."""

    def __init__(
        self, git: GitCommand, objects: GitObjects, town: Path, root: Path, source: RepositoryBuilder
    ) -> None:
        self.git, self.objects, self.town, self.root, self.source = git, objects, town, root, source
        self.slots = self.again()

    def again(self, *kept: str) -> GitSlots:
        return GitSlots(self.git, self.objects, self.town, self.root / "wt", self.root / "index", kept)

    def commit(self, rev: str = "HEAD") -> Oid:
        return Oid(self.source.git("rev-parse", rev))

    def tree(self, rev: str = "HEAD") -> Oid:
        return Oid(self.source.git("rev-parse", rev + "^{tree}"))

    async def files(self, tree: Oid) -> dict[str, str]:
        return {
            entry.path: ""
            if entry.mode == 0o160000
            else (await self.objects.read_blob(entry.oid)).decode("latin-1")
            for entry in await self.objects.list_tree(tree, recursive=True)
        }


async def rig_over(git: GitCommand, folder: Path, source: RepositoryBuilder) -> Rig:
    town = await open_town(git, folder / "rig", source.git_dir)
    return Rig(git, await open_objects(git, town), town, folder / "place", source)


@pytest_asyncio.fixture
async def rig(git: GitCommand, tmp_path: Path) -> AsyncIterator[Rig]:
    source = RepositoryBuilder(tmp_path / "source")
    source.write("a.txt", "one\n").write("src/b.py", "b = 1\n").write("src/deep/c.py", "c\n")
    source.write("run.sh", "#!/bin/sh\n", executable=True).symlink("link", "a.txt")
    source.write(".gitignore", "*.log\nbuild/\n").commit("One")
    source.write("a.txt", "two\n").delete("run.sh").write("new.txt", "new\n").commit("Two")
    rig = await rig_over(git, tmp_path, source)
    yield rig
    assert isinstance(rig.objects, PygitObjects)
    rig.objects.close()


@pytest.fixture(params=["sha1", "sha256"])
def hash_name(request: pytest.FixtureRequest) -> str:
    return request.param


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text("latin-1")
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def worker(slot: Slot, *args: str) -> str:
    """Git as the worker runs it, inside the slot."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(slot.folder), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *args], cwd=slot.folder, env=environment, capture_output=True, check=True)
    return done.stdout.decode().strip()


async def test_every_commit_of_a_hard_repository_is_checked_out_and_stored_unchanged(
    git: GitCommand, tmp_path: Path, hash_name: str
) -> None:
    rig = await rig_over(git, tmp_path, hard_repository(tmp_path / "source", hash_name))
    for oid in reversed(rig.source.git("rev-list", "--first-parent", "HEAD").split()):
        slot = await rig.slots.prepare("Nux", Oid(oid))
        assert await rig.slots.snapshot(slot) == slots_module.Snapshot(rig.tree(oid), ())


async def test_worker_finds_a_clean_repository_where_it_can_commit(rig: Rig) -> None:
    slot = await rig.slots.prepare("Nux", rig.commit())

    assert worker(slot, "status", "--porcelain") == ""
    assert worker(slot, "rev-parse", "HEAD") == rig.commit()
    assert worker(slot, "symbolic-ref", "HEAD") == "refs/heads/work/Nux"
    (slot.folder / "a.txt").write_text("three\n")
    worker(slot, "commit", "-qam", "Three")
    worker(slot, "checkout", "-q", "-b", "elsewhere")
    assert worker(slot, "log", "--format=%an <%ae>", "-1") == "Nux <nux@gastown.invalid>"
    assert worker(slot, "remote") == ""
    assert worker(slot, "fsck") == ""


async def test_snapshot_takes_edits_deletes_modes_links_and_odd_names(rig: Rig) -> None:
    slot = await rig.slots.prepare("Nux", rig.commit("HEAD~1"))
    inside = slot.folder
    (inside / "a.txt").write_text("edited\n")
    (inside / "src/b.py").unlink()
    (inside / "run.sh").chmod(0o644)
    (inside / "link").unlink()
    (inside / "link").symlink_to("src")
    (inside / "neu – ü.txt").write_text("u\n")
    (inside / "with\nnewline").write_text("n\n")
    (inside / UNDECODABLE_NAME.rpartition("/")[2]).write_text("latin\n")
    (inside / "trace.log").write_text("ignored\n")
    (inside / "build").mkdir()
    (inside / "build/out").write_text("ignored\n")

    snapshot = await rig.slots.snapshot(slot)

    entries = {entry.path: entry for entry in await rig.objects.list_tree(snapshot.tree, recursive=True)}
    assert set(entries) == {
        *(".gitignore", "a.txt", "link", "run.sh", "src/deep/c.py", "neu – ü.txt", "with\nnewline"),
        UNDECODABLE_NAME.rpartition("/")[2],
    }
    assert entries["run.sh"].mode == 0o100644
    assert entries["link"].mode == SYMLINK
    assert await rig.objects.read_blob(entries["link"].oid) == b"src"
    assert snapshot.left_out == ()


async def test_file_and_folder_can_change_places(rig: Rig) -> None:
    slot = await rig.slots.prepare("Nux", rig.commit())
    (slot.folder / "a.txt").unlink()
    (slot.folder / "a.txt").mkdir()
    (slot.folder / "a.txt/inner").write_text("i\n")
    shutil.rmtree(slot.folder / "src")
    (slot.folder / "src").write_text("now a file\n")

    files = await rig.files((await rig.slots.snapshot(slot)).tree)

    assert files["a.txt/inner"] == "i\n"
    assert files["src"] == "now a file\n"
    assert not any(path.startswith("src/") for path in files)

    await rig.slots.reset(slot, rig.tree())
    assert (await rig.slots.snapshot(slot)).tree == rig.tree()
    assert (slot.folder / "a.txt").read_text() == "two\n"


@pytest.mark.parametrize("turns", range(1, 40, 3))
async def test_a_cancelled_checkout_writes_nothing_any_more(rig: Rig, turns: int) -> None:
    """Wherever it is cancelled, the slot can be removed at once and stays away."""
    preparing = asyncio.ensure_future(rig.slots.prepare("gate", rig.commit()))
    for _ in range(turns):
        await asyncio.sleep(0)
    preparing.cancel()
    await asyncio.wait([preparing])
    await rig.slots.remove("gate")
    assert not (rig.root / "wt" / "gate").exists()


async def test_unchanged_snapshot_starts_one_child(rig: Rig, launcher: LocalLauncher) -> None:
    slot = await rig.slots.prepare("Nux", rig.commit())
    before = launcher.starts_by_kind["git"]

    assert (await rig.slots.snapshot(slot)).tree == rig.tree()

    assert launcher.starts_by_kind["git"] - before == 1
    (slot.folder / "a.txt").write_text("edited\n")
    await rig.slots.snapshot(slot)
    assert launcher.starts_by_kind["git"] - before <= 4


async def test_reused_slot_is_as_good_as_new(rig: Rig) -> None:
    slot = await rig.slots.prepare("Nux", rig.commit("HEAD~1"))
    (slot.folder / "a.txt").write_text("edited\n")
    (slot.folder / "left.txt").write_text("left\n")
    await rig.slots.snapshot(slot)
    (slot.folder / "trace.log").write_text("ignored\n")
    (slot.folder / "build").mkdir()
    (slot.folder / "build/out").write_text("ignored\n")
    shutil.rmtree(slot.folder / "src")
    nested = RepositoryBuilder(slot.folder / "nested")
    nested.write("n", "n\n").commit("Nested")
    worker(slot, "commit", "-qam", "Mine", "--allow-empty")

    again = await rig.slots.prepare("Nux", rig.commit())

    assert content(again.folder) == content(rig.source.folder)
    assert worker(again, "status", "--porcelain", "--ignored") == ""
    assert (await rig.slots.snapshot(again)).tree == rig.tree()


async def test_bound_paths_are_neither_cleaned_nor_stored(rig: Rig) -> None:
    slots = rig.again(".venv", "secret.env")
    slot = await slots.prepare("Nux", rig.commit())
    (slot.folder / ".venv").mkdir()
    (slot.folder / ".venv/pyvenv.cfg").write_text("home = /\n")
    (slot.folder / "secret.env").write_text("KEY=1\n")
    (slot.folder / ".gitignore").write_text("")

    files = await rig.files((await slots.snapshot(slot)).tree)
    await slots.prepare("Nux", rig.commit())

    assert ".gitignore" in files
    assert not {".venv/pyvenv.cfg", "secret.env"} & set(files)
    assert (slot.folder / ".venv/pyvenv.cfg").exists()
    assert (slot.folder / "secret.env").exists()


async def test_reset_gives_exactly_the_tree(rig: Rig) -> None:
    slot = await rig.slots.prepare("Nux", rig.commit("HEAD~1"))
    (slot.folder / "wip.txt").write_text("wip\n")
    wip = (await rig.slots.snapshot(slot)).tree
    (slot.folder / "stray.txt").write_text("stray\n")
    (slot.folder / "a.txt").write_text("stray\n")
    (slot.folder / ".gitignore").write_text("*.txt\n")

    await rig.slots.reset(slot, wip)

    assert (await rig.slots.snapshot(slot)).tree == wip
    assert not (slot.folder / "stray.txt").exists()


async def test_slots_of_an_earlier_process_are_known_and_go_on(rig: Rig) -> None:
    slot = await rig.slots.prepare("Nux", rig.commit())
    (slot.folder / "a.txt").write_text("edited\n")
    stored = await rig.slots.snapshot(slot)

    later = rig.again()

    assert await later.names() == ["Nux"]
    assert await later.snapshot(slot) == stored
    (slot.folder / "a.txt").write_text("two\n")
    assert (await later.snapshot(slot)).tree == rig.tree()
    await later.remove("Nux")
    await later.remove("Nux")
    assert await later.names() == []


async def test_lock_of_a_killed_child_does_not_stop_a_slot(rig: Rig) -> None:
    slot = await rig.slots.prepare("Nux", rig.commit())
    (rig.root / "index" / "Nux.index.lock").touch()
    (slot.folder / "a.txt").write_text("edited\n")

    assert (await rig.files((await rig.slots.snapshot(slot)).tree))["a.txt"] == "edited\n"


@pytest.mark.parametrize("name", ["../up", ".git", "", "a/b"])
async def test_slot_names_cannot_leave_their_folder(rig: Rig, name: str) -> None:
    with pytest.raises(Unusable):
        await rig.slots.prepare(name, rig.commit())
    with pytest.raises(Unusable):
        await rig.slots.remove(name)


# --- conversions ---


@pytest_asyncio.fixture
async def converting(git: GitCommand, tmp_path: Path) -> Rig:
    source = RepositoryBuilder(tmp_path / "source")
    source.write("crlf.txt", b"one\r\ntwo\r\n").write("mixed.txt", b"one\r\ntwo\n")
    source.write("ident.txt", "$Id: 0123 $\n").write("plain.txt", "one\n").write("windows.bat", "one\n")
    source.commit("Before the rules")
    rules = "*.txt text\nmixed.txt text eol=crlf\nident.txt ident\n*.bat text eol=crlf\n"
    source.write(".gitattributes", rules).git("add", ".gitattributes")
    source.commit("Rules", everything=False)
    return await rig_over(git, tmp_path, source)


async def test_files_that_git_would_normalise_do_not_count_as_changed(converting: Rig) -> None:
    slot = await converting.slots.prepare("Nux", converting.commit())
    for name in ("crlf.txt", "mixed.txt", "ident.txt", "plain.txt"):
        os.utime(slot.folder / name, ns=(1, 1))

    assert (await converting.slots.snapshot(slot)).tree == converting.tree()
    assert (await converting.again().snapshot(slot)).tree == converting.tree()


async def test_files_that_were_touched_are_stored_as_the_attributes_say(converting: Rig) -> None:
    slot = await converting.slots.prepare("Nux", converting.commit())
    untouched = (slot.folder / "mixed.txt").read_bytes()
    (slot.folder / "crlf.txt").write_bytes(b"one\r\nchanged\r\n")
    (slot.folder / "mixed.txt").write_bytes(b"changed\r\n")
    (slot.folder / "windows.bat").write_bytes(b"two\r\n")

    files = await converting.files((await converting.slots.snapshot(slot)).tree)

    assert files["crlf.txt"] == "one\nchanged\n"
    assert files["windows.bat"] == "two\n"
    assert files["ident.txt"] == "$Id: 0123 $\n"
    (slot.folder / "crlf.txt").write_bytes(b"one\r\ntwo\r\n")
    (slot.folder / "mixed.txt").write_bytes(untouched)
    (slot.folder / "windows.bat").write_bytes(b"one\r\n")
    assert (await converting.slots.snapshot(slot)).tree == converting.tree()


async def test_mode_of_such_a_file_can_change_alone(converting: Rig) -> None:
    slot = await converting.slots.prepare("Nux", converting.commit())
    (slot.folder / "crlf.txt").chmod(0o755)

    tree = (await converting.slots.snapshot(slot)).tree

    [change] = await converting.objects.diff_trees(converting.tree(), tree)
    assert (change.path, change.new_mode, change.new_oid) == ("crlf.txt", 0o100755, change.old_oid)


async def test_new_rules_of_a_worker_leave_other_files_alone(rig: Rig) -> None:
    rig.source.write("crlf.txt", b"1\r\n").commit("CRLF without rules")
    await open_town(rig.git, rig.town.parent, rig.source.git_dir)
    slot = await rig.slots.prepare("Nux", rig.commit())
    (slot.folder / ".gitattributes").write_text("* text\n")
    os.utime(slot.folder / "crlf.txt", ns=(1, 1))

    changes = await rig.objects.diff_trees(rig.tree(), (await rig.slots.snapshot(slot)).tree)

    assert [change.path for change in changes] == [".gitattributes"]


# --- hostile workers ---


async def test_planted_configuration_does_not_run(rig: Rig, tmp_path: Path) -> None:
    mark = tmp_path / "it-ran"
    evil = f"touch '{mark}'; cat"
    slot = await rig.slots.prepare("Nux", rig.commit())
    for key in ("core.fsmonitor", "filter.evil.clean", "filter.evil.smudge", "core.sshCommand"):
        worker(slot, "config", key, evil)
    (slot.folder / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    for hook in ("post-index-change", "reference-transaction", "post-checkout"):
        target = slot.folder / ".git/hooks" / hook
        target.parent.mkdir(exist_ok=True)
        target.write_text(f"#!/bin/sh\n{evil}\n")
        target.chmod(0o755)
    (slot.folder / "a.txt").write_text("edited\n")

    files = await rig.files((await rig.slots.snapshot(slot)).tree)

    assert files["a.txt"] == "edited\n"
    assert not mark.exists()
    worker(slot, "status")
    assert mark.exists(), "the trap does not work"
    mark.unlink()
    await rig.slots.prepare("Nux", rig.commit())
    assert not mark.exists()


async def test_swapped_git_file_is_not_followed(rig: Rig, tmp_path: Path) -> None:
    mark = tmp_path / "it-ran"
    evil = RepositoryBuilder(tmp_path / "evil")
    evil.write("e", "e\n").commit("Evil")
    evil.git("config", "core.fsmonitor", f"touch '{mark}'")
    slot = await rig.slots.prepare("Nux", rig.commit())
    shutil.rmtree(slot.folder / ".git")
    (slot.folder / ".git").write_text(f"gitdir: {evil.git_dir}\n")

    assert (await rig.slots.snapshot(slot)).tree == rig.tree()
    await rig.slots.reset(slot, rig.tree("HEAD~1"))
    again = await rig.slots.prepare("Nux", rig.commit())

    assert not mark.exists()
    assert worker(again, "rev-parse", "HEAD") == rig.commit()
    assert evil.git("rev-list", "--count", "--all") == "1"


async def test_nested_repositories_are_reported_and_not_entered(rig: Rig, tmp_path: Path) -> None:
    mark = tmp_path / "it-ran"
    slot = await rig.slots.prepare("Nux", rig.commit())
    nested = RepositoryBuilder(slot.folder / "tools/nested")
    nested.write("n.txt", "n\n").commit("Nested")
    nested.git("config", "core.fsmonitor", f"touch '{mark}'")
    nested.write("n.txt", "changed\n")

    snapshot = await rig.slots.snapshot(slot)

    assert snapshot.tree == rig.tree()
    assert snapshot.left_out == ("tools/nested: a repository of its own, not entered",)
    assert not mark.exists()
    nested.git("status")
    assert mark.exists(), "the trap does not work"


async def test_repository_in_place_of_a_submodule_is_left_out_and_cleaned(
    git: GitCommand, tmp_path: Path
) -> None:
    mark = tmp_path / "it-ran"
    rig = await rig_over(git, tmp_path, hard_repository(tmp_path / "source"))
    slot = await rig.slots.prepare("Nux", rig.commit())
    nested = RepositoryBuilder(slot.folder / "vendor/lib")
    nested.write("n.txt", "n\n").commit("Nested")
    nested.git("config", "core.fsmonitor", f"touch '{mark}'")

    snapshot = await rig.slots.snapshot(slot)
    await rig.slots.reset(slot, rig.tree())

    assert snapshot.tree == rig.tree()
    assert snapshot.left_out == ("vendor/lib: a repository of its own, not entered",)
    assert list((slot.folder / "vendor/lib").iterdir()) == []
    assert not mark.exists()


async def test_link_in_place_of_a_folder_does_not_lead_outside(rig: Rig, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "b.py").write_text("private\n")
    (outside / "deep/c.py").write_text("private\n")
    slot = await rig.slots.prepare("Nux", rig.commit())
    shutil.rmtree(slot.folder / "src")
    (slot.folder / "src").symlink_to(outside)

    files = await rig.files((await rig.slots.snapshot(slot)).tree)
    await rig.slots.reset(slot, rig.tree())

    assert files["src"] == str(outside)
    assert not {"src/b.py", "src/deep/c.py"} & set(files)
    assert (slot.folder / "src/b.py").read_text() == "b = 1\n"
    assert content(outside) == {"b.py": "private\n", "deep/c.py": "private\n"}


async def test_slot_replaced_by_a_link_is_made_anew(rig: Rig, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").write_text("keep\n")
    slot = await rig.slots.prepare("Nux", rig.commit())
    shutil.rmtree(slot.folder)
    slot.folder.symlink_to(outside)

    await rig.slots.prepare("Nux", rig.commit())

    assert not slot.folder.is_symlink()
    assert content(outside) == {"keep": "keep\n"}


async def test_pipes_are_left_out(rig: Rig) -> None:
    slot = await rig.slots.prepare("Nux", rig.commit())
    (slot.folder / "a.txt").unlink()
    os.mkfifo(slot.folder / "a.txt")
    os.mkfifo(slot.folder / "pipe")

    snapshot = await rig.slots.snapshot(slot)

    assert snapshot.tree == rig.tree()
    assert snapshot.left_out == ("a.txt: neither a file nor a link",)


async def test_pipe_called_gitignore_does_not_stop_a_snapshot(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots_module, "COMMAND_TIMEOUT_S", 1.0)
    slot = await rig.slots.prepare("Nux", rig.commit())
    (slot.folder / "new.py").write_text("new\n")
    os.mkfifo(slot.folder / "src/.gitignore")

    assert "new.py" in await rig.files((await rig.slots.snapshot(slot)).tree)


async def test_large_files_and_totals_are_left_out(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots_module, "LARGEST_SNAPSHOT", 25_000_000)
    slot = await rig.slots.prepare("Nux", rig.commit())
    for name, size in (("a.bin", 20_000_001), ("b.bin", 13_000_000), ("c.bin", 13_000_000)):
        with (slot.folder / name).open("wb") as file:
            file.truncate(size)

    snapshot = await rig.slots.snapshot(slot)

    assert snapshot.left_out == (
        "a.bin: larger than 20 MB",
        "c.bin: the snapshot would be larger than 25 MB",
    )
    assert "b.bin" in {entry.path for entry in await rig.objects.list_tree(snapshot.tree, recursive=False)}


async def test_folder_without_permissions_does_not_stop_a_new_start(rig: Rig) -> None:
    slot = await rig.slots.prepare("Nux", rig.commit())
    (slot.folder / "locked").mkdir()
    (slot.folder / "locked/f").write_text("f\n")
    (slot.folder / "locked").chmod(0o500)

    again = await rig.slots.prepare("Nux", rig.commit())

    assert not (again.folder / "locked").exists()


async def test_a_file_with_a_secret_stays_out_and_keeps_its_earlier_version(rig: Rig) -> None:
    secrets = Secrets([Secret("TOKEN", "tok-8f3a9c1e")])
    slots = GitSlots(rig.git, rig.objects, rig.town, rig.root / "wt", rig.root / "index", (), secrets)
    slot = await slots.prepare("Nux", rig.commit())
    (slot.folder / "a.txt").write_text("tok-8f3a9c1e\n")
    (slot.folder / "mine.txt").write_text("x = 'tok-8f3a9c1e'\n")
    (slot.folder / "fine.txt").write_text("fine\n")
    snapshot = await slots.snapshot(slot)
    files = await rig.files(snapshot.tree)
    assert (files["a.txt"], files["fine.txt"]) == ("two\n", "fine\n")
    assert "mine.txt" not in files
    assert snapshot.left_out == ("a.txt: holds ‹secret:TOKEN›", "mine.txt: holds ‹secret:TOKEN›")


async def test_only_the_user_can_enter_the_folder_of_slots(rig: Rig) -> None:
    assert stat.S_IMODE((rig.root / "wt").stat().st_mode) == 0o700
