from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from gastown_desktop.bridge.town_view import Changes, TownView
from gastown_desktop.core import events as ev
from gastown_desktop.core.card import Card, sort_key
from gastown_desktop.core.event_lines import decode, encode
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.money import usd
from gastown_desktop.core.wording import (
    show_age,
    show_cents,
    show_held,
    show_lines,
    show_model,
    show_stopwatch,
)
from gastown_desktop.engine.api import Bill
from gastown_desktop.tour.beads import API, BEADS
from gastown_desktop.tour.bill import bill_of
from gastown_desktop.tour.moments import EVENING, FLEET, LIMIT, MERGE, PLAN, REPLAY, Moment
from gastown_desktop.tour.story import spent_otherwise, story

CARDS_AT_14_32 = """
Your turn | Slit | Needs you | hb-q8w1e | 429 with Retry-After header | Opus 5.5 | Asks: seconds or HTTP date? | 3/5 | +64 −9 | 3 | 21 m | 0.71 |
Your turn | Maadi | Needs you | hb-y6k8a | Session tests on the new store | Sonnet 5.5 | Asks: add fakeredis as a test dependency? | 4/6 | +188 −41 | 6 | 26 m | 0.88 |
Your turn | Dag | Conflict | hb-x4h6s | Count requests in the gateway | Opus 5.5 | 2 files collide with hb-7d1ma | 6/6 | +142 −37 | 5 | 38 m | 1.37 |
Your turn | Coma | Failed | hb-u1d4r | Delete the cookie fallback | Sonnet 5.5 | Gate red in 3 rounds: test_login_cookie | 5/5 | +22 −174 | 7 | 44 m | 0.74 |
Your turn | Morsov | Stalled | hb-wc93k | Load test: 2,000 keys, 5 minutes | Opus 5.5 | No progress for 16 m, nudged once | 2/6 | +97 −3 | 2 | 48 m | 1.92 |
Your turn | Capable | Review | hb-1ye7b | Usage table migration | Sonnet 5.5 | Touches migrations/: read before landing | 5/5 | +58 −0 | 2 | 17 m | 0.49 |
At work | Cheedo | Merging | hb-2pl8d | Limit headers in the OpenAPI spec | Haiku 5.5 | Gate pytest 1:52 | 4/4 | +76 −12 | 1 | 9 m 03 s | 0.06 |
At work | Nux | Working | hb-9zr4c | Limit middleware for /v1 routes | Opus 5.5 | Editing src/harbor/api/middleware.py | 4/7 | +120 −34 | 5 | 29 m | 1.84 | +0.31
At work | Toast | Working | hb-k5t0n | Per-key quotas in the admin API | Opus 5.5 | Running tests 0:42 | 5/8 | +206 −58 | 8 | 40 m | 2.13 | +0.27
At work | Rictus | Working | hb-r7uf3 | Burst allowance for internal callers | Sonnet 5.5 | Reading src/harbor/limits/bucket.py | 2/5 | +31 −4 | 2 | 14 m | 0.66 | +0.12
At work | Valkyrie | Working | hb-0vjq5 | Metrics: limited requests by route | Opus 5.5 | Writing tests/test_limit_metrics.py | 3/6 | +88 −10 | 4 | 19 m | 1.05 | +0.29
At work | Jack | Working | hb-f6n2g | Docs: rate limits for clients | Haiku 5.5 | Editing docs/rate-limits.md | 2/4 | +64 −0 | 1 | 6 m 30 s | 0.09 | +0.02
At work | Giddy | Working | hb-t3x7p | Read sessions through the new store | Opus 5.5 | Running tests 1:15 | 5/7 | +133 −61 | 6 | 33 m | 1.31 | +0.30
At work | Corpus | Working | hb-5gq0h | Migrate stored sessions in batches | Opus 5.5 | Searching “session_key” in 212 files | 3/6 | +174 −20 | 4 | 29 m | 1.58 | +0.33
At work | Glory | Starting | hb-c0m5w | Log out everywhere: new endpoint | Opus 5.5 | Running set-up: uv sync 0:21 | | | | 34 s | 0.00 | +0.22
Queued | | Queued | hb-8sbz0 | Switch limits on behind a flag | Opus 5.5 | Waits for 3 beads | | | | | about 0.81 |
Queued | | Queued | hb-n4v1l | Session metrics on the dashboard | Sonnet 5.5 | Waits for hb-5gq0h | | | | | about 0.50 |
Queued | | Queued | hb-j9w0m | Remove legacy_session.py | Opus 5.5 | Waits for 2 beads | | | | | about 0.60 |
Landed | Furiosa | Landed | hb-3kq9x | Token bucket core | Opus 5.5 | Landed | 4/4 | +164 −3 | 3 | 24 m | 1.12 |
Landed | Keeper | Landed | hb-m20vt | Parse limits from harbor.toml | Sonnet 5.5 | Landed | 4/4 | +96 −7 | 3 | 32 m | 0.58 |
Landed | Ace | Landed | hb-7d1ma | Bucket state in Redis | Opus 5.5 | Landed | 6/6 | +231 −18 | 6 | 41 m | 2.46 |
"""  # noqa: E501 - one row a card

