"""The convoys of the open repository: one may run, each may be looked at and changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from gastown_desktop.adapters.git.user_repository import Fingerprint, fingerprint
from gastown_desktop.adapters.keychain import Keychain
from gastown_desktop.adapters.settings_file import read_settings
from gastown_desktop.adapters.town_store import read_lines
from gastown_desktop.core import events as ev
from gastown_desktop.core.errors import GasTownError, Refused
from gastown_desktop.core.event_lines import decode
from gastown_desktop.core.ids import ConvoyId
from gastown_desktop.core.providers import provider_at
from gastown_desktop.engine.git_ports import GitObjects
from gastown_desktop.engine.hooks import Hook
from gastown_desktop.engine.metering import Meter
from gastown_desktop.engine.town import Town
from gastown_desktop.engine.work import StoredWork
from gastown_desktop.paths import settings_file
from gastown_desktop.wiring.access import ModelAccess, find_access
from gastown_desktop.wiring.histories import history_files
from gastown_desktop.wiring.running import Listening, Running, write_result
from gastown_desktop.wiring.stored import Stored, load_stored, running
from gastown_desktop.wiring.troubles import trouble_of
from gastown_desktop.wiring.workplace import Workplace, enter, open_workplace

_ANSWERED_S = 10.0
"""So long a convoy at its end waits for what the window asked of it."""
LINGER_S = 5.0
"""How long a convoy that was looked at keeps its rig, so that looking again is quick."""
MOST_HISTORIES = 12
_NOT_READ = Fingerprint({})

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
Prepare = Callable[[Workplace, GitObjects], Awaitable[Stored]]


@dataclass(slots=True)
class _Wired:
    """A convoy with everything that serves it, under its rig's lock."""

    run: Running
    stack: AsyncExitStack
    users: int = 0
    used: int = 0
    """Counts the uses, so that an old timer knows that it is out of date."""
    town: Town | None = None
    task: asyncio.Task[None] | None = None
    begun: bool = False
    """Its task made its first step; cancelled before that, it would never come to its own end."""
    stopping: bool = False
    held: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    unused: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def convoy(self) -> ConvoyId:
        """Which convoy it is."""
        return self.run.convoy


