"""Logs that begin anew when they are large."""

from __future__ import annotations

from pathlib import Path

from gastown_desktop.adapters.rolling_file import RollingFile


def test_entries_follow_each_other_and_are_the_user_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    RollingFile(path).append("one\n")
    RollingFile(path).append("zwö\udcff\n")
    assert path.read_text("utf-8") == "one\nzwö?\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_large_begins_anew_and_two_files_are_all(tmp_path: Path) -> None:
    file = RollingFile(tmp_path / "a.log", largest=10)
    for number in range(9):
        file.append(f"entry {number}\n")
    assert {path.name for path in tmp_path.iterdir()} == {"a.log", "a.log.1"}
    assert (tmp_path / "a.log.1").read_text() == "entry 6\nentry 7\n"
    assert (tmp_path / "a.log").read_text() == "entry 8\n"


def test_a_folder_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    RollingFile(tmp_path / "gone" / "a.log").append("one\n")
    assert not (tmp_path / "gone").exists()