STATES_AT_15_46 = """
Coma Failed 0.74
Morsov Paused: budget 2.71
Nux Paused: budget 4.05
Toast Paused: budget 4.41
Ace Paused: budget 0.92
Giddy Paused: budget 3.12
Glory Paused: budget 1.71
Keeper Paused: budget 0.29
Valkyrie Merging 2.96
Maadi Merging 2.06
Corpus Merging 3.44
none yet Queued 0.00
"""


def town(moment: Moment) -> TownView:
    view = TownView()
    for at, item in story(moment):
        view.apply(item, at, Changes())
    return view


def as_row(card: Card, moment: Moment) -> str:
    since, started = card.action_since, card.started_at
    begun = started is not None
    parts = [
        card.group,
        card.worker or "",
        card.word,
        card.bead,
        card.title,
        show_model(card.model),
        card.action + (f" {show_stopwatch((moment.at - since).total_seconds())}" if since else ""),
        f"{card.steps_done}/{card.steps}" if card.steps else "",
        show_lines(card.added, card.removed) if card.steps else "",
        str(card.files) if card.steps else "",
        show_age(((card.ended_at or moment.at) - started).total_seconds()) if started else "",
        show_cents(card.cost) if begun else f"about {show_cents(card.likely or 0)}",
        show_held(card.held) if card.held else "",
    ]
    return " | ".join(parts).replace("  ", " ").strip()


def sorted_cards(moment: Moment) -> list[Card]:
    return sorted(town(moment).cards(), key=sort_key)


@pytest.mark.parametrize(
    ("row", "card"),
    list(zip(CARDS_AT_14_32.strip().splitlines(), sorted_cards(FLEET), strict=True)),
    ids=lambda one: one.bead if isinstance(one, Card) else "",
)
def test_at_14_32_a_card_is_the_pictures(row: str, card: Card) -> None:
    assert as_row(card, FLEET) == row.strip()


def test_at_15_46_the_cards_are_the_pictures() -> None:
    cards = [card for card in sorted_cards(LIMIT) if card.state != "landed"]
    told = [f"{card.worker or 'none yet'} {card.word} {show_cents(card.cost)}" for card in cards]
    assert told == STATES_AT_15_46.strip().splitlines()
    assert {card.action for card in cards if card.worker == "Giddy"} == {"Committed at step 6 of 7"}


def test_at_15_46_nine_have_landed() -> None:
    assert [card.state for card in sorted_cards(LIMIT)].count("landed") == 9


