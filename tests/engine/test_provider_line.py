"""The line to the provider: who may ask when."""

from __future__ import annotations

import asyncio

import pytest

from gastown_desktop.core.errors import ModelError, ProviderClosed
from gastown_desktop.engine.provider_line import AWAY_S, PATIENCE_S, PROBE_S, ProviderLine
from tests.fakes.clock import FakeClock


def fails(line: ProviderLine, **how: object) -> None:
    with pytest.raises(ModelError), line.request():
        raise ModelError("no", **how)  # type: ignore[arg-type]


def works(line: ProviderLine) -> None:
    with line.request():
        pass


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def line(clock: FakeClock) -> ProviderLine:
    return ProviderLine(clock)


def test_two_unknown_outcomes_in_a_row_put_it_in_doubt(line: ProviderLine) -> None:
    fails(line)
    works(line)
    fails(line)
    assert line.may_ask()
    fails(line)
    assert line.in_doubt
    assert not line.may_ask()


async def test_one_request_at_a_time_tries_a_line_in_doubt(line: ProviderLine, clock: FakeClock) -> None:
    fails(line)
    fails(line)
    await clock.sleep(1.0)
    assert line.may_ask()
    with line.request():
        assert not line.may_ask()
    assert line.may_ask()
    assert not line.in_doubt


async def test_a_try_that_ends_before_another_has_begun_to_wait_is_heard(
    line: ProviderLine, clock: FakeClock
) -> None:
    fails(line)
    fails(line)
    await clock.sleep(1.0)
    with line.request():
        assert not line.may_ask()
        waits = line.until_changed()
    await asyncio.wait_for(waits, 1)
    assert line.may_ask()


async def test_a_try_that_fails_is_repeated_half_a_minute_later(line: ProviderLine, clock: FakeClock) -> None:
    fails(line)
    fails(line)
    await clock.sleep(1.0)
    fails(line)
    await clock.sleep(PROBE_S - 1)
    assert not line.may_ask()
    await line.until_changed()
    assert line.may_ask()


def test_what_was_surely_not_billed_is_no_doubt(line: ProviderLine) -> None:
    for _ in range(3):
        fails(line, unbilled=True, status=529)
    assert line.may_ask()


@pytest.mark.parametrize("status", [401, 402, 403])
def test_nobody_asks_after_the_key_was_refused(line: ProviderLine, status: int) -> None:
    fails(line, unbilled=True, status=status)
    assert line.holds_back
    with pytest.raises(ProviderClosed):
        line.may_ask()
    line.reopen()
    assert line.may_ask()


def test_nobody_asks_after_the_provider_could_not_prove_who_it_is(line: ProviderLine) -> None:
    fails(line, unbilled=True, closes=True, safe="Nothing was charged.")
    assert line.closed == "no Nothing was charged."
    with pytest.raises(ProviderClosed):
        line.may_ask()


async def test_a_cancelled_try_lets_another_one_try(line: ProviderLine, clock: FakeClock) -> None:
    fails(line)
    fails(line)
    await clock.sleep(1.0)
    with pytest.raises(asyncio.CancelledError), line.request():
        raise asyncio.CancelledError
    assert line.may_ask()


# --- a provider that is away ----------------------------------------------------------------------


def refuses(line: ProviderLine, *, retry_after: float) -> None:
    fails(line, status=529, unbilled=True, retry_after=retry_after)


async def test_a_provider_that_answered_nobody_for_hours_is_asked_no_more(
    line: ProviderLine, clock: FakeClock
) -> None:
    while clock.elapsed_s < PATIENCE_S:
        refuses(line, retry_after=1.0)
        await clock.sleep(AWAY_S)
        assert line.is_away
    refuses(line, retry_after=1.0)
    assert "6 hours" in line.closed


async def test_hours_in_which_nobody_asked_are_not_the_provider_s(
    line: ProviderLine, clock: FakeClock
) -> None:
    refuses(line, retry_after=1.0)
    await clock.sleep(PATIENCE_S)
    refuses(line, retry_after=1.0)
    assert not line.closed
    assert not line.is_away


async def test_a_long_wait_that_the_provider_wanted_is_its_own(line: ProviderLine, clock: FakeClock) -> None:
    refuses(line, retry_after=PATIENCE_S)
    refuses(line, retry_after=1.0)
    await clock.sleep(PATIENCE_S * 1.02)
    refuses(line, retry_after=1.0)
    assert line.closed
