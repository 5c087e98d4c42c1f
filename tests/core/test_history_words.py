"""Every kind of event has words."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from gastown_desktop.core import events as ev
from gastown_desktop.core.event_lines import decode
from gastown_desktop.core.history_words import _WORDS, headline, told
from gastown_desktop.core.money import NANO
from gastown_desktop.core.projection import Projection, fold
from tests.bridge.town import WHERE, enveloped

GOLDEN = Path(__file__).with_name("golden_events_v1.jsonl")


def test_no_kind_is_left_without_words() -> None:
    assert set(_WORDS) == set(get_args(ev.DurableEvent))


@pytest.mark.parametrize("folded", [False, True], ids=["nothing known", "folded"])
def test_stored_events_say_something_short(folded: bool) -> None:
    envelopes = [decode(line) for line in GOLDEN.read_bytes().splitlines(keepends=True)]
    state = fold(envelopes) if folded else Projection()
    for envelope in envelopes:
        line = told(state, envelope)
        assert line.what
        assert "\n" not in line.what + line.detail
        assert (headline(state, envelope) == "") == line.minor


@pytest.mark.parametrize(
    ("scope", "new", "what", "detail"),
    [
        ("convoy:cv-1", 4 * NANO, "Limit changed", "from $2.00 to $4.00"),
        ("day:2026-11-25+00:00", 4 * NANO, "Limit of a day changed", "from $2.00 to $4.00"),
        ("town", None, "Limit of everything changed", "from $2.00 to none"),
    ],
)
def test_a_changed_limit_says_whose_it_is(scope: str, new: int | None, what: str, detail: str) -> None:
    changed = ev.CapChanged(**WHERE, scope=scope, old=2 * NANO, new=new)
    (envelope,) = enveloped(changed)
    line = told(Projection(), envelope)
    assert (line.what, line.detail) == (what, detail)
