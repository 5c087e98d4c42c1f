from __future__ import annotations

from math import sqrt
from random import Random

import pytest

from gastown_desktop.core.log_regression import Posterior, Prior

PRIOR = Prior(spreads={"level": 1.0, "large": 0.5}, noise=1.0, weight=4.0)


def test_the_level_is_drawn_from_the_mean_towards_the_prior_as_reckoned_by_hand() -> None:
    posterior = Posterior(PRIOR, [({"level": 1.0}, 2.0)] * 3)
    assert posterior.mean({"level": 1.0}) == pytest.approx(3 * 2.0 / (3 + 1))
    assert posterior.mean({"level": 1.0, "large": 1.0}) == pytest.approx(1.5)


def test_two_effects_are_told_apart_as_reckoned_by_hand() -> None:
    # precision [[1 + 2, 1], [1, 4 + 1]], moments [3, 2]: the inverse times the moments is [13/14, 3/14].
    posterior = Posterior(PRIOR, [({"level": 1.0}, 1.0), ({"level": 1.0, "large": 1.0}, 2.0)])
    assert posterior.mean({"level": 1.0}) == pytest.approx(13 / 14)
    assert posterior.mean({"large": 1.0}) == pytest.approx(3 / 14)


@pytest.mark.parametrize("count", [0, 1, 5, 50])
def test_draws_are_as_wide_as_the_observations_leave_it(count: int) -> None:
    observed = [({"level": 1.0}, 0.1 * (-1) ** number) for number in range(count)]
    posterior, random = Posterior(PRIOR, observed), Random(7)
    drawn = [posterior.draw(random) for _ in range(4_000)]
    levels = [one.effects["level"] for one in drawn]
    # The square of the noise is inverse-gamma: its mean is scale over shape - 1.
    squares = 4.0 + 0.01 * count - (0.1 * (count % 2)) ** 2 / (count + 1)
    noise = squares / 2 / ((4 + count) / 2 - 1)
    assert sum(one.noise**2 for one in drawn) / 4_000 == pytest.approx(noise, rel=0.15)
    spread = sqrt(sum((one - posterior.mean({"level": 1.0})) ** 2 for one in levels) / 4_000)
    assert spread == pytest.approx(sqrt(noise / (count + 1)), rel=0.15)