class Convoys:
    """Runs one convoy of a repository at a time, and opens others for what is asked of them.

    A rig belongs to one process at a time: it is taken while a convoy runs or is being looked at, and given
    back some seconds later, so that the command line may work beside an idle window.
    """

    def __init__(
        self,
        path: Path,
        data_override: Path | None,
        show: Callable[[ev.Envelope | ev.EphemeralEvent], None],
        group: asyncio.TaskGroup,
        linger_s: float = LINGER_S,
    ) -> None:
        """Opens nothing yet.

        Args:
            path: the checkout.
            data_override: what `--data-dir` says.
            show: takes every event.
            group: where convoys run.
            linger_s: how long a convoy that was looked at keeps its rig.
        """
        self._path = path
        self._override = data_override
        self._show = show
        self._group = group
        self._linger_s = linger_s
        self._closing = asyncio.Event()
        self._switching = asyncio.Lock()
        self._wired: _Wired | None = None

    # --- looking ---

    async def tell_histories(self, workplace: Workplace) -> tuple[ConvoyId, ...]:
        """Shows the newest stored histories, oldest first; returns their convoys, newest first."""
        told: list[ConvoyId] = []
        for file in reversed(history_files(workplace)[:MOST_HISTORIES]):
            try:
                envelopes = [decode(line) for line in read_lines(file)]
            except GasTownError:
                _log.exception("the history %s cannot be read", file.name)
                continue
            for envelope in envelopes:
                self._show(envelope)
            if envelopes:
                told.append(envelopes[0].event.convoy)
        return tuple(reversed(told))

    def running(self, convoy: ConvoyId | None = None) -> bool:
        """Whether a convoy, or this one, runs."""
        wired = self._wired
        return wired is not None and wired.task is not None and convoy in {None, wired.convoy}

    def run_of(self, convoy: ConvoyId) -> Running | None:
        """What serves a convoy that runs; None when it does not."""
        return self._wired.run if self._wired is not None and self.running(convoy) else None

    async def put_caps_in_force(self) -> None:
        """The convoy that runs is under its caps as they are now; whom a higher one lets goes on.

        Convoys that do not run read them when they go on.
        """
        wired = self._wired
        if wired is None or wired.task is None:
            return
        if await wired.run.raised_caps() and wired.town is not None:
            await wired.town.cap_raised()

    def tell_run(self, *, held: bool | None = None) -> None:
        """Tells how the convoy runs, after a change of its fleet or of whether it is held."""
        wired = self._wired
        if wired is None or wired.task is None:
            return
        wired.held = wired.held if held is None else held
        self._show(
            ev.RunChanged(
                rig=wired.run.workplace.rig.id,
                convoy=wired.convoy,
                running=True,
                polecats=wired.run.settings.polecats,
                held=wired.held,
            )
        )

    def town(self, convoy: ConvoyId) -> Town | None:
        """The town of a convoy that runs; None when it does not."""
        return self._wired.town if self._wired is not None and self.running(convoy) else None

    @asynccontextmanager
    async def wired(self, convoy: ConvoyId) -> AsyncIterator[Running]:
        """A convoy with everything that serves it, running or not.

        Raises:
            Refused: another one runs here, or another process has the rig.
        """
        async with self._switching:
            wired = self._wired
            if wired is None or wired.convoy != convoy:
                await self._let_go()
                wired = self._wired = await self._wire(lambda _, objects: load_stored(objects, convoy))
            wired.users += 1
            wired.used += 1
            wired.unused.clear()
        try:
            yield wired.run
        finally:
            wired.users -= 1
            if not wired.users:
                wired.unused.set()
            if wired.task is None and not wired.users:
                self._group.create_task(self._linger(wired, wired.used), name="linger")

    async def beside(self, ask: Callable[[Workplace, GitObjects], Awaitable[_T]]) -> _T:
        """Asks the repository something that no convoy is needed for.

        Raises:
            Refused: another process has the rig.
        """
        async with self._switching:
            wired = self._wired
            if wired is not None:
                return await ask(wired.run.workplace, wired.run.objects)
            workplace = await open_workplace(self._path, self._override)
            try:
                return await ask(workplace, await enter(workplace))
            finally:
                await workplace.close()

    # --- running ---

    async def begin(self, prepare: Prepare, *, merges_only: bool = False) -> ConvoyId:
        """Starts a convoy; returns once it runs.

        Args:
            prepare: gives the convoy, once the rig is taken.
            merges_only: only what was handed in goes on.

        Raises:
            Refused: one runs already, or another process has the rig.
        """
        async with self._switching:
            if self.running():
                raise Refused(
                    "A convoy runs here already.",
                    safe="It goes on as it is.",
                    remedy="Stop it, or wait until it ends.",
                )
            await self._let_go()
            wired = await self._wire(prepare, to_run=True)
            try:
                hooks = await wired.run.begin()
            except BaseException:
                await wired.stack.aclose()
                raise
            wired.town = wired.run.whole_town(merges_only=merges_only)
            self._wired = wired
            wired.task = self._group.create_task(self._work(wired, hooks), name=f"run {wired.convoy}")
        return wired.convoy

    async def stop(self, convoy: ConvoyId | None = None) -> None:
        """Stops what runs, at once and in order; returns when everything is closed."""
        wired = self._wired
        if wired is None or not self.running(convoy) or wired.task is None:
            return
        wired.stopping = True
        if wired.begun:
            wired.task.cancel()
        await wired.ended.wait()

    async def wait_for_end(self, convoy: ConvoyId) -> None:
        """Waits until a convoy that is at its end is closed; returns at once where it does not run."""
        wired = self._wired
        if wired is not None and self.running(convoy):
            await wired.ended.wait()

    async def close(self) -> None:
        """Stops what runs and gives the rig back, for good: nothing lingers any more."""
        await self.stop()
        self._closing.set()
        async with self._switching:
            await self._let_go(wait=False)

    async def _work(self, wired: _Wired, hooks: list[Hook]) -> None:
        assert wired.town is not None
        run, wired.begun = wired.run, True
        where: Any = {"rig": run.workplace.rig.id, "convoy": wired.convoy}
        polecats = run.settings.polecats
        self._show(ev.RunChanged(**where, running=True, polecats=polecats))
        try:
            if not wired.stopping:
                await self._to_the_end(run, wired.town, hooks)
        except Exception as error:  # noqa: BLE001 - the end of a run: logged, and told to the user
            trouble = trouble_of(error)
            _log.exception("the convoy %s stopped", wired.convoy)
            if trouble is None:
                trouble = GasTownError(
                    f"The program met a defect of its own ({type(error).__name__}).",
                    safe="All finished turns and merges are kept.",
                    remedy="Resume the convoy; the log says more.",
                )
            shown = ev.Troubled(**where, what=str(trouble), safe=trouble.safe, remedy=trouble.remedy)
            self._show(shown)
        finally:
            ended = ev.RunChanged(**where, running=False, polecats=polecats)
            await asyncio.shield(self._end(wired, ended))

    async def _to_the_end(self, run: Running, town: Town, hooks: list[Hook]) -> None:
        await run.work(town, hooks)
        result = await run.result(Listening(), checked=False)
        await asyncio.to_thread(write_result, run.result_file, result)

    async def _end(self, wired: _Wired, told: ev.RunChanged) -> None:
        """Closes everything once what was asked of it is answered; who waits for the end finds it told."""
        if self._wired is wired:
            self._wired = None
        if wired.users:
            with suppress(TimeoutError):
                async with asyncio.timeout(_ANSWERED_S):
                    await wired.unused.wait()
        try:
            await wired.stack.aclose()
        finally:
            self._show(told)
            wired.ended.set()

    async def _wire(self, prepare: Prepare, *, to_run: bool = False) -> _Wired:
        """Opens a convoy; one that is to run has the way to its model, and the repository is remembered.

        Raises:
            Refused: another process has the rig, or there is no key for the model.
            KeyringUnavailable: the keyring cannot be asked for it.
        """
        async with AsyncExitStack() as stack:
            workplace = await open_workplace(self._path, self._override)
            stack.push_async_callback(workplace.close)
            before = await fingerprint(workplace.git, workplace.facts) if to_run else _NOT_READ
            objects = await enter(workplace)
            stored = await prepare(workplace, objects)
            access = await self._access(stored) if to_run and isinstance(stored, StoredWork) else None
            run = await stack.enter_async_context(running(workplace, objects, stored, before, access))
            run.town.kit.bus.listen(self._show)
            Meter(run.town.gate, run.town.kit.bus, workplace.rig.id).tell_all()
            return _Wired(run, stack.pop_all())

    async def _access(self, work: StoredWork) -> ModelAccess:
        """The way to the model of real work: its key is in the keyring, whatever the environment says."""
        silence_s = read_settings(settings_file(self._override)).silence_s
        provider = provider_at(work.settings.base_url)
        return await find_access(provider, Keychain(), {}, silence_s=silence_s)

    async def _let_go(self, *, wait: bool = True) -> None:
        """Closes what is only looked at.

        Raises:
            Refused: it runs, so that nothing else can be opened here.
        """
        wired = self._wired
        if wired is None:
            return
        if wired.task is not None:
            raise Refused(
                "Another convoy runs here.",
                safe="It goes on as it is.",
                remedy="Stop it first, or wait until it ends.",
            )
        if wait and wired.users:
            await wired.unused.wait()
        self._wired = None
        await wired.stack.aclose()

    async def _linger(self, wired: _Wired, used: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._linger_s):
                await self._closing.wait()
        async with self._switching:
            if self._wired is wired and wired.used == used and not wired.users and wired.task is None:
                with suppress(GasTownError):
                    await self._let_go()
