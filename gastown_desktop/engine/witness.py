"""The Witness at work: looks at every worker now and then, and acts as the rules say. It asks no model."""

from __future__ import annotations

from gastown_desktop.core import events as ev
from gastown_desktop.core.ids import PolecatName
from gastown_desktop.core.witness import Finding, Health, Sighting, classify
from gastown_desktop.engine.kit import Kit
from gastown_desktop.engine.supervisor import Supervisor, Worker

LOOKS_EVERY_S = 30.0
_WAITING_STATES = frozenset({"waiting", "paused"})


class Witness:
    """Watches the workers of one convoy."""

    def __init__(self, kit: Kit, supervisor: Supervisor) -> None:
        """Begins with nobody known."""
        self._kit = kit
        self._supervisor = supervisor
        self._shown: dict[PolecatName, Health] = {}

    async def run(self) -> None:
        """Looks again and again; ends by cancellation."""
        while True:
            await self._kit.clock.sleep(LOOKS_EVERY_S)
            self.look()

    def look(self) -> None:
        """Looks once at everybody."""
        workers = self._supervisor.workers
        self._shown = {name: health for name, health in self._shown.items() if name in workers}
        for name, worker in list(workers.items()):
            self._act(name, classify(self._sighting(name, worker)))

    def _sighting(self, name: PolecatName, worker: Worker) -> Sighting:
        now, state = self._kit.clock.monotonic(), self._kit.bus.state
        view = state.polecats.get(name)
        bead = state.beads[worker.bead]
        held_back = self._kit.line.holds_back or worker.bead in self._kit.waiting.beads
        held_back = held_back or worker.bead in self._kit.first.held_back
        if held_back:
            worker.seen_at = worker.progress_at = now  # time that it waited is no time that it stood still
        return Sighting(
            state=view.state if view else "starting",
            silent_s=now - worker.seen_at,
            idle_s=now - worker.progress_at,
            alive=worker.task is not None and not worker.task.done(),
            has_hook=True,
            landed=bead.status in {"merged", "landed"},
            waits=held_back or (view is not None and view.state in _WAITING_STATES),
            deaths=bead.deaths,
        )

    def _act(self, name: PolecatName, finding: Finding) -> None:
        if finding.action in {"restart", "ask"}:
            self._supervisor.end(name, finding)
        if self._shown.get(name, "healthy") != finding.health:
            self._shown[name] = finding.health
            health = ev.HealthChanged(
                rig=self._kit.rig.id, polecat=name, health=finding.health, reason=finding.reason
            )
            self._kit.bus.show(health)
