from __future__ import annotations

from gastown_desktop.core import events as ev
from gastown_desktop.core.card import WAITS_FOR_ROOM
from gastown_desktop.ui.standing import standing_of
from tests.bridge.town import CONVOY, RIG, SLIT, A, B, acting, became, begun, shown, slung, tell


def test_who_waits_for_room_under_the_limit_does_not_count_as_running() -> None:
    view = shown(*begun(A, B), slung(A), slung(B, SLIT), became("working"), became("working", SLIT))
    tell(view, [ev.RunChanged(rig=RIG, convoy=CONVOY, running=True, polecats=6)])
    assert (standing_of(view).figure, standing_of(view).words) == ("2", "of 6 running")
    tell(view, [acting(WAITS_FOR_ROOM)])
    assert standing_of(view).figure == "1"
    tell(view, [acting("Thinking")])
    assert standing_of(view).figure == "2"
