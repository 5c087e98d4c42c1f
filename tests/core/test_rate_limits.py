"""Rate limits from a provider's headers, and what they do to the pace."""

from __future__ import annotations

from datetime import UTC, datetime

from gastown_desktop.core.pace import Pace
from gastown_desktop.core.rate_limits import RateRoom, rate_room

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def headers(kind: str, limit: str, remaining: str, reset: str = "2026-11-26T12:00:30Z") -> dict[str, str]:
    begin = f"anthropic-ratelimit-{kind}"
    return {f"{begin}-limit": limit, f"{begin}-remaining": remaining, f"{begin}-reset": reset}


def test_the_scarcest_limit_counts() -> None:
    told = headers("requests", "100", "90") | headers("output-tokens", "1000", "50")
    assert rate_room(told, NOW) == RateRoom(share=0.05, reset_s=30.0)


def test_what_is_no_limit_is_left_out() -> None:
    assert rate_room({}, NOW) is None
    assert rate_room(headers("requests", "0", "0"), NOW) is None
    assert rate_room(headers("requests", "many", "0"), NOW) is None
    assert rate_room(headers("requests", "10", "5", "soon"), NOW) is None


def test_with_little_room_fewer_run_and_with_none_nobody_asks() -> None:
    pace = Pace.of(30)
    assert pace.told(0.0, RateRoom(share=0.5, reset_s=10)) == pace
    assert pace.told(0.0, RateRoom(share=0.1, reset_s=10)).at(0.0) == 15
    held = pace.told(0.0, RateRoom(share=0.0, reset_s=500))
    assert (held.wait_s(0.0), held.at(0.0)) == (60.0, 30)
