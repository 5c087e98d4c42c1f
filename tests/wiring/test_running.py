"""What a run came to is kept whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gastown_desktop.wiring.running import read_result, write_result

FIRST, SECOND = {"tree_equal": True, "title": "Größe"}, {"tree_equal": False}


def test_what_a_run_came_to_is_read_back_and_replaced(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    assert read_result(file) is None
    write_result(file, FIRST)
    assert read_result(file) == FIRST
    write_result(file, SECOND)
    assert read_result(file) == SECOND
    assert list(tmp_path.iterdir()) == [file]


def test_a_disk_that_is_full_leaves_the_older_one_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "result.json"
    write_result(file, FIRST)

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_result(file, SECOND)
    assert read_result(file) == FIRST
    assert list(tmp_path.iterdir()) == [file]


def test_one_that_a_killed_process_left_half_written_is_no_hindrance(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    (tmp_path / "result.json.new").write_text('{"tree_eq')
    assert read_result(file) is None
    write_result(file, FIRST)
    assert read_result(file) == FIRST


@pytest.mark.parametrize("torn", [b"", b'{"tree_equal": tr', b"\0" * 40, '{"title": "ö'.encode()[:-1]])
def test_a_torn_one_counts_as_none(tmp_path: Path, torn: bytes) -> None:
    file = tmp_path / "result.json"
    file.write_bytes(torn)
    assert read_result(file) is None
