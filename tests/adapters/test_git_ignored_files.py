"""Which files of a checkout a pattern means: ignored, plain, not large, and none beyond the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.ignored_files import find_ignored
from gastown_desktop.adapters.git.user_repository import inspect
from tests.builders import RepositoryBuilder


@pytest.fixture
def repo(tmp_path: Path) -> RepositoryBuilder:
    repo = RepositoryBuilder(tmp_path / "repo")
    repo.write(".gitignore", "*.local.json\n.env*\nlinked\nsecret/\n").write("config/shared.json", "{}")
    repo.commit("Start")
    for path in ("config/a.local.json", "config/deep/b.local.json", ".env.test", "secret/key", "new.json"):
        repo.write(path, "x\n")
    repo.write("config/big.local.json", bytes(2_000_000))
    (tmp_path / "outside.local.json").write_text("outside\n")
    repo.symlink("config/link.local.json", "../../outside.local.json").symlink("linked", "..")
    os.mkfifo(repo.folder / "config" / "pipe.local.json")
    return repo


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("config/*.json", ["config/a.local.json"]),
        ("**/*.local.json", ["config/a.local.json", "config/deep/b.local.json"]),
        (".env.test", [".env.test"]),
        ("secret", ["secret/key"]),
        ("a.local.json", []),
        ("new.json", []),
        ("config/shared.json", []),
        ("linked/outside.local.json", []),
        ("linked/repo/.env.test", []),
        ("config/pipe.local.json", []),
        (":(exclude)config", []),
        ("--help", []),
        (".git/config", []),
    ],
)
async def test_a_pattern_means_ignored_plain_files_below_the_top(
    git: GitCommand, repo: RepositoryBuilder, pattern: str, fits: list[str]
) -> None:
    found, _ = await find_ignored(git, await inspect(git, repo.folder), [pattern], largest=1_000_000)
    assert found == fits


async def test_links_and_large_files_are_named(git: GitCommand, repo: RepositoryBuilder) -> None:
    facts = await inspect(git, repo.folder)
    found, others = await find_ignored(git, facts, ["config/*", "linked"], largest=1_000_000)
    assert found == ["config/a.local.json"]
    assert others == [
        "config/big.local.json is larger than 1 MB",
        "config/link.local.json is no plain file",
        "linked is no plain file",
    ]


async def test_nothing_beyond_the_checkout_is_meant(git: GitCommand, repo: RepositoryBuilder) -> None:
    facts = await inspect(git, repo.folder)
    assert await find_ignored(git, facts, [], largest=1_000_000) == ([], [])
    for pattern in ("../outside.local.json", "config/../../outside.local.json", "../*"):
        assert await find_ignored(git, facts, [pattern], largest=1_000_000) == ([], [])


async def test_no_program_of_the_repository_runs(git: GitCommand, repo: RepositoryBuilder) -> None:
    ran = repo.folder.with_name("ran")
    for key in ("core.fsmonitor", "filter.x.clean", "filter.x.process"):
        repo.git("config", key, f"touch {ran}; true")
    repo.write(".gitattributes", "* filter=x\n")
    found, _ = await find_ignored(git, await inspect(git, repo.folder), ["config/*"], largest=1_000_000)
    assert found == ["config/a.local.json"]
    assert not ran.exists()
