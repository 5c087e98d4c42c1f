"""A log-normal regression with a prior: what a few noisy costs say of the next ones, and how surely.

`log y = x·β + ε`, ε normal with variance σ². The prior is conjugate: σ² inverse-gamma, β normal around zero
with variances in units of σ² (A. Gelman et al., Bayesian Data Analysis, 3rd ed., 14.8). With few observations
the posterior is wide and near the prior; both uncertainties, of β and of σ, go into every draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from random import Random

Row = Mapping[str, float]
"""Value of each named effect; an effect that is left out is zero."""
Matrix = list[list[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is believed before anything was seen."""

    spreads: Mapping[str, float]
    """Standard deviation of each effect, above zero; all have the mean zero."""
    noise: float
    """Standard deviation of an observation around its effects."""
    weight: float
    """How many observations the belief in `noise` is worth, above zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One state of the world that the observations allow."""

    effects: Mapping[str, float]
    noise: float

    def mean(self, row: Row) -> float:
        """The logarithm to expect."""
        return sum(value * self.effects[name] for name, value in row.items())


class Posterior:
    """What is believed after the observations."""

    def __init__(self, prior: Prior, observed: Sequence[tuple[Row, float]]) -> None:
        """Learns.

        Args:
            prior: what was believed before.
            observed: effects of each observation with its logarithm.
        """
        self._names = tuple(prior.spreads)
        places = {name: place for place, name in enumerate(self._names)}
        size = len(self._names)
        precision = [[0.0] * size for _ in range(size)]
        for name, spread in prior.spreads.items():
            precision[places[name]][places[name]] = (prior.noise / spread) ** 2
        moments = [0.0] * size
        for row, value in observed:
            for name, one in row.items():
                moments[places[name]] += one * value
                for other, two in row.items():
                    precision[places[name]][places[other]] += one * two
        self._lower = _cholesky(precision)
        self._mean = _backward(self._lower, _forward(self._lower, moments))
        explained = sum(mean * moment for mean, moment in zip(self._mean, moments, strict=True))
        squares = sum(value * value for _, value in observed)
        self._shape = (prior.weight + len(observed)) / 2
        self._scale = (prior.weight * prior.noise**2 + max(0.0, squares - explained)) / 2

    def mean(self, row: Row) -> float:
        """The logarithm to expect."""
        return sum(row.get(name, 0.0) * mean for name, mean in zip(self._names, self._mean, strict=True))

    def draw(self, random: Random) -> Drawn:
        """One possible world."""
        noise = sqrt(self._scale / random.gammavariate(self._shape, 1.0))
        away = _backward(self._lower, [random.gauss(0.0, 1.0) for _ in self._names])
        effects = {
            name: mean + noise * step for name, mean, step in zip(self._names, self._mean, away, strict=True)
        }
        return Drawn(effects=effects, noise=noise)


def _cholesky(matrix: Matrix) -> Matrix:
    """The lower triangle L with L·Lᵀ the matrix, which is symmetric and positive definite."""
    lower = [[0.0] * len(matrix) for _ in matrix]
    for row in range(len(matrix)):
        for column in range(row + 1):
            rest = matrix[row][column] - sum(lower[row][k] * lower[column][k] for k in range(column))
            lower[row][column] = sqrt(rest) if row == column else rest / lower[column][column]
    return lower


def _forward(lower: Matrix, values: Sequence[float]) -> list[float]:
    """Solves L·x = values."""
    found: list[float] = []
    for row, value in enumerate(values):
        rest = value - sum(lower[row][k] * found[k] for k in range(row))
        found.append(rest / lower[row][row])
    return found


def _backward(lower: Matrix, values: Sequence[float]) -> list[float]:
    """Solves Lᵀ·x = values."""
    size = len(values)
    found = [0.0] * size
    for row in range(size - 1, -1, -1):
        rest = values[row] - sum(lower[k][row] * found[k] for k in range(row + 1, size))
        found[row] = rest / lower[row][row]
    return found
