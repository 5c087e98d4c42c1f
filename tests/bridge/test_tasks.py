from __future__ import annotations

import asyncio

import pytest
import shiboken6
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.tasks import ScreenTasks, spawn, tasks


class Work:
    """A coroutine that waits until it is let go, and notes how it ended."""

    def __init__(self) -> None:
        self.ends: list[str] = []
        self.begun = False
        self.go = asyncio.Event()

    async def run(self) -> str:
        self.begun = True
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.ends.append("cancelled")
            raise
        self.ends.append("done")
        return "result"


def test_a_task_runs_on_the_screens_loop_and_is_forgotten_when_it_is_done(qtbot: QtBot) -> None:
    work, owner = Work(), QObject()
    task = spawn(work.run(), owner=owner)
    qtbot.waitUntil(lambda: work.begun)
    assert tasks.running() == [task]
    work.go.set()
    qtbot.waitUntil(task.done)
    assert task.result() == "result"
    assert tasks.running() == []


def test_a_task_is_cancelled_when_its_owner_goes(qtbot: QtBot) -> None:
    work, owner = Work(), QObject()
    task = spawn(work.run(), owner=owner)
    qtbot.waitUntil(lambda: work.begun)
    owner.deleteLater()
    qtbot.waitUntil(task.done)
    assert task.cancelled()
    assert work.ends == ["cancelled"]


def test_a_task_is_cancelled_when_the_parent_of_its_owner_goes(qtbot: QtBot) -> None:
    parent, work = QObject(), Work()
    task = spawn(work.run(), owner=QObject(parent))
    qtbot.waitUntil(lambda: work.begun)
    shiboken6.delete(parent)
    qtbot.waitUntil(task.done)
    assert work.ends == ["cancelled"]


def test_one_owners_end_leaves_the_tasks_of_others_alone(qtbot: QtBot) -> None:
    one, other, work, kept = QObject(), QObject(), Work(), Work()
    gone = spawn(work.run(), owner=one)
    task = spawn(kept.run(), owner=other)
    qtbot.waitUntil(lambda: work.begun and kept.begun)
    one.deleteLater()
    qtbot.waitUntil(gone.done)
    assert not task.done()
    kept.go.set()
    qtbot.waitUntil(task.done)
    assert kept.ends == ["done"]


def test_an_owner_that_goes_after_the_end_disturbs_nothing(qtbot: QtBot) -> None:
    owner, work = QObject(), Work()
    task = spawn(work.run(), owner=owner)
    work.go.set()
    qtbot.waitUntil(task.done)
    shiboken6.delete(owner)
    qtbot.wait(0)
    assert work.ends == ["done"]


async def _fail() -> None:
    raise ValueError("not this way")


def test_a_failure_is_logged_and_handed_to_whoever_listens(
    qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    own, owner = ScreenTasks(), QObject()
    heard: list[tuple[QObject, str]] = []
    own.failed = lambda who, error: heard.append((who, str(error)))
    own.spawn(_fail(), owner=owner)
    qtbot.waitUntil(lambda: heard != [])
    assert heard == [(owner, "not this way")]
    assert "not this way" in caplog.text


def test_a_failure_after_the_owner_went_is_logged_and_handed_to_nobody(
    qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    own, owner = ScreenTasks(), QObject()
    heard: list[object] = []
    own.failed = lambda who, error: heard.append(error)

    begun: list[bool] = []

    async def fail_at_the_end() -> None:
        begun.append(True)
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("while tidying up")

    task = own.spawn(fail_at_the_end(), owner=owner)
    qtbot.waitUntil(lambda: begun != [])
    shiboken6.delete(owner)
    qtbot.waitUntil(task.done)
    qtbot.waitUntil(lambda: "while tidying up" in caplog.text)
    assert heard == []


def test_all_tasks_can_be_ended_at_once(qtbot: QtBot) -> None:
    own, owner = ScreenTasks(), QObject()
    works = [Work() for _ in range(3)]
    started = [own.spawn(work.run(), owner=owner) for work in works]
    qtbot.waitUntil(lambda: all(work.begun for work in works))
    own.cancel_all()
    qtbot.waitUntil(lambda: all(task.done() for task in started))
    assert own.running() == []
