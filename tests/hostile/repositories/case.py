"""What a case is: what is planted, the effect that it has elsewhere, and the way through the program."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.hostile.repositories.ground import Ground
from tests.hostile.repositories.oracle import ran

Act = Callable[[Ground], Awaitable[None] | None]


def nothing(ground: Ground) -> None:
    """Plants nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One attack, done twice on the same ground: where nothing protects, and through the program."""

    name: str
    wish: str
    """What the attack is after."""
    plant: Callable[[Ground], None] = nothing
    """Prepares the ground; whatever it sets off by itself does not count."""
    control: Act
    """What has the effect: the plain command, or our own without the protection."""
    program: Act
    """The same through the program; asserts that the program did what it is for."""
    look: Callable[[Ground], list[str]] = ran
    """The effect, seen from outside; empty when there is none."""
    shares: str = ""
    """Cases with the same word here are planted together; the program goes its way once for all."""
    needs: tuple[str, ...] = ()
    """Programs without which it cannot be shown."""
    hole: str = ""
    """What is known to be open: the case fails until it is mended."""
