"""How much disk a fleet may count on."""

from __future__ import annotations

import pytest

from gastown_desktop.core.disk import Disk, show_bytes

GB, MB = 10**9, 10**6


@pytest.mark.parametrize(
    ("total", "slot_from", "request_from"),
    [
        (4_000 * GB, 20 * GB, 500 * MB),
        (100 * GB, 5 * GB, 500 * MB),
        (30 * GB, 2 * GB, 500 * MB),
        (64 * MB, 6_400_000, 1_600_000),
    ],
)
def test_below_some_nothing_is_begun_and_below_less_nothing_is_asked(
    total: int, slot_from: int, request_from: int
) -> None:
    assert Disk(slot_from, total).takes_slot
    assert not Disk(slot_from - 1, total).takes_slot
    assert Disk(request_from, total).takes_request
    assert not Disk(request_from - 1, total).takes_request


def test_folders_fit_until_the_disk_is_low() -> None:
    assert Disk(20 * GB, 100 * GB).slots_that_fit(GB) == 15
    assert Disk(5 * GB, 100 * GB).slots_that_fit(GB) == 0
    assert Disk(GB, 100 * GB).slots_that_fit(0) == 0


def test_sizes_are_shown_in_thousands() -> None:
    sizes = [0, 999, 1_000, 1_540_000, 2 * GB, 36_400_000_000]
    shown = ["0 bytes", "999 bytes", "1 kB", "1.5 MB", "2 GB", "36.4 GB"]
    assert [show_bytes(size) for size in sizes] == shown


@pytest.mark.parametrize(
    ("free", "most"), [(500 * 10**9, 20 * 10**9), (40 * 10**9, 20 * 10**9), (10 * 10**9, 5 * 10**9), (0, 0)]
)
def test_one_working_folder_may_take_twenty_gigabytes_or_half_of_what_is_free(free: int, most: int) -> None:
    assert Disk(free, 10**12).most_in_a_slot == most
