from __future__ import annotations

from pathlib import Path

import pytest

from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import BeadId, ConvoyId
from gastown_desktop.core.money import usd
from gastown_desktop.engine.api import EngineApi
from gastown_desktop.engine.evidence_page import as_page
from gastown_desktop.tour.beads import API
from gastown_desktop.tour.harbor import REHEARSAL, HarborEngine
from gastown_desktop.tour.moments import FLEET, LIMIT

NUX = (ConvoyId(API), BeadId("hb-9zr4c"))


async def test_a_command_is_refused() -> None:
    with pytest.raises(Refused, match=r"This is the tour; nothing runs here\."):
        await HarborEngine().api.pause(ConvoyId(API))


def test_every_method_of_the_api_is_there() -> None:
    names = [name for name in vars(EngineApi) if not name.startswith("_")]
    assert all(callable(getattr(HarborEngine(), name)) for name in names)
    with pytest.raises(AttributeError):
        HarborEngine().nothing_of_the_kind  # noqa: B018


async def test_the_transcript_ends_at_the_moment() -> None:
    at_14_32 = await HarborEngine(FLEET).api.transcript(*NUX)
    assert [turn.number for turn in at_14_32.turns] == [16, 17, 18]
    assert [turn.cost for turn in at_14_32.turns] == [usd("0.11"), usd("0.12"), usd("0.14")]
    assert [done for _, done in at_14_32.steps] == [True] * 4 + [False] * 3
    at_15_46 = await HarborEngine(LIMIT).api.transcript(*NUX)
    assert [turn.number for turn in at_15_46.turns][-1] == 34


async def test_the_diff_has_the_lines_of_the_card() -> None:
    files = await HarborEngine().api.diff(*NUX)
    assert len(files) == 5
    assert (sum(one.added for one in files), sum(one.removed for one in files)) == (120, 34)
    numbers = [line.new for line in files[0].hunks[0] if line.sign != "-"]
    assert numbers == list(range(4, 4 + len(numbers)))


async def test_a_bead_without_a_diff_has_none() -> None:
    assert await HarborEngine().api.diff(ConvoyId(API), BeadId("hb-8sbz0")) == ()


async def test_the_evidence_makes_a_page() -> None:
    found = await HarborEngine().api.evidence(REHEARSAL)
    assert found is not None
    assert "6 workers are 4.9 times as fast" in as_page(dict(found))
    assert await HarborEngine().api.evidence(ConvoyId(API)) is None


async def test_recents_are_the_pictures() -> None:
    recents = await HarborEngine().api.recents()
    assert [one.name for one in recents] == ["harbor", "lighthouse-ui", "tide-tables", "pilot-docs"]
    assert (await HarborEngine().api.open(Path("anywhere"))).name == "harbor"
