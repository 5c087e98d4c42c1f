"""What all events that are kept begin with."""

from __future__ import annotations

from dataclasses import dataclass

from gastown_desktop.core.ids import ConvoyId, RigId


@dataclass(frozen=True, slots=True, kw_only=True)
class Durable:
    """Base of the events that are kept."""

    rig: RigId
    """The repository it happened in."""
    convoy: ConvoyId
    """The convoy whose history it belongs to."""
