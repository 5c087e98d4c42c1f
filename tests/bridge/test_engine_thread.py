"""The engine's thread with a town that does nothing but what a test wants of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from gastown_desktop.bridge.engine_thread import EngineThread
from gastown_desktop.bridge.tasks import spawn
from gastown_desktop.core.errors import Refused
from gastown_desktop.engine.api import EngineApi, Recent, System


class Engine:
    """A town that answers what it was given, and notes what happened to it."""

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.threads: set[str] = set()
        self.looking = asyncio.Event()

    @property
    def api(self) -> EngineApi:
        return cast("EngineApi", self)

    async def system(self) -> System:
        self.threads.add(threading.current_thread().name)
        return System(git="2.43.0", sandbox="")

    async def recents(self) -> tuple[Recent, ...]:
        """Takes for ever."""
        self.looking.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.happened.append("cancelled")
            raise
        return ()

    async def open(self, path: Path) -> None:
        raise Refused(f"{path} is no repository.", remedy="Open another.")

    async def shut_down(self) -> None:
        self.threads.add(threading.current_thread().name)
        self.happened.append("shut down")


class Screen(QObject):
    """Awaits commands and keeps how they ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[Any] = []
        self.asked = 0

    def ask(self, awaited: Awaitable[Any]) -> asyncio.Task[None]:
        async def wait() -> None:
            self.asked += 1
            try:
                self.ends.append(await awaited)
            except (Refused, RuntimeError) as error:
                self.ends.append(error)
            except asyncio.CancelledError:
                self.ends.append("cancelled")
                raise

        return spawn(wait(), owner=self)


class Wired:
    """A thread and the engine in it, which may be held back."""

    def __init__(self, make: Callable[[], Awaitable[Any]] | None = None) -> None:
        self.engine: Engine | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.thread = EngineThread(make or self._make)

    async def _make(self) -> Engine:
        await asyncio.to_thread(self.gate.wait)
        self.engine = Engine()
        return self.engine

    @property
    def town(self) -> Engine:
        assert self.engine is not None
        return self.engine


@pytest.fixture
def wired() -> Iterator[Wired]:
    made = Wired()
    yield made
    made.gate.set()
    assert made.thread.stop(5)


def test_a_command_runs_in_the_engines_thread_and_answers_on_the_screens(qtbot: QtBot, wired: Wired) -> None:
    wired.thread.start()
    screen = Screen()
    screen.ask(wired.thread.api.system())
    qtbot.waitUntil(lambda: screen.ends != [])
    assert screen.ends == [System(git="2.43.0", sandbox="")]
    assert wired.town.threads == {"engine"}


def test_an_error_of_the_engine_arrives_with_its_words(qtbot: QtBot, wired: Wired) -> None:
    wired.thread.start()
    screen = Screen()
    screen.ask(wired.thread.api.open(Path("here")))
    qtbot.waitUntil(lambda: screen.ends != [])
    (error,) = screen.ends
    assert isinstance(error, Refused)
    assert (str(error), error.remedy) == ("here is no repository.", "Open another.")


def test_a_call_that_the_screen_cancels_is_cancelled_in_the_engine(qtbot: QtBot, wired: Wired) -> None:
    wired.thread.start()
    screen = Screen()
    task = screen.ask(wired.thread.api.recents())
    qtbot.waitUntil(lambda: wired.engine is not None and wired.engine.looking.is_set())
    task.cancel()
    qtbot.waitUntil(lambda: wired.town.happened == ["cancelled"])
    assert screen.ends == ["cancelled"]


def test_commands_before_the_engine_is_ready_wait_without_holding_the_screen(
    qtbot: QtBot, wired: Wired
) -> None:
    wired.gate.clear()
    wired.thread.start()
    screen = Screen()
    screen.ask(wired.thread.api.system())
    turns: list[int] = []
    qtbot.waitUntil(lambda: turns.append(1) or len(turns) > 5)
    assert screen.ends == []
    wired.gate.set()
    qtbot.waitUntil(lambda: screen.ends == [System(git="2.43.0", sandbox="")])


