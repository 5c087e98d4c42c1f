from __future__ import annotations

from itertools import pairwise

import pytest

from gastown_desktop.core.bead import (
    BEAD_KINDS,
    BEAD_STATUSES,
    DEPENDENCY_KINDS,
    NOT_DISPATCHABLE,
    WAITING_KINDS,
    Bead,
    BeadStatus,
    may_become,
)
from gastown_desktop.core.ids import BeadId

USUAL: tuple[BeadStatus, ...] = ("draft", "open", "hooked", "submitted", "merged", "landed")


@pytest.mark.parametrize(("now", "then"), list(pairwise(USUAL)))
def test_a_bead_goes_from_draft_to_landed(now: BeadStatus, then: BeadStatus) -> None:
    assert may_become(now, then)


@pytest.mark.parametrize("status", BEAD_STATUSES)
def test_a_bead_may_stay_as_it_is(status: BeadStatus) -> None:
    assert may_become(status, status)


@pytest.mark.parametrize("status", BEAD_STATUSES)
def test_every_status_leads_on(status: BeadStatus) -> None:
    assert any(may_become(status, then) for then in BEAD_STATUSES if then != status)


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("open", "merged"),
        ("open", "submitted"),
        ("hooked", "merged"),
        ("hooked", "landed"),
        ("submitted", "landed"),
        ("landed", "merged"),
        ("failed", "landed"),
        ("discarded", "merged"),
    ],
)
def test_nothing_is_merged_or_landed_past_the_gates(now: BeadStatus, then: BeadStatus) -> None:
    assert not may_become(now, then)


def test_only_merged_work_lands() -> None:
    assert [now for now in BEAD_STATUSES if now != "landed" and may_become(now, "landed")] == ["merged"]


@pytest.mark.parametrize("priority", [-1, 5, 100])
def test_a_priority_is_zero_to_four(priority: int) -> None:
    with pytest.raises(ValueError, match="0 to 4"):
        Bead(id=BeadId("gt-1"), title="x", priority=priority)


def test_special_kinds_are_kinds() -> None:
    assert set(BEAD_KINDS) >= NOT_DISPATCHABLE
    assert set(DEPENDENCY_KINDS) >= WAITING_KINDS


def test_beads_do_not_share_their_unknown_fields() -> None:
    first, second = Bead(id=BeadId("a"), title=""), Bead(id=BeadId("b"), title="")
    assert first.extra is not second.extra
