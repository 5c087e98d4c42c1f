"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.objects import open_objects
from gastown_desktop.adapters.memory import give_back
from tests.builders import RepositoryBuilder


def resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) / 1e3


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="another C library")
def test_what_lies_between_pieces_that_stay_is_given_back() -> None:
    pieces = [bytearray(20_000) for _ in range(4_000)]
    kept = pieces[::100]
    del pieces
    before = resident_mb()
    give_back()
    assert resident_mb() < before - 50
    assert len(kept) == 40


async def test_looking_at_refs_keeps_no_memory(git: GitCommand, tmp_path: Path) -> None:
    repo = RepositoryBuilder(tmp_path / "repo")
    commit = repo.write("a.txt", "one\n").commit("One")
    wanted = "".join(f"create refs/x/{number:0100} {commit}\n" for number in range(1_000))
    repo.git("update-ref", "--stdin", stdin=wanted.encode())
    repo.git("pack-refs", "--all")
    objects = await open_objects(git, repo.git_dir)
    try:
        for _ in range(3):
            await objects.list_refs("refs/x/")
        before = resident_mb()
        for _ in range(40):
            assert len(await objects.list_refs("refs/x/")) == 1_000
        give_back()
        assert resident_mb() < before + 3  # the names alone are 6 MB
    finally:
        objects.close()