def test_a_cancelled_command_does_not_harm_the_engine_that_is_being_made(qtbot: QtBot, wired: Wired) -> None:
    wired.gate.clear()
    wired.thread.start()
    screen = Screen()
    first = screen.ask(wired.thread.api.system())
    qtbot.waitUntil(lambda: screen.asked == 1)
    first.cancel()
    qtbot.waitUntil(lambda: screen.ends == ["cancelled"])
    wired.gate.set()
    screen.ask(wired.thread.api.system())
    qtbot.waitUntil(lambda: len(screen.ends) == 2)
    assert screen.ends[1] == System(git="2.43.0", sandbox="")


def test_stop_shuts_the_engine_down_in_its_own_thread_and_twice_does_nothing_more(
    qtbot: QtBot, wired: Wired
) -> None:
    wired.thread.start()
    screen = Screen()
    screen.ask(wired.thread.api.system())
    qtbot.waitUntil(lambda: screen.ends != [])
    assert wired.thread.alive
    assert wired.thread.stop(5)
    assert wired.thread.stop(5)
    assert not wired.thread.alive
    assert wired.town.happened == ["shut down"]
    assert wired.town.threads == {"engine"}


def test_a_command_that_still_waits_at_the_end_is_cancelled_on_the_screen(qtbot: QtBot, wired: Wired) -> None:
    wired.thread.start()
    screen = Screen()
    screen.ask(wired.thread.api.recents())
    qtbot.waitUntil(lambda: wired.engine is not None and wired.engine.looking.is_set())
    assert wired.thread.stop(5)
    qtbot.waitUntil(lambda: screen.ends == ["cancelled"])
    assert wired.town.happened == ["shut down", "cancelled"]


def test_a_command_after_the_end_says_that_the_engine_has_ended(qtbot: QtBot, wired: Wired) -> None:
    wired.thread.start()
    assert wired.thread.stop(5)
    screen = Screen()
    screen.ask(wired.thread.api.system())
    qtbot.waitUntil(lambda: screen.ends != [])
    assert isinstance(screen.ends[0], RuntimeError)
    assert "ended" in str(screen.ends[0])


def test_a_thread_that_never_started_stops_at_once_and_says_so_to_commands(qtbot: QtBot) -> None:
    thread, screen = EngineThread(Wired()._make), Screen()
    screen.ask(thread.api.system())
    qtbot.waitUntil(lambda: screen.ends != [])
    assert "not started" in str(screen.ends[0])
    assert thread.stop(0)


def test_an_engine_that_cannot_be_made_is_heard_of_by_every_command(
    qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> Engine:
        raise Refused("git is not installed.")

    wired, screen = Wired(fail), Screen()
    wired.thread.start()
    screen.ask(wired.thread.api.system())
    screen.ask(wired.thread.api.open(Path("x")))
    qtbot.waitUntil(lambda: len(screen.ends) == 2)
    assert [str(error) for error in screen.ends] == ["git is not installed."] * 2
    assert "could not be made" in caplog.text
    assert wired.thread.stop(5)


def test_an_engine_that_is_still_being_made_does_not_hold_up_the_end(qtbot: QtBot) -> None:
    given_up: list[str] = []

    async def for_ever() -> Engine:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.append("given up")
        raise AssertionError

    wired, screen = Wired(for_ever), Screen()
    wired.thread.start()
    screen.ask(wired.thread.api.system())
    qtbot.waitUntil(lambda: screen.asked == 1)
    assert wired.thread.stop(5)
    assert given_up == ["given up"]
    qtbot.waitUntil(lambda: screen.ends == ["cancelled"])


def test_trouble_at_the_end_is_logged_and_the_thread_ends(caplog: pytest.LogCaptureFixture) -> None:
    class Torn(Engine):
        async def shut_down(self) -> None:
            raise OSError("the disk is gone")

    async def make() -> Engine:
        return Torn()

    wired = Wired(make)
    wired.thread.start()
    assert wired.thread.stop(5)
    assert "the disk is gone" in caplog.text


def test_only_commands_of_the_engine_can_be_named(wired: Wired) -> None:
    for name in ("shut_down", "_private", "nothing"):
        with pytest.raises(AttributeError):
            getattr(wired.thread.api, name)
