"""A folder of somebody else's is read without following links or waiting for pipes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gastown_desktop.adapters.foreign_folder import ForeignFolder
from gastown_desktop.core.errors import Unusable


@pytest.fixture
def folder(tmp_path: Path) -> ForeignFolder:
    (tmp_path / "town" / "rig").mkdir(parents=True)
    (tmp_path / "town" / "rig" / "a.txt").write_bytes(b"caf\xe9")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("secret")
    return ForeignFolder(tmp_path / "town")


def test_a_file_is_read_and_a_missing_one_is_none(folder: ForeignFolder) -> None:
    assert folder.read("rig/a.txt", 100) == "caf�"
    assert folder.read("rig/none", 100) is None
    assert folder.read("none/a.txt", 100) is None
    assert folder.names("rig", 10) == ["a.txt"]
    assert folder.names("", 10) == ["rig"]
    assert folder.names("none", 10) == []


def test_the_top_may_be_a_link(folder: ForeignFolder, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("town")
    assert ForeignFolder(tmp_path / "link").read("rig/a.txt", 100) == "caf�"


@pytest.mark.parametrize(
    "path", ["linked/key", "rig/key", "../secret/key", "/etc/passwd", "rig/../a", "rig/a.txt/b"]
)
def test_nothing_leads_out(folder: ForeignFolder, tmp_path: Path, path: str) -> None:
    (tmp_path / "town" / "linked").symlink_to(tmp_path / "secret")
    (tmp_path / "town" / "rig" / "key").symlink_to(tmp_path / "secret" / "key")
    with pytest.raises(Unusable):
        folder.read(path, 100)


@pytest.mark.parametrize("path", ["\ud800", "\ud800/a", "rig/\udfff"])
def test_half_a_surrogate_pair_names_no_file(folder: ForeignFolder, path: str) -> None:
    with pytest.raises(Unusable, match="no name that a file can have"):
        folder.read(path, 100)
    with pytest.raises(Unusable, match=r"\\ud"):
        folder.names(path, 10)


def test_a_linked_folder_is_not_listed(folder: ForeignFolder, tmp_path: Path) -> None:
    (tmp_path / "town" / "linked").symlink_to(tmp_path / "secret")
    with pytest.raises(Unusable):
        folder.names("linked", 10)


def test_pipes_folders_and_large_files_are_refused(folder: ForeignFolder, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "town" / "pipe")
    with pytest.raises(Unusable, match="no regular file"):
        folder.read("pipe", 100)
    with pytest.raises(Unusable, match="no regular file"):
        folder.read("rig", 100)
    with pytest.raises(Unusable, match="at most 3"):
        folder.read("rig/a.txt", 3)
    with pytest.raises(Unusable, match="more than 1 names"):
        folder.names("", 1)


def test_no_descriptor_stays_open(folder: ForeignFolder, tmp_path: Path) -> None:
    (tmp_path / "town" / "linked").symlink_to(tmp_path / "secret")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        folder.read("rig/a.txt", 100)
        folder.names("rig", 10)
        with pytest.raises(Unusable):
            folder.read("linked/key", 100)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
