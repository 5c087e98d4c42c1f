"""How far a gate's red can be trusted: arithmetic over what a gate said of trees that are known to be good.

A tree is known to be good for a gate once the gate was green on it. A red of the same tree, before or after,
is a *flip*: the gate was red by chance. From runs and flips follows how many reds in a row a tree needs
before chance is no explanation any more.
"""

from __future__ import annotations

from dataclasses import dataclass

CHANCE = 1e-5
"""Most that the chance of blaming a good change may be. A fleet of thirty has thousands of trees gated a
month, so one in ten thousand would blame somebody innocent every few weeks."""
LEAST_REDS = 2
"""Nobody is blamed for a single red, however steady the gate was so far."""
MOST_REDS = 25
"""More reds in a row are never asked for: this many are rarer than `CHANCE` up to a flake rate of 63 %."""
USELESS = 0.5
"""Flake rate above which a gate's reds say nothing."""
_ALPHA, _BETA = 0.5, 9.5
"""Prior of the flake rate: 5 % on average, most of it below 2 %; weighs as much as ten runs."""
_KEPT_RUNS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FlakeRecord:
    """What is remembered of one gate, over all convoys of a rig."""

    runs: int = 0
    """Runs on trees that are known to be good."""
    flips: int = 0
    """How many of them were red."""

    @property
    def rate(self) -> float:
        """Expected share of good trees that it is red on, between 0 and 1: the mean of the posterior."""
        return (_ALPHA + self.flips) / (_ALPHA + _BETA + self.runs)

    @property
    def quarantined(self) -> bool:
        """Whether it was red by chance: then its reds are doubted for as long as that is remembered."""
        return self.flips > 0

    def plus(self, *, runs: int, flips: int) -> FlakeRecord:
        """So many more runs and flips; a long record is halved, so that a mended gate is trusted again."""
        more = FlakeRecord(runs=self.runs + runs, flips=self.flips + flips)
        if more.runs <= _KEPT_RUNS:
            return more
        return FlakeRecord(runs=more.runs // 2, flips=more.flips // 2)


def lesson(*, green: bool, known_good: bool, reds: int) -> tuple[int, int]:
    """What one more run on some tree teaches about a gate, as runs and flips to add to its record.

    Args:
        green: how the run ended.
        known_good: the gate was green on this tree before.
        reds: how often it was red on this tree, if it was never green: all of them turn into flips when this
            run is green. While it is not, they prove nothing about the gate.
    """
    if known_good:
        return 1, 0 if green else 1
    return (1 + reds, reds) if green else (0, 0)


def reds_needed(record: FlakeRecord) -> int | None:
    """Reds in a row, the first one included, after which a tree is to blame and not chance.

    The chance that a good tree is red n times in a row is taken over all flake rates that fit the record
    (posterior predictive of a Beta), so a short record asks for more: 8 without any run, 7 after three good
    ones, 4 after 20, 2 after 264.

    Returns:
        At least `LEAST_REDS`, at most `MOST_REDS`; None when the gate's reds blame nobody.
    """
    if record.rate > USELESS:
        return None
    alpha, weight = _ALPHA + record.flips, _ALPHA + _BETA + record.runs
    chance, reds = 1.0, 0
    while reds < MOST_REDS and (chance > CHANCE or reds < LEAST_REDS):
        chance *= (alpha + reds) / (weight + reds)
        reds += 1
    return reds


def describe(gate: str, record: FlakeRecord) -> str:
    """One sentence for a gate in quarantine."""
    share = f"{record.flips} of {record.runs} runs on good trees were red"
    needed = reds_needed(record)
    if needed is None:
        return f"{gate} is red by chance more often than not ({share}): its reds blame nobody."
    return f"{gate} is in quarantine, {share}: a red of it counts only after {needed} in a row."
