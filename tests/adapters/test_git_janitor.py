"""Housekeeping in the rig's own repository."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from gastown_desktop.adapters.git import janitor as janitors
from gastown_desktop.adapters.git.command import GitCommand
from gastown_desktop.adapters.git.janitor import Janitor
from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core.errors import DiskBroken, DiskFull, StoreError
from gastown_desktop.core.ids import Oid

_OLD_S = 20 * 24 * 3600


def _git(town: Path, *arguments: str, given: bytes = b"") -> str:
    command = ["git", "--git-dir", str(town), *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout.decode().strip()


@pytest.fixture
def town(tmp_path: Path) -> Path:
    folder = tmp_path / "town.git"
    subprocess.run(["git", "init", "-q", "--bare", str(folder)], check=True)
    return folder


def _blobs(town: Path, first: int, number: int) -> list[str]:
    """Loose blobs under one ref each."""
    oids = [
        _git(town, "hash-object", "-w", "--stdin", given=f"blob {index}\n".encode())
        for index in range(first, first + number)
    ]
    orders = "".join(f"create refs/gastown/b{oid} {oid}\n" for oid in oids)
    _git(town, "update-ref", "--stdin", given=orders.encode())
    return oids


def _counts(town: Path) -> dict[str, str]:
    return dict(line.split(": ") for line in _git(town, "count-objects", "-v").splitlines())


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(janitors, "LOOSE_OBJECTS", 0)
    monkeypatch.setattr(janitors, "LOOSE_REFS", 3)
    monkeypatch.setattr(janitors, "PACKS", 2)
    monkeypatch.setattr(janitors, "_SAMPLED", "../objects")  # there is always something


async def test_nothing_is_done_where_there_is_little(git: GitCommand, town: Path) -> None:
    _blobs(town, 0, 4)

    assert not await Janitor(git, town).tidy()

    assert _counts(town)["count"] == "4"


@pytest.mark.usefixtures("few")
async def test_objects_and_refs_are_packed_and_all_are_there(git: GitCommand, town: Path) -> None:
    objects = PygitObjects(git, town)
    oids = _blobs(town, 0, 5)
    assert await objects.read_blob(Oid(oids[0])) == b"blob 0\n"

    assert await Janitor(git, town).tidy()

    counts = _counts(town)
    assert (counts["count"], counts["packs"]) == ("0", "1")
    assert not [path for path in (town / "refs/gastown").rglob("*") if path.is_file()]
    for index, oid in enumerate(oids):  # who had it open before sees all as well
        assert await objects.read_blob(Oid(oid)) == f"blob {index}\n".encode()
        assert await objects.read_ref(f"refs/gastown/b{oid}") == oid
    assert await objects.swap_ref(f"refs/gastown/b{oids[0]}", old=Oid(oids[0]), new=Oid(oids[1]))
    objects.close()


@pytest.mark.usefixtures("few")
async def test_many_packs_become_one_and_only_old_rubbish_goes(git: GitCommand, town: Path) -> None:
    objects, one = PygitObjects(git, town), Janitor(git, town)
    kept = [oid for first in (0, 10, 20) for oid in await _packed(one, town, first)]
    fresh = _git(town, "hash-object", "-w", "--stdin", given=b"written just now\n")
    old = _git(town, "hash-object", "-w", "--stdin", given=b"written long ago\n")
    file = town / "objects" / old[:2] / old[2:]
    os.utime(file, (time.time() - _OLD_S, time.time() - _OLD_S))
    await one.tidy()

    assert _counts(town)["packs"] == "1"
    for oid in (*kept, fresh):
        assert await objects.read_blob(Oid(oid))
    assert not file.exists()
    objects.close()


async def _packed(janitor: Janitor, town: Path, first: int) -> list[str]:
    oids = _blobs(town, first, 4)
    await janitor.tidy()
    return oids


@pytest.mark.usefixtures("few")
async def test_what_git_cannot_do_now_stops_nobody(
    git: GitCommand, town: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _blobs(town, 0, 2)
    (town / "objects" / "pack").rmdir()
    (town / "objects" / "pack").write_text("in the way")

    assert not await Janitor(git, town).tidy()

    assert "could not be tidied" in caplog.text
    assert _counts(town)["count"] == "2"


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("error", [DiskFull("It is full."), DiskBroken("It is broken.")])
async def test_a_disk_without_room_for_a_pack_stops_nobody(
    error: StoreError,
    git: GitCommand,
    town: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fails(*_: object, **__: object) -> bytes:
        raise error

    monkeypatch.setattr(git, "run", fails)

    assert not await Janitor(git, town).tidy()

    assert str(error) in caplog.text
