from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from gastown_desktop.bridge.event_feed import EventFeed, FeedItem
from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import PolecatName
from tests.bridge.town import NUX, RIG, SLIT, A, acting, enveloped, metered, streamed, turned


def test_events_come_out_in_the_order_in_which_they_went_in() -> None:
    feed = EventFeed()
    items: list[FeedItem] = [streamed("a"), *enveloped(turned()), acting("Reading"), metered("town", 5)]
    for item in items:
        feed.put(item)
    assert feed.drain() == items
    assert feed.drain() == []


def test_texts_of_one_worker_join_and_those_of_another_stand_beside_them() -> None:
    feed = EventFeed()
    for item in (streamed("Hel"), streamed("So", SLIT), streamed("lo"), streamed(" it is", SLIT)):
        feed.put(item)
    assert feed.drain() == [streamed("Hello"), streamed("So it is", SLIT)]


def test_of_actions_and_meters_the_newest_counts() -> None:
    feed = EventFeed()
    for item in (acting("Reading"), metered("town", 1), acting("Editing"), metered("town", 2)):
        feed.put(item)
    assert feed.drain() == [acting("Editing"), metered("town", 2)]


def test_what_was_streamed_before_a_turn_ended_never_shows_up_after_its_end() -> None:
    feed = EventFeed()
    (end,) = enveloped(turned())
    for item in (streamed("old "), streamed("reply"), end, streamed("new")):
        feed.put(item)
    assert feed.drain() == [streamed("old reply"), end, streamed("new")]


def test_after_a_drain_nothing_joins_what_was_taken() -> None:
    feed = EventFeed()
    feed.put(streamed("a"))
    (taken,) = feed.drain()
    feed.put(streamed("b"))
    assert taken == streamed("a")
    assert feed.drain() == [streamed("b")]


def test_a_flood_from_two_threads_waits_in_as_many_places_as_there_are_workers_and_loses_nothing() -> None:
    feed = EventFeed()
    names = [PolecatName(f"P{number}") for number in range(30)]

    def flood(mark: str) -> None:
        for _ in range(200):
            for name in names:
                feed.put(streamed(mark, name))
                feed.put(acting(mark, name))

    threads = [threading.Thread(target=flood, args=(mark,)) for mark in "xy"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(feed) == 60
    texts = {one.polecat: one.text for one in feed.drain() if isinstance(one, ev.TextStreamed)}
    assert {(text.count("x"), text.count("y")) for text in texts.values()} == {(200, 200)}
    assert list(texts) == names


def test_durable_events_of_two_threads_keep_each_threads_order_while_the_screen_drains() -> None:
    feed = EventFeed()

    def write(cause: int) -> None:
        for seq in range(1, 2_001):
            feed.put(ev.Envelope(seq=seq, at=enveloped(turned())[0].at, event=turned(), cause=cause))
            feed.put(streamed("."))

    threads = [threading.Thread(target=write, args=(cause,)) for cause in (1, 2)]
    for thread in threads:
        thread.start()
    seen: list[FeedItem] = []
    while any(thread.is_alive() for thread in threads):
        seen += feed.drain()
    seen += feed.drain()
    for cause in (1, 2):
        seqs = [one.seq for one in seen if isinstance(one, ev.Envelope) and one.cause == cause]
        assert seqs == list(range(1, 2_001))
    assert sum(len(one.text) for one in seen if isinstance(one, ev.TextStreamed)) == 4_000


_ITEMS = st.lists(
    st.one_of(
        st.builds(streamed, st.text(max_size=3), st.sampled_from([NUX, SLIT])),
        st.builds(acting, st.sampled_from(["Reading", "Editing"]), st.sampled_from([NUX, SLIT])),
        st.just("turn"),
        st.just("drain"),
    ),
    max_size=40,
)


@given(_ITEMS)
def test_whatever_comes_each_workers_text_between_two_turns_is_whole(
    items: list[FeedItem | str],
) -> None:
    """A plain list that joins nothing is the model: texts between durable events are the same."""
    feed, plain, seen = EventFeed(), list[FeedItem](), list[FeedItem]()
    for item in items:
        if item == "drain":
            seen += feed.drain()
        else:
            put = enveloped(turned(bead=A))[0] if isinstance(item, str) else item
            feed.put(put)
            plain.append(put)
    seen += feed.drain()
    assert _texts(seen) == _texts(plain)
    assert len(seen) <= len(plain)


def _texts(items: list[FeedItem]) -> list[dict[str, str]]:
    """Text of each worker, stretch by stretch between durable events."""
    stretches: list[dict[str, str]] = [{}]
    for item in items:
        if isinstance(item, ev.Envelope):
            stretches.append({})
        elif isinstance(item, ev.TextStreamed):
            last = stretches[-1]
            last[item.polecat] = last.get(item.polecat, "") + item.text
    return stretches


def test_events_of_different_tasks_and_scopes_do_not_replace_each_other() -> None:
    feed = EventFeed()
    plan = ev.Progressed(rig=RIG, task="plan", done=1, all=2)
    clone = ev.Progressed(rig=RIG, task="clone", done=1, all=2)
    for item in (plan, clone, metered("town", 1), metered("bead:a", 2)):
        feed.put(item)
    assert feed.drain() == [plan, clone, metered("town", 1), metered("bead:a", 2)]
