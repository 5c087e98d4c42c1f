"""Who works one after the other: beads on the same serial files, and resolvers of conflicts in the same file.

Of two resolvers in one file the first that merges overtakes the other, which then has worked for nothing, and
each is turned down a few times only before the user is asked.
"""

from __future__ import annotations

from collections.abc import Iterable

from gastown_desktop.core.ids import BeadId
from gastown_desktop.core.serialising import serial_groups
from gastown_desktop.engine.kit import Kit

_UNDER_WAY = frozenset({"hooked", "submitted"})


def in_turn(kit: Kit, ready: Iterable[BeadId]) -> list[BeadId]:
    """Those that may begin now: one for each file that they would meet in, if nobody is at work on it."""
    state = kit.bus.state
    meets = {**_serial_files(kit), **_conflicts(kit)}
    under_way = [
        bead for bead in meets if state.beads[bead].status in _UNDER_WAY and bead not in kit.waiting.beads
    ]
    taken = {place for bead in under_way for place in meets[bead]}
    chosen: list[BeadId] = []
    for bead in ready:
        places = meets.get(bead, set())
        if not places & taken:
            chosen.append(bead)
            taken |= places
    return chosen


def _serial_files(kit: Kit) -> dict[BeadId, set[str]]:
    """The serial patterns that each bead expects to share with another."""
    beads = kit.bus.state.beads
    files = {bead: view.bead.files for bead, view in beads.items() if view.bead.kind != "resolve"}
    meets: dict[BeadId, set[str]] = {}
    for pattern, group in serial_groups(files, kit.serialising).items():
        for bead in group:
            meets.setdefault(bead, set()).add(f"serial {pattern}")
    return meets


def _conflicts(kit: Kit) -> dict[BeadId, set[str]]:
    """The paths of the conflict that each resolver has before it."""
    beads = kit.bus.state.beads
    return {bead: set(view.bead.files) for bead, view in beads.items() if view.bead.kind == "resolve"}
