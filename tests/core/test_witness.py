"""Every line of the Witness as a row: what is seen, how the worker fares, what is done."""

from __future__ import annotations

from typing import Any

import pytest

from gastown_desktop.core.witness import Finding, Sighting, classify

MINUTE = 60.0


def seen(**changes: Any) -> Sighting:
    fields: dict[str, Any] = {
        "state": "working",
        "silent_s": 0.0,
        "idle_s": 0.0,
        "alive": True,
        "has_hook": True,
        **changes,
    }
    return Sighting(**fields)


@pytest.mark.parametrize(
    ("sighting", "health", "action"),
    [
        (seen(), "healthy", "leave"),
        (seen(silent_s=2.9 * MINUTE), "healthy", "leave"),
        (seen(silent_s=3 * MINUTE), "quiet", "show"),
        (seen(silent_s=14 * MINUTE, idle_s=14 * MINUTE), "quiet", "show"),
        (seen(idle_s=14 * MINUTE), "healthy", "leave"),
        (seen(idle_s=15 * MINUTE), "stalled", "restart"),
        (seen(silent_s=15 * MINUTE, idle_s=15 * MINUTE), "stalled", "restart"),
        (seen(idle_s=29.9 * MINUTE), "stalled", "restart"),
        (seen(idle_s=30 * MINUTE), "stalled", "ask"),
        (seen(state="starting", silent_s=4.9 * MINUTE), "starting", "leave"),
        (seen(state="starting", silent_s=5 * MINUTE), "quiet", "show"),
        (seen(state="starting", silent_s=16 * MINUTE, idle_s=16 * MINUTE), "stalled", "restart"),
        (seen(waits=True, silent_s=90 * MINUTE, idle_s=90 * MINUTE), "waiting", "leave"),
        (seen(alive=False), "dead", "restart"),
        (seen(alive=False, deaths=2), "dead", "restart"),
        (seen(alive=False, deaths=3), "dead", "ask"),
        (seen(alive=False, waits=True), "dead", "restart"),
        (seen(alive=False, has_hook=False), "lost", "ask"),
        (seen(alive=None), "unknown", "show"),
        (seen(has_hook=None, alive=False), "unknown", "show"),
        (seen(alive=None, idle_s=90 * MINUTE), "unknown", "show"),
        (seen(landed=True, alive=False, has_hook=False), "landed", "archive"),
        (seen(landed=True, idle_s=90 * MINUTE), "landed", "archive"),
    ],
)
def test_a_worker_is_classified(sighting: Sighting, health: str, action: str) -> None:
    finding = classify(sighting)
    assert (finding.health, finding.action) == (health, action)


@pytest.mark.parametrize(
    ("sighting", "words"),
    [
        (seen(idle_s=17 * MINUTE), "17 minutes"),
        (seen(silent_s=4 * MINUTE), "4 minutes"),
        (seen(alive=False, deaths=3), "3 times"),
        (seen(alive=False), "died"),
    ],
)
def test_a_finding_says_why(sighting: Sighting, words: str) -> None:
    assert words in classify(sighting).reason


def test_a_healthy_worker_needs_no_words() -> None:
    assert classify(seen()) == Finding(health="healthy", action="leave")
