from __future__ import annotations

import errno
import multiprocessing
import os
from pathlib import Path

import pytest

from gastown_desktop.adapters.file_lock import FileLock
from gastown_desktop.core.errors import Refused


def test_the_second_who_wants_it_hears_who_has_it(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "rig" / "lock", "This rehearsal")
    with pytest.raises(Refused, match=rf"This rehearsal is already running \(process {os.getpid()}\)"):
        FileLock(tmp_path / "rig" / "lock", "This rehearsal")
    lock.close()


def test_it_can_be_taken_again_once_it_was_given_back(tmp_path: Path) -> None:
    for _ in range(3):
        FileLock(tmp_path / "lock", "It").close()
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_the_name_of_an_earlier_holder_is_not_what_is_left_of_a_longer_one(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("123456789012\n")
    lock = FileLock(tmp_path / "lock", "It")
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    lock.close()


def test_only_the_user_can_read_it(tmp_path: Path) -> None:
    FileLock(tmp_path / "rig" / "lock", "It").close()
    assert (tmp_path / "rig" / "lock").stat().st_mode & 0o077 == 0


def test_a_child_does_not_inherit_it(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock", "It")
    assert not os.get_inheritable(lock._file)
    lock.close()


def _take_and_die(path: Path) -> None:
    FileLock(path, "It")
    os._exit(0)


def test_it_ends_with_its_process(tmp_path: Path) -> None:
    child = multiprocessing.get_context("spawn").Process(target=_take_and_die, args=(tmp_path / "lock",))
    child.start()
    child.join()
    assert child.exitcode == 0
    FileLock(tmp_path / "lock", "It").close()


def test_a_full_disk_does_not_keep_it_held_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        lock = FileLock(tmp_path / "lock", "It")
    with pytest.raises(Refused, match="process unknown"):
        FileLock(tmp_path / "lock", "It")
    lock.close()
    FileLock(tmp_path / "lock", "It").close()
