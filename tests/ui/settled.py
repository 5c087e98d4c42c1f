"""A town whose settings are kept in memory, for tests of the settings page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from gastown_desktop.core.errors import Refused
from gastown_desktop.engine.api import About, Configuration, GateWish, RunsList, Settings, System
from tests.fakes.engine_api import FakeEngineApi

PARTS = (("qasync", "0.28.0", "BSD-2-Clause"), ("pygit2", "1.21.0", "GPLv2 with linking exception"))
RUNS = RunsList(
    items=(("gate", "tests", "pytest"), ("gate", "lint", "ruff"), ("hook", "pre-commit", "sha256 0")),
    digest="d",
    trusted=True,
    confined=True,
)
CONFIGURATION = Configuration(
    present=True,
    gates=(GateWish(name="tests", command="pytest -q"), GateWish(name="lint", command="ruff check .")),
    runs=RUNS,
    ignored=("model", "theme"),
)


class SettledEngine(FakeEngineApi):
    """Keeps settings as the real one does, without a file."""

    def __init__(self, settings: Settings, **answers: Any) -> None:
        """Starts with these settings."""
        super().__init__(
            settings=lambda: self.stored,
            set_setting=self._set,
            system=System(git="2.43.0", sandbox="bubblewrap 0.8.0"),
            configuration=CONFIGURATION,
            about=About(version="0.1.0", licence="MIT", parts=PARTS),
        )
        self.answers |= answers
        self.stored = settings

    def _set(self, name: str, value: Any) -> Settings:
        if value == 13:
            raise Refused("Thirteen is refused here.", safe="Nothing was changed.")
        default = Settings(file=Path("f"), data=Path("d"))
        given = self.stored.given - {name} if value is None else self.stored.given | {name}
        wanted = getattr(default, name) if value is None else value
        self.stored = replace(self.stored, given=frozenset(given), **{name: wanted})
        return self.stored
