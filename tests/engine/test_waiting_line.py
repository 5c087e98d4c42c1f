"""The line of requests that wait for room."""

from __future__ import annotations

from gastown_desktop.engine.waiting_line import WaitingLine


def test_the_most_urgent_goes_first_then_who_had_most_then_who_came_first() -> None:
    line = WaitingLine()
    with (
        line.place(("town",), 2, 50) as rich,
        line.place(("town",), 2, 10) as poor,
        line.place(("town",), 0, 90) as urgent,
        line.place(("town",), 2, 50) as late,
    ):
        assert [one.is_first for one in (rich, poor, urgent, late)] == [False, False, True, False]
        order = sorted((rich, poor, urgent, late), key=lambda one: one.rank)
        assert order == [urgent, rich, late, poor]


def test_who_waits_for_another_scope_is_passed() -> None:
    line = WaitingLine()
    with line.place(("town", "bead:a"), 0, 0) as first, line.place(("town", "bead:b"), 1, 0) as second:
        first.waits_for = "bead:a"
        assert second.is_first
        first.waits_for = "town"
        assert not second.is_first


def test_who_left_is_in_nobody_s_way() -> None:
    line = WaitingLine()
    with line.place(("town",), 1, 0) as second:
        with line.place(("town",), 0, 0):
            assert not second.is_first
        assert second.is_first
