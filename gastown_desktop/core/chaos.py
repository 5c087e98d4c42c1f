"""Faults on purpose: which happen to a rehearsal is a matter of its seed, so that every run can be repeated.

Faults of the transport end by themselves: nothing of them may reach the user. Faults of behaviour are turns
that a worker did badly; some beads have one that lasts, and only those may need the user.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, get_args

TransportFault = Literal["overloaded", "rate_limited", "stalled", "cut", "malformed"]
"""529, 429, a stream that falls silent, one that breaks off, one with an event that is no JSON."""
Slip = Literal["bad_json", "cut_short", "again"]
"""One turn: a call whose input is no JSON, a reply cut by max_tokens, the same call once more."""
LastingFault = Literal["refusal", "loop", "red"]
"""A model that refuses, one that repeats itself for ever, one that breaks what the gates look at."""

TRANSPORT_FAULTS: tuple[TransportFault, ...] = get_args(TransportFault)
SLIPS: tuple[Slip, ...] = get_args(Slip)
LASTING_FAULTS: tuple[LastingFault, ...] = get_args(LastingFault)

_TRANSPORT_RATE = 0.15
_SLIP_RATE = 0.12
_RED_ONCE_RATE = 0.15
_LASTING_RATE = 0.12
_MOST_ATTEMPTS = 3
"""Attempts at one request that a fault may strike: a provider that never answers is another matter."""
_LATEST_TURN = 1
"""With this turn of a bead a lasting fault begins at the latest: every bead has it."""


@dataclass(frozen=True, slots=True)
class Chaos:
    """What goes wrong in one rehearsal."""

    seed: int

    def transport(self, work: str, turn: int, attempt: int) -> TransportFault | None:
        """What strikes an attempt at a request, if anything does.

        Args:
            work: names the bead by something that is the same in every run of this history.
            turn: of the bead.
            attempt: 0 for the first.
        """
        if attempt >= _MOST_ATTEMPTS or self._draw("transport", work, turn, attempt) >= _TRANSPORT_RATE:
            return None
        return TRANSPORT_FAULTS[self._pick(len(TRANSPORT_FAULTS), "which transport", work, turn, attempt)]

    def slip(self, work: str, turn: int) -> Slip | None:
        """What a worker does badly before a turn, if anything."""
        if self._draw("slip", work, turn) >= _SLIP_RATE:
            return None
        return SLIPS[self._pick(len(SLIPS), "which slip", work, turn)]

    def lasting(self, work: str) -> LastingFault | None:
        """The fault that a bead never gets rid of, if it has one."""
        if self._draw("lasting", work) >= _LASTING_RATE:
            return None
        return LASTING_FAULTS[self._pick(len(LASTING_FAULTS), "which lasting", work)]

    def lasting_from(self, work: str) -> int:
        """The turn with which a lasting fault begins."""
        return self._pick(_LATEST_TURN + 1, "from", work)

    def breaks_once(self, work: str) -> bool:
        """Whether a bead is handed in broken the first time."""
        return self._draw("red once", work) < _RED_ONCE_RATE

    def _draw(self, *about: object) -> float:
        """A number from 0 to 1 that depends on the seed and what it is about."""
        text = " ".join(map(str, (self.seed, *about)))
        return int.from_bytes(sha256(text.encode()).digest()[:6]) / 2**48

    def _pick(self, number: int, *about: object) -> int:
        return int(self._draw(*about) * number)
