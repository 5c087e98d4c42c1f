from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.garbage import GarbageTimer


class Loop:
    """Refers to itself, so that only the collector frees it; notes where that was."""

    freed_in: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        Loop.freed_in.add(threading.current_thread().name)


@pytest.fixture
def garbage(qtbot: QtBot) -> Iterator[GarbageTimer]:
    Loop.freed_in.clear()
    made = GarbageTimer()
    made.findChildren(QTimer)[0].setInterval(0)
    yield made
    made.stop()
    made.deleteLater()


def test_what_another_thread_leaves_is_freed_on_the_gui_thread_alone(
    qtbot: QtBot, garbage: GarbageTimer
) -> None:
    def litter() -> None:
        for _ in range(20 * gc.get_threshold()[0]):
            Loop()

    thread = threading.Thread(target=litter, name="engine")
    thread.start()
    thread.join()
    assert Loop.freed_in == set()
    qtbot.waitUntil(lambda: Loop.freed_in != set())
    assert Loop.freed_in == {threading.current_thread().name}


def test_little_garbage_waits_for_more(garbage: GarbageTimer) -> None:
    gc.collect()
    Loop()
    garbage.collect()
    assert Loop.freed_in == set()


def test_old_generations_are_collected_too(qtbot: QtBot, garbage: GarbageTimer) -> None:
    gc.collect()
    before = gc.get_stats()[2]["collections"]
    young, middle, old = gc.get_threshold()
    for _ in range(2 * (middle + 2) * (old + 2)):
        keep = [[] for _ in range(2 * young)]
        garbage.collect()
        del keep
    assert gc.get_stats()[2]["collections"] > before


def test_the_collector_is_given_back(qtbot: QtBot) -> None:
    assert gc.isenabled()
    made = GarbageTimer()
    assert not gc.isenabled()
    made.stop()
    assert gc.isenabled()
