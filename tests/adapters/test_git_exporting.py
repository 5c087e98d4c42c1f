"""A copy of town.git is whole, stands alone, and has names that people read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gastown_desktop.adapters.git.exporting import copy_repository
from gastown_desktop.adapters.git.objects import open_objects
from gastown_desktop.adapters.git.town import open_town
from gastown_desktop.core.ids import Oid
from tests.builders import hard_repository

if TYPE_CHECKING:
    from gastown_desktop.adapters.git.command import GitCommand


@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
async def test_a_copy_has_branches_tags_and_records_and_needs_nobody(
    git: GitCommand, tmp_path: Path, hash_name: str
) -> None:
    repo = hard_repository(tmp_path / "rig", hash_name)
    repo.git("tag", "v1", "HEAD~2")
    tip, old = (Oid(one) for one in repo.git("rev-parse", "HEAD", "HEAD~1").split())
    town = await open_town(git, tmp_path / "data", repo.git_dir)
    objects = await open_objects(git, town)
    blob = await objects.write_blob(b"{}")
    for name, oid in (
        ("refs/heads/convoy/cv-1", tip),
        ("refs/gastown/convoys/cv-1/settings", blob),
        ("refs/gastown/convoys/cv-1/transcripts/gt-1/1", old),
    ):
        assert await objects.swap_ref(name, old=None, new=oid)
    into = tmp_path / "out.git"
    copied = await copy_repository(
        git, town, into, hash_name, {"work/Nux/gt-1-x": old}, ["convoy/cv-9", "convoy/cv-1"]
    )
    objects.close()
    shutil.rmtree(town)
    shutil.rmtree(repo.git_dir)

    async def said(*args: str) -> str:
        return (await git.run(*args, git_dir=into)).output.decode().strip()

    assert copied.damaged == []
    assert copied.branches == ["convoy/cv-1", "source/feature/mul", "source/main", "work/Nux/gt-1-x"]
    assert await said("symbolic-ref", "HEAD") == "refs/heads/convoy/cv-1"
    assert await said("rev-parse", "HEAD", "work/Nux/gt-1-x") == f"{tip}\n{old}"
    assert await said("cat-file", "-p", "refs/gastown/convoys/cv-1/settings") == "{}"
    assert await said("tag") == "v1"
    await said("fsck", "--full")


async def test_a_clone_checks_out_whatever_branch_there_is(git: GitCommand, tmp_path: Path) -> None:
    repo = hard_repository(tmp_path / "rig")
    town = await open_town(git, tmp_path / "data", repo.git_dir)
    await copy_repository(git, town, tmp_path / "out.git", "sha1", {}, ["convoy/none"])
    head = await git.run("symbolic-ref", "HEAD", git_dir=tmp_path / "out.git")
    assert head.output.decode().strip() == "refs/heads/source/feature/mul"
