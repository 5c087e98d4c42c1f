"""Folders are deleted whatever is in them, and whoever else deletes them."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from gastown_desktop.adapters.git.files import delete_any


def test_a_folder_without_write_permission_is_deleted(tmp_path: Path) -> None:
    locked = tmp_path / "folder" / "locked"
    locked.mkdir(parents=True)
    (locked / "file").write_text("x")
    locked.chmod(0o500)
    delete_any(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


def test_what_is_deleted_by_several_at_once_is_gone_for_all(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    for number in range(40):
        (folder / f"{number}" / "inner").mkdir(parents=True)
        for name in range(20):
            (folder / f"{number}" / "inner" / f"{name}").write_text("x")
    together = Barrier(4)

    def delete() -> None:
        together.wait()
        delete_any(folder)

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(delete) for _ in range(4)]:
            done.result()
    assert list(tmp_path.iterdir()) == []


def test_what_somebody_else_deletes_in_the_middle_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, scan = tmp_path / "folder", os.scandir
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "file").write_text("x")

    def gone_once_seen(place: int | str) -> object:
        found = scan(place)
        if folder.exists():
            entries = list(found)
            monkeypatch.setattr(os, "scandir", scan)
            shutil.rmtree(folder)
            return _Scanned(entries)
        return found

    monkeypatch.setattr(os, "scandir", gone_once_seen)
    delete_any(folder)
    assert list(tmp_path.iterdir()) == []


class _Scanned(list[os.DirEntry[str]]):
    """What a folder had when it was looked at."""

    def __enter__(self) -> _Scanned:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""


def test_what_cannot_be_deleted_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "rmdir", refuse)
    with pytest.raises(PermissionError):
        delete_any(folder)
