"""The window's tests: one application with our theme, the GUI thread's loop, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator

import psutil
import pytest
from PySide6.QtCore import QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.tasks import tasks
from gastown_desktop.ui.theme.theme import theme


@pytest.fixture(scope="session")
def qapp(qapp: QApplication) -> QApplication:
    """The application in the light theme."""
    theme.apply(qapp, "light")
    return qapp


@pytest.fixture
def dark(qapp: QApplication) -> Iterator[None]:
    """The dark theme for one test."""
    theme.apply(qapp, "dark")
    yield
    theme.apply(qapp, "light")


@pytest.fixture(autouse=True)
def screen_tasks(screen_loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Coroutines of the screen run while Qt does; none outlives its test."""
    asyncio.set_event_loop(screen_loop)
    asyncio.events._set_running_loop(screen_loop)
    yield
    asyncio.events._set_running_loop(None)
    asyncio.set_event_loop(None)
    left = tasks.running()
    tasks.cancel_all()
    assert not left, f"tasks were left running: {left}"


@pytest.fixture(autouse=True)
def quiet_qt() -> Iterator[None]:
    """A message of Qt's fails the test."""
    said: list[str] = []

    def heard(kind: QtMsgType, _context: object, text: str) -> None:
        if kind != QtMsgType.QtDebugMsg and not text.startswith("This plugin does not support"):
            said.append(text)

    before = qInstallMessageHandler(heard)
    yield
    qInstallMessageHandler(before)
    assert not said, said


@pytest.fixture(autouse=True)
def nothing_left(qtbot: QtBot) -> Iterator[None]:
    """No window, thread or child process outlives its test."""
    threads = set(threading.enumerate())
    children = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    qtbot.wait(0)
    gc.collect()
    new_threads = {one.name for one in set(threading.enumerate()) - threads if one.is_alive()}
    assert not new_threads, f"threads were left: {new_threads}"
    new_children = {child.pid for child in psutil.Process().children(recursive=True)} - children
    assert not new_children, f"children were left: {new_children}"
