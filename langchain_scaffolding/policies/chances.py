"""With what probability each model is tried first, and drawing one."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence


def sampling_chances(
    worth: Sequence[float], variances: Sequence[float], *, temper: float, looks: Collection[int], share: float
) -> list[float]:
    """Maillard sampling: the probability of each falls with the square of how far it is behind, in standard deviations.

    From Bian and Jun, ICML 2022; tempered.

    Args:
        worth: What is expected of each.
        variances: How little is known of it.
        temper: 1 is full sampling, towards 0 the best is always taken.
        looks: The places that get a share of their own.
        share: That share.

    Example:
        >>> chances = sampling_chances([1.0, 0.5, 0.0], [0.1, 0.1, 2.0], temper=1.0, looks=[], share=0.0)
        >>> [round(chance, 2) for chance in chances]
        [0.48, 0.14, 0.38]
    """
    most, pull = max(worth), -0.5 / temper**2
    weights = [
        math.exp(pull * (behind := most - each) * behind / variance)
        for each, variance in zip(worth, variances, strict=True)
    ]
    scale = (1.0 - share * len(looks)) / sum(weights)
    chances = [weight * scale for weight in weights]
    for place in looks:
        chances[place] += share
    return chances


def draw(chances: Sequence[float], number: float) -> int:
    """The place that a random number from 0 to 1 falls on."""
    for place, chance in enumerate(chances):
        number -= chance
        if number < 0:
            return place
    return max(range(len(chances)), key=chances.__getitem__)  # the chances were rounded to a little less than 1
