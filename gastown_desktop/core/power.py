"""What runs on a battery: with little of it left nothing more is begun."""

from __future__ import annotations

from dataclasses import dataclass

_LOW_PERCENT = 15


@dataclass(frozen=True, slots=True)
class Power:
    """Where the machine's power comes from."""

    on_battery: bool = False
    percent: int = 100
    """What is left of the battery."""

    @property
    def is_low(self) -> bool:
        """Whether it may soon be switched off."""
        return self.on_battery and self.percent < _LOW_PERCENT


MAINS = Power()
"""Of a machine without a battery, or of which nothing is known."""
