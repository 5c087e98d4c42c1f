"""A fast sample of `python -m tests.e2e.moving_target`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.moving_target import run


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_colleague_who_pushes_at_random_moments_loses_nothing(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    done = await run(seed, tmp_path)
    assert done.moments
    assert done.problems == ()
