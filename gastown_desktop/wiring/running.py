"""A convoy that is wired and can run, whoever answers for the model."""

from __future__ import annotations

import asyncio
import json
import resource as limits
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gastown_desktop.adapters.git.janitor import Janitor
from gastown_desktop.adapters.git.user_repository import Fingerprint, differences, fingerprint
from gastown_desktop.adapters.memory import give_back
from gastown_desktop.adapters.power import awake_at_work
from gastown_desktop.adapters.sleep_signal import watch_sleep
from gastown_desktop.adapters.whole_file import write_whole
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import Refused
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.engine.bill import Absence, LimitLine
from gastown_desktop.engine.billing import limits_of
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.hooks import Hook
from gastown_desktop.engine.recovery import reconcile
from gastown_desktop.engine.rehearsal import RehearsalSettings
from gastown_desktop.engine.rehearsal_result import RunMeasured
from gastown_desktop.engine.town import Town
from gastown_desktop.engine.work import WorkSettings
from gastown_desktop.wiring.town_parts import WiredTown, clear_slots
from gastown_desktop.wiring.workplace import Workplace

_TIDIES_EVERY_S = 300.0


def _say_nothing(*_: object) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Who hears how a preparation goes on."""

    say: Callable[[str], None] = _say_nothing
    """Hears sentences."""
    planned: Callable[[int, int], None] = _say_nothing
    """Hears (done, all) beads."""


@dataclass(slots=True, kw_only=True)
class Running(ABC):
    """A convoy that is wired and can run, several times where it stops in between."""

    workplace: Workplace
    objects: GitObjects
    town: WiredTown
    before: Fingerprint
    """The user's repository before anything was done."""
    started: float = field(default_factory=time.monotonic)
    at_work: Town | None = None
    """Its town while it runs."""

    @property
    @abstractmethod
    def convoy(self) -> ConvoyId:
        """Which convoy it is."""

    @property
    @abstractmethod
    def settings(self) -> RehearsalSettings | WorkSettings:
        """What the user asked for."""

    @property
    @abstractmethod
    def result_file(self) -> Path:
        """Where the window keeps what a run came to."""

    @abstractmethod
    async def announce(self) -> None:
        """Makes branches and convoy, where an earlier process did not."""

    @abstractmethod
    async def keep(self, *, cap: int, polecats: int) -> None:
        """Writes a cap in nano-dollars and a number of workers down."""

    @abstractmethod
    def whole_town(self, *, merges_only: bool = False) -> Town:
        """Dispatcher, polecats and Refinery, as the settings have them.

        Args:
            merges_only: nothing new is begun but what lets handed-in work merge.
        """

    @abstractmethod
    async def result(self, listening: Listening, *, checked: bool) -> dict[str, Any]:
        """Measures what was done, as JSON values.

        Args:
            listening: hears what changed in the user's repository, and what a checker found.
            checked: also replay all landings.
        """

    async def set_caps(self) -> None:
        """Puts the caps in force that this convoy has now."""
        await self._set_cap(NanoUsd(self.settings.cap))

    def limits(self) -> tuple[LimitLine, ...]:
        """The limits that hold for this convoy, and where they stand."""
        return limits_of(self.town.gate.ledger, self.town.kit.scopes[0])

    def absence(self) -> Absence | None:
        """How long the user is away; None where they are not."""
        return None

    async def raised_caps(self) -> bool:
        """Puts the caps in force anew; tells whether the convoy has more room by it."""
        ledger, scope = self.town.gate.ledger, self.town.kit.scopes[0]
        old = ledger.totals(scope).cap
        await self.set_caps()
        new = ledger.totals(scope).cap
        return old is not None and new is not None and new > old

    async def change(self, *, cap: int | None = None, polecats: int | None = None) -> None:
        """Writes another cap in nano-dollars, or another number of workers down."""
        now = self.settings
        await self.keep(
            cap=now.cap if cap is None else cap, polecats=now.polecats if polecats is None else polecats
        )

    async def begin(self) -> list[Hook]:
        """Connects the model, brings the history up to date, sets the cap; returns hooks that go on."""
        kit, gate = self.town.kit, self.town.gate
        resumed = bool(kit.bus.state.convoy)
        orphans = await gate.open(self.town.model)
        await self.announce()
        hooks = await reconcile(kit)
        if resumed:
            await kit.bus.publish(self._recovered(orphans, len(hooks)))
        await self.set_caps()
        return hooks

    async def work(self, whole: Town, hooks: list[Hook]) -> None:
        """Runs the town to its end; slots stay only for an interrupted run, which goes on with them.

        Raises:
            Refused: strict gates were asked for and none sees.
            TripwirePulled, StoreError, GitError: the fleet was stopped.
        """
        self.at_work = whole
        try:
            launcher, sleep = self.workplace.launcher, self.town.gate.sleep
            async with (
                awake_at_work(launcher) as tell_rest,
                watch_sleep(launcher, sleep.tell),
                self._tidied(),
            ):
                whole.listen_for_rest(tell_rest)
                await whole.run(hooks)
        except Refused:
            await clear_slots(self.town.slots)
            raise
        finally:
            self.at_work = None
        await clear_slots(self.town.slots)

    @asynccontextmanager
    async def _tidied(self) -> AsyncIterator[None]:
        """The rig's own repository and memory are looked after now and then in this block, and at its end."""
        janitor, clock = Janitor(self.workplace.git, self.workplace.rig.town_git), self.town.kit.clock

        async def now_and_then() -> None:
            while True:
                await clock.sleep(_TIDIES_EVERY_S)
                await janitor.tidy()
                give_back()

        at_it = asyncio.ensure_future(now_and_then())
        try:
            yield
        finally:
            at_it.cancel()
            with suppress(asyncio.CancelledError):
                await at_it
        await janitor.tidy()
        give_back()

    async def _set_cap(self, cap: NanoUsd) -> None:
        """Sets the convoy's cap, and tells of it, unless it is so already."""
        kit, gate = self.town.kit, self.town.gate
        scope = kit.scopes[0]
        old = gate.ledger.totals(scope).cap
        if old != cap:
            await gate.set_cap(scope, cap)
            await kit.bus.publish(ev.CapChanged(**kit.where, scope=scope, old=old, new=cap))

    def _recovered(self, orphans: int, hooks: int) -> ev.Recovered:
        return ev.Recovered(
            **self.town.kit.where,
            assumed_requests=orphans,
            killed_children=self.workplace.swept,
            facts=(f"{hooks} workers go on",),
        )

    async def _measured(self, listening: Listening) -> RunMeasured:
        """What only this process knows; says what changed in the user's repository."""
        place = self.workplace
        changed = differences(self.before, await fingerprint(place.git, place.facts))
        for difference in changed:
            listening.say(f"Your repository changed meanwhile: {difference}")
        cpu = place.launcher.cpu_by_kind
        return RunMeasured(
            elapsed_s=time.monotonic() - self.started,
            cpu_self_s=time.process_time(),
            cpu_git_s=cpu.get("git", 0.0),
            cpu_tools_s=sum(seconds for kind, seconds in cpu.items() if kind != "git"),
            peak_mb=limits.getrusage(limits.RUSAGE_SELF).ru_maxrss / 1024,
            user_repo_untouched=not changed,
            sandbox=self.town.sandbox.profile,
        )


def write_result(file: Path, result: dict[str, Any]) -> None:
    """Keeps what a run came to, whole or not at all.

    Raises:
        OSError: it cannot be written; an older one is as it was.
    """
    write_whole(file, json.dumps(result, indent=1).encode("utf-8"), durable=True)


def read_result(file: Path) -> dict[str, Any] | None:
    """What a run came to; None where it is not kept, or torn."""
    if not file.is_file():
        return None
    try:
        return json.loads(file.read_bytes())
    except ValueError:
        return None
