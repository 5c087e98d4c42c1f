"""When it is looked how much a sandbox wrote: at once when the disk gets fuller, else seldom."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gastown_desktop.adapters.sandbox.disk_use import DiskUse

MB = 1 << 20
TB = 1 << 40


@pytest.mark.parametrize(
    ("took", "rested", "is_due"),
    [(0.001, 29.9, False), (0.001, 30.1, True), (1.0, 99.0, False), (1.0, 101.0, True)],
)
def test_a_disk_that_stays_as_it_is_is_looked_at_seldom(
    tmp_path: Path, took: float, rested: float, is_due: bool
) -> None:
    use = DiskUse((tmp_path,), since=0.0, limit=TB, began=0.0)
    use.looked(1000.0, 1000.0 + took)
    assert use.is_due(1000.0 + took + rested) is is_due


@pytest.mark.parametrize(("rested", "is_due"), [(0.3, False), (0.5, True)])
def test_one_that_gets_fuller_is_looked_at_soon(tmp_path: Path, rested: float, is_due: bool) -> None:
    use = DiskUse((tmp_path,), since=0.0, limit=160 * MB, began=0.0)
    use.looked(1000.0, 1000.1)
    (tmp_path / "big").write_bytes(os.urandom(64 * MB))
    assert use.is_due(1000.1 + rested) is is_due
    assert use.fills


def test_each_file_counts_once_and_an_empty_one_too(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "one").write_bytes(bytes(MB))
    for number in range(50):
        os.link(tmp_path / "d" / "one", tmp_path / f"again {number}")
    assert not DiskUse((tmp_path,), since=0.0, limit=2 * MB).is_over([])
    for number in range(300):
        (tmp_path / f"empty {number}").touch()
    assert DiskUse((tmp_path,), since=0.0, limit=2 * MB).is_over([])
    assert not DiskUse((tmp_path,), since=time.time() + 60, limit=2 * MB).is_over([])


def test_links_lead_nowhere_and_a_folder_that_is_gone_is_empty(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "big").write_bytes(bytes(4 * MB))
    (inside / "link").symlink_to(outside)
    (inside / "file").symlink_to(outside / "big")
    assert not DiskUse((inside, tmp_path / "gone"), since=0.0, limit=MB).is_over([])
