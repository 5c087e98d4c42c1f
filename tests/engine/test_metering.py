"""The meter: told of what moved, and of nothing else."""

from __future__ import annotations

from gastown_desktop.adapters.git.objects import PygitObjects
from gastown_desktop.core import events as ev
from gastown_desktop.core.money import NanoUsd
from gastown_desktop.engine.metering import Meter
from tests.fakes.town import found_town


async def test_only_scopes_that_moved_are_shown_and_all_of_them_on_request(objects: PygitObjects) -> None:
    town = await found_town(objects)
    await town.gate.set_cap("convoy:old", NanoUsd(5))
    shown: list[str] = []
    town.bus.listen(lambda one: shown.append(one.scope) if isinstance(one, ev.MeterMoved) else None)
    meter = Meter(town.gate, town.bus, town.kit.rig.id)
    await town.gate.set_cap("convoy:cv-1", NanoUsd(7))
    await town.gate.set_cap("convoy:cv-1", NanoUsd(7))
    assert shown == ["convoy:cv-1"]
    meter.tell_all()
    assert shown[1:] == ["convoy:old", "convoy:cv-1"]
