"""The supervisor: runs each polecat to its outcome; a death is a restart from its hook, three of them ask."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from gastown_desktop.core import events as ev
from gastown_desktop.core.disk_errors import disk_trouble
from gastown_desktop.core.errors import MoneyError, StoreError
from gastown_desktop.core.ids import BeadId, PolecatName
from gastown_desktop.core.witness import MOST_DEATHS, Finding
from gastown_desktop.engine.holding import BY_YOU
from gastown_desktop.engine.hooks import Hook
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.polecat import Outcome, Polecat
from gastown_desktop.engine.telling import goes_on, tell_missing

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Worker:
    """One polecat at work; times are seconds of the clock that does not count sleep."""

    hook: Hook
    """As it was when the worker started, or started again."""
    seen_at: float
    """Its last sign of life."""
    progress_at: float
    """The end of its last turn, or when it began to work."""
    began_at: float = 0.0
    task: asyncio.Task[None] | None = None
    verdict: Finding | None = None
    """Why the Witness ends it."""
    stopped: bool = False
    """The user ends it."""

    @property
    def bead(self) -> BeadId:
        """What it works on."""
        return self.hook.assignment.bead


class Supervisor:
    """All polecats at work."""

    def __init__(self, kit: Kit, *, ended: Callable[[Outcome], None], died: Callable[[BeadId], None]) -> None:
        """Starts with nobody at work.

        Args:
            kit: what polecats share.
            ended: hears how each polecat ended.
            died: hears of each death, by the bead.
        """
        self._kit = kit
        self._ended = ended
        self._died = died
        self.workers: dict[PolecatName, Worker] = {}
        self._worked_s = 0.0
        kit.bus.listen(self._heard)

    def worker_s(self) -> float:
        """Seconds that workers were at work so far, added up."""
        now = self._kit.clock.monotonic()
        return self._worked_s + sum(now - worker.began_at for worker in self.workers.values())

    def start(self, group: asyncio.TaskGroup, hook: Hook) -> None:
        """Starts a polecat on its hook."""
        now, name = self._kit.clock.monotonic(), hook.assignment.polecat
        worker = Worker(hook, seen_at=now, progress_at=now, began_at=now)
        self.workers[name] = worker
        worker.task = group.create_task(self._run(name, worker), name=f"polecat {name}")

    def end(self, name: PolecatName, verdict: Finding) -> None:
        """Ends a worker that makes no progress: it starts again from its hook, or asks."""
        worker = self.workers[name]
        if worker.task is not None and worker.verdict is None:
            worker.verdict = verdict
            worker.task.cancel()

    async def stop(self, bead: BeadId) -> None:
        """Ends a bead's worker for the user; returns when it stands still, its hook as git has it."""
        worker = next((one for one in self.workers.values() if one.bead == bead), None)
        if worker is None or worker.task is None:
            return
        worker.stopped = True
        worker.task.cancel()
        await asyncio.wait({worker.task})
        name = worker.hook.assignment.polecat
        if self.workers.get(name) is worker:
            del self.workers[name]
        head = await self._kit.objects.read_ref(self._kit.refs.hook(name))
        if head is None:
            return
        hook = await self._kit.hooks.load(head)
        await tell_missing(self._kit, hook)
        if goes_on(self._kit, hook):
            paused = ev.PolecatStateChanged(**self._kit.where, polecat=name, state="paused", reason=BY_YOU)
            await self._kit.bus.publish(paused)
        self._ended("held")

    async def _run(self, name: PolecatName, worker: Worker) -> None:
        try:
            while not await self._attempt(worker):
                now = self._kit.clock.monotonic()
                worker.seen_at = worker.progress_at = now
        finally:
            self._worked_s += self._kit.clock.monotonic() - worker.began_at
            del self.workers[name]
            self._kit.bus.show(ev.ActionChanged(rig=self._kit.rig.id, polecat=name, action=""))

    async def _attempt(self, worker: Worker) -> bool:
        """Works once; tells whether that was the end."""
        try:
            self._ended(await Polecat(self._kit, worker.hook).work())
        except asyncio.CancelledError:
            task, verdict = asyncio.current_task(), worker.verdict
            if task is None or (verdict is None and not worker.stopped):
                raise
            task.uncancel()
            if verdict is None or worker.stopped:
                return True
            worker.verdict = None
            return await self._after(worker, verdict.reason, asks=verdict.action == "ask")
        except (StoreError, MoneyError):
            raise
        except Exception as error:
            if (trouble := disk_trouble(error)) is not None:
                raise trouble from error
            _log.exception("polecat %s died", worker.hook.assignment.polecat)
            self._died(worker.bead)
            return await self._after(worker, f"{type(error).__name__}: {error}", asks=False)
        return True

    async def _after(self, worker: Worker, reason: str, *, asks: bool) -> bool:
        """Begins again from the hook, or asks; tells whether that was the end."""
        kit, name = self._kit, worker.hook.assignment.polecat
        head = await kit.objects.read_ref(kit.refs.hook(name))
        if head is not None:
            worker.hook = await kit.hooks.load(head)
            await tell_missing(kit, worker.hook)
            if worker.hook.submitted is not None:
                return True
        deaths = kit.bus.state.beads[worker.bead].deaths + 1
        if not asks and deaths < MOST_DEATHS:
            again = ev.PolecatStateChanged(
                **kit.where, polecat=name, state="starting", reason=reason, death=True
            )
            await kit.bus.publish(again)
            return False
        text = f"Its worker was ended: {reason}" if asks else f"Its worker died {deaths} times: {reason}"
        epoch = worker.hook.assignment.epoch
        need = ev.NeedsYou(
            **kit.where, item=f"{worker.bead}:stuck:{epoch}", about="stuck", text=text, bead=worker.bead
        )
        await kit.bus.publish(need)
        if head is not None:
            await kit.hooks.give_up(worker.hook)
        return True

    def _heard(self, event: ev.Envelope | ev.EphemeralEvent) -> None:
        """Every event about a worker is a sign of life; a turn that ended is progress, and that it begins."""
        inner = event.event if isinstance(event, ev.Envelope) else event
        name = getattr(inner, "polecat", None)
        worker = self.workers.get(PolecatName(name)) if isinstance(name, str) else None
        if worker is None or isinstance(inner, ev.HealthChanged):
            return
        worker.seen_at = self._kit.clock.monotonic()
        begins = isinstance(inner, ev.PolecatStateChanged) and inner.state == "working"
        if isinstance(inner, ev.TurnEnded) or begins:
            worker.progress_at = worker.seen_at
