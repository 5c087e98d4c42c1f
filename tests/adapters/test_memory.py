"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from gastown_desktop.adapters.memory import give_back


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
