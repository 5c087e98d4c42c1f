from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge import event_pump
from gastown_desktop.bridge.event_feed import FeedItem
from gastown_desktop.bridge.event_pump import BUDGET_S, EventPump
from gastown_desktop.bridge.town_view import Changes, TownView
from gastown_desktop.core.ids import PolecatName
from tests.bridge.town import CONVOY, START, A, acting, begun, enveloped, slung, streamed, turned


class Heard:
    """What a screen hears of the pump."""

    def __init__(self, pump: EventPump) -> None:
        self.ticks: list[Changes] = []
        pump.changed.connect(self.ticks.append)


@pytest.fixture
def pump(qtbot: QtBot) -> Iterator[EventPump]:
    made = EventPump(TownView(), lambda: START)
    yield made
    made.stop()
    made.deleteLater()


def timer_of(pump: EventPump) -> QTimer:
    return pump.findChildren(QTimer)[0]


def test_a_hundred_events_are_one_signal(qtbot: QtBot, pump: EventPump) -> None:
    heard = Heard(pump)
    for item in enveloped(*begun(A), slung(A)):
        pump.put(item)
    for number in range(100):
        pump.put(streamed(f"{number} "))
    qtbot.waitUntil(lambda: heard.ticks != [])
    (changes,) = heard.ticks
    assert len(changes.envelopes) == 3
    assert len(changes.texts) == 1
    assert pump.view.live[slung().polecat].startswith("0 1 2")


def test_nothing_new_means_no_signal(qtbot: QtBot, pump: EventPump) -> None:
    for item in enveloped(*begun(A), slung(A)):
        pump.put(item)
    pump.flush()
    heard = Heard(pump)
    pump.put(enveloped(*begun(A))[0])
    pump.put(acting("Reading", PolecatName("Nobody")))
    qtbot.waitUntil(lambda: len(pump.feed) == 0)
    assert heard.ticks == []


def test_a_tick_keeps_its_budget_and_the_rest_comes_with_the_next_ones(
    qtbot: QtBot, pump: EventPump, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look at the clock finds a quarter of the budget gone."""
    hours = iter(range(1_000_000))
    monkeypatch.setattr(event_pump.time, "perf_counter", lambda: next(hours) * BUDGET_S / 4)
    heard = Heard(pump)
    turns = [turned(A, turn=number) for number in range(1, 400)]
    envelopes = enveloped(*begun(A), slung(A), *turns)
    for item in envelopes:
        pump.put(item)
    qtbot.waitUntil(lambda: sum(len(one.envelopes) for one in heard.ticks) == len(envelopes))
    assert len(heard.ticks) > 3
    assert all(len(one.envelopes) < 150 for one in heard.ticks)
    assert pump.view.timeline == envelopes


def test_the_pump_sleeps_while_nothing_comes_and_wakes_from_another_thread(
    qtbot: QtBot, pump: EventPump
) -> None:
    heard, timer = Heard(pump), timer_of(pump)
    assert not timer.isActive()
    for item in enveloped(*begun(A), slung(A)):
        pump.put(item)
    qtbot.waitUntil(lambda: len(heard.ticks) == 1)
    qtbot.waitUntil(lambda: not timer.isActive())
    thread = threading.Thread(target=lambda: pump.put(streamed("from afar")))
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: len(heard.ticks) == 2)
    assert pump.view.live[slung().polecat] == "from afar"
    qtbot.waitUntil(lambda: not timer.isActive())


def test_nothing_is_lost_while_two_threads_put_and_the_pump_falls_asleep_again_and_again(
    qtbot: QtBot, pump: EventPump
) -> None:
    for item in enveloped(*begun(A), slung(A)):
        pump.put(item)
    pump.flush()
    timer_of(pump).setInterval(0)
    texts = [PolecatName(name) for name in ("P", "Q")]

    def write(name: PolecatName) -> None:
        for _ in range(3_000):
            pump.put(streamed(".", name))

    threads = [threading.Thread(target=write, args=(name,)) for name in texts]
    for thread in threads:
        thread.start()
    qtbot.waitUntil(
        lambda: {name: len(pump.view.live.get(name, "")) for name in texts} == dict.fromkeys(texts, 3_000)
    )
    for thread in threads:
        thread.join()


def test_flush_folds_everything_at_once(pump: EventPump) -> None:
    heard = Heard(pump)
    envelopes = enveloped(*begun(A), slung(A), *[turned(A, turn=number) for number in range(1, 2_000)])
    for item in envelopes:
        pump.put(item)
    pump.flush()
    assert pump.view.timeline == envelopes
    assert sum(len(one.envelopes) for one in heard.ticks) == len(envelopes)


def test_after_stop_no_tick_comes_even_when_events_do(qtbot: QtBot, pump: EventPump) -> None:
    heard = Heard(pump)
    pump.put(streamed("before"))
    pump.stop()
    for item in enveloped(*begun(A)):
        pump.put(item)
    qtbot.wait(3 * event_pump.INTERVAL_MS)
    assert heard.ticks == []
    assert not timer_of(pump).isActive()


class _Stumbling(TownView):
    """A view with a defect in what one event does."""

    def apply(self, item: FeedItem, at: datetime, changes: Changes) -> None:
        if item == acting("Stumble"):
            raise RuntimeError("a defect")
        super().apply(item, at, changes)


def test_a_defect_in_one_event_is_logged_and_the_others_are_shown(
    qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    pump = EventPump(_Stumbling(), lambda: START)
    heard = Heard(pump)
    for item in (*enveloped(*begun(A), slung(A)), acting("Stumble"), streamed("after")):
        pump.put(item)
    qtbot.waitUntil(lambda: heard.ticks != [])
    assert heard.ticks[0].convoys
    assert heard.ticks[0].texts == {slung().polecat}
    assert "a defect" in caplog.text
    pump.stop()


def test_the_longest_tick_is_measured(pump: EventPump) -> None:
    pump.put(enveloped(*begun(A))[0])
    pump.flush()
    assert 0 < pump.longest_tick_s < 1
    assert CONVOY in pump.view.convoys
