"""Commits are signed as the user's own configuration says, and by nothing that a repository names."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.adapters.git.signing import GitSigner
from gastown_desktop.core.errors import GitError
from gastown_desktop.core.ids import Oid
from tests.builders import RepositoryBuilder

needs_ssh_keygen = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not here")


def configure(**settings: str) -> None:
    for key, value in settings.items():
        subprocess.run(["git", "config", "--global", key.replace("_", ".", 1), value], check=True)


@pytest.fixture
def repo(tmp_path: Path) -> RepositoryBuilder:
    repo = RepositoryBuilder(tmp_path / "rig")
    repo.write("a.txt", "a\n").commit("First")
    repo.write("a.txt", "b\n").commit("Grüße\n\nWords.\n\nGastown-Bead: gt-a")
    return repo


@pytest.fixture
def town(repo: RepositoryBuilder, tmp_path: Path) -> Path:
    repo.git("clone", "-q", "--bare", str(repo.folder), str(tmp_path / "town.git"))
    return tmp_path / "town.git"


@pytest.fixture
def signer(git: GitCommand, repo: RepositoryBuilder, town: Path) -> GitSigner:
    return GitSigner(git, town, repo.git_dir)


def make_key(folder: Path) -> Path:
    """A throw-away key that nothing else uses; also says who may sign with it."""
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (folder / "allowed").write_text(f"ada@example.org {key.with_suffix('.pub').read_text()}")
    return key


@pytest.mark.parametrize(
    ("value", "wanted"), [("true", True), ("yes", True), ("false", False), (None, False)]
)
async def test_only_the_user_s_own_configuration_asks_for_it(
    signer: GitSigner, repo: RepositoryBuilder, value: str | None, wanted: bool
) -> None:
    repo.git("config", "commit.gpgSign", "true")
    if value is not None:
        configure(commit_gpgSign=value)
    assert await signer.wanted() is wanted


@needs_ssh_keygen
async def test_a_signed_commit_is_the_same_otherwise_and_verifies(
    signer: GitSigner, git: GitCommand, repo: RepositoryBuilder, town: Path, tmp_path: Path
) -> None:
    configure(gpg_format="ssh", user_signingKey=str(make_key(tmp_path)))
    ran = tmp_path / "ran"
    repo.git("config", "gpg.ssh.program", f"touch {ran}")
    repo.git("config", "user.signingKey", "/nobody")
    objects = PygitObjects(git, town)
    before = await objects.read_commit(Oid(repo.git("rev-parse", "HEAD")))
    signed = await signer.sign(before, before.parents)
    after = await objects.read_commit(signed)
    objects.close()
    assert signed != before.oid
    assert (after.tree, after.parents, after.author, after.committer, after.message) == (
        before.tree,
        before.parents,
        before.author,
        before.committer,
        before.message,
    )
    assert not ran.exists()
    trusting = ("--git-dir", str(town), "-c", "gpg.format=ssh")
    trusting += ("-c", f"gpg.ssh.allowedSignersFile={tmp_path / 'allowed'}")
    assert repo.git(*trusting, "log", "-1", "--format=%G?", signed) == "G"


@needs_ssh_keygen
async def test_a_key_that_is_not_there_is_an_error(
    signer: GitSigner, git: GitCommand, repo: RepositoryBuilder, town: Path, tmp_path: Path
) -> None:
    configure(gpg_format="ssh", user_signingKey=str(tmp_path / "nothing"))
    objects = PygitObjects(git, town)
    commit = await objects.read_commit(Oid(repo.git("rev-parse", "HEAD")))
    objects.close()
    with pytest.raises(GitError):
        await signer.sign(commit, commit.parents)