@pytest.mark.parametrize(
    ("moment", "settled", "held", "assumed"),
    [(FLEET, "20.14", "1.86", "0.18"), (MERGE, "31.06", "1.74", "0.18"), (LIMIT, "37.62", "0", "0.18")],
    ids=["14:32", "15:18", "15:46"],
)
class TestSums:
    def test_the_meter_is_the_pictures(self, moment: Moment, settled: str, held: str, assumed: str) -> None:
        meter = town(moment).meter()
        assert meter is not None
        assert (meter.settled, meter.held, meter.assumed) == (usd(settled), usd(held), usd(assumed))
        assert (meter.cap, meter.reserve) == (usd("40"), usd("2"))

    def test_beads_mayor_and_resolver_are_the_whole(
        self, moment: Moment, settled: str, held: str, assumed: str
    ) -> None:
        cards = town(moment).cards()
        others = spent_otherwise("mayor", moment) + spent_otherwise("resolver", moment)
        assert sum(card.cost for card in cards) + others == usd(settled)
        assert sum(card.held for card in cards) == usd(held)

    def test_events_have_cost_what_the_meters_say(
        self, moment: Moment, settled: str, held: str, assumed: str
    ) -> None:
        view = town(moment)
        by_events = {bead: one.cost for state in view.convoys.values() for bead, one in state.beads.items()}
        assert by_events == {card.bead: card.cost for card in view.cards()}

    @pytest.mark.parametrize(
        "lines",
        [lambda bill: bill.by_model, lambda bill: bill.by_role],
        ids=["by model", "by role"],
    )
    def test_the_bill_adds_up(
        self, moment: Moment, settled: str, held: str, assumed: str, lines: Callable[[Bill], Iterable]
    ) -> None:
        bill = bill_of(ConvoyId(API), moment)
        found = [(line.settled, line.held, line.assumed) for line in lines(bill)]
        assert tuple(map(sum, zip(*found, strict=True))) == (usd(settled), usd(held), usd(assumed))
        assert (bill.settled, bill.held, bill.assumed) == (usd(settled), usd(held), usd(assumed))


def test_the_bill_at_14_32_is_the_pictures() -> None:
    bill = bill_of(ConvoyId(API), FLEET)
    assert [(line.name, line.settled) for line in bill.by_role] == [
        ("Workers", usd("18.99")),
        ("Mayor", usd("0.93")),
        ("Resolver", usd("0.22")),
    ]
    assert sorted(line.settled for line in bill.by_model) == [
        usd("0.15"),
        usd("0.93"),
        usd("3.35"),
        usd("15.71"),
    ]
    ace = next(line for line in bill.by_bead if line.name == "hb-7d1ma")
    assert (ace.requests, ace.usage.prompt_tokens, ace.usage.output_tokens) == (41, 2_800_000, 48_000)


def test_the_plan_is_the_pictures() -> None:
    rows = [row for row in BEADS if row.convoy == API]
    assert len(rows) == 14
    assert sum(usd(row.likely) for row in rows) == usd("16.87")
    assert sum(usd(row.at_most) for row in rows) == usd("25.40")
    assert all(card.state == "queued" for card in town(PLAN).cards())


@pytest.mark.parametrize("moment", [PLAN, REPLAY, FLEET, MERGE, LIMIT, EVENING])
def test_history_is_numbered_and_keeps_its_order(moment: Moment) -> None:
    last: dict[ConvoyId, ev.Envelope] = {}
    for _, item in story(moment):
        if not isinstance(item, ev.Envelope):
            continue
        before = last.get(item.event.convoy)
        assert item.seq == (before.seq + 1 if before else 1)
        assert before is None or before.at <= item.at <= moment.at
        last[item.event.convoy] = item
        assert decode(encode(item)) == item


def test_needs_stand_in_the_order_of_the_picture() -> None:
    workers = [state.beads[need.bead].polecat for state, need in town(FLEET).needs() if need.bead]
    assert workers == ["Slit", "Maadi", "Coma", "Dag", "Morsov", "Capable"]


def test_a_message_is_delivered_where_the_picture_says() -> None:
    state = next(one for one in town(FLEET).convoys.values() if one.convoy == API)
    message = state.messages["hb-9zr4c:17"]
    assert (message.text, message.turn) == ("Keep /health out of the limits.", 17)
