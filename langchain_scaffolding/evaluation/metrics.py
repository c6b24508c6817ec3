"""Measures of routing: what it gains for what it costs.

APGR and CPT are defined by Ong et al., RouteLLM: Learning to Route LLMs with Preference Data (arXiv 2406.18665), and
computed as in their `evals/evaluate.py`: ten bins of equal frequency, the trapezoidal rule, linear interpolation.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from langchain_scaffolding.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

BINS = 10


def trade_off(
    advantages: Sequence[float], strong: Sequence[float], weak: Sequence[float], *, bins: int = BINS
) -> tuple[list[float], list[float]]:
    """Shares of queries that go to the strong model, and the mean quality that comes of it, for rising shares.

    Args:
        advantages: For each query how much the router thinks the strong model gains.
        strong: Quality of the strong model's answers.
        weak: Quality of the weak model's answers.
        bins: Thresholds lie at the edges of this many bins of equal frequency.

    Raises:
        ConfigurationError: The three differ in length, or there is no query.
    """
    scores, gains, losses = (np.asarray(each, dtype=float) for each in (advantages, strong, weak))
    if not len(scores) or not len(scores) == len(gains) == len(losses):
        msg = f"Give as many advantages as qualities, at least one: {len(scores)}, {len(gains)} and {len(losses)}."
        raise ConfigurationError(msg)
    edges = np.unique(np.quantile(scores, np.linspace(0.0, 1.0, bins + 1)))
    points = []
    for place, edge in enumerate(edges):
        to_strong = scores >= edge if place < len(edges) - 1 else scores > edge
        points.append((float(to_strong.mean()), float(np.where(to_strong, gains, losses).mean())))
    points.sort()
    return [share for share, _ in points], [quality for _, quality in points]


def apgr(advantages: Sequence[float], strong: Sequence[float], weak: Sequence[float], *, bins: int = BINS) -> float:
    """Average performance gap recovered: 0 as the weak model, 1 as the strong one, 0.5 as a random router.

    More than 1 is possible, where the weak model is right and the strong one is not.

    Example:
        >>> apgr([0.9, 0.1, 0.8, 0.2], strong=[1, 1, 1, 1], weak=[0, 1, 0, 1], bins=4)
        0.75
    """
    shares, qualities = trade_off(advantages, strong, weak, bins=bins)
    low, high = float(np.mean(weak)), float(np.mean(strong))
    if low == high:
        msg = "The two models are equally good, so there is no gap that could be recovered."
        raise ConfigurationError(msg)
    return float((np.trapezoid(qualities, shares) - low) / (high - low))


def cpt(
    share: float, advantages: Sequence[float], strong: Sequence[float], weak: Sequence[float], *, bins: int = BINS
) -> float:
    """Call-performance threshold: the share of strong calls that recovers a share of the gap, from 0 to 1.

    Example:
        >>> cpt(0.5, [0.9, 0.1, 0.8, 0.2], strong=[1, 1, 1, 1], weak=[0, 1, 0, 1], bins=4)
        0.25
    """
    shares, qualities = trade_off(advantages, strong, weak, bins=bins)
    low, high = float(np.mean(weak)), float(np.mean(strong))
    reached, first = np.unique(np.maximum.accumulate(qualities), return_index=True)
    return float(np.interp(low + share * (high - low), reached, np.asarray(shares)[first]))


def recent_ranks(advantages: Sequence[float], *, window: int = 100) -> list[float]:
    """How each advantage stands among the last ones, from 0 to 1; what a policy that learns spends its budget by.

    While it learns, its advantages of different times are not of one scale.

    Example:
        >>> recent_ranks([0.1, 0.2, 0.15])
        [0.5, 0.75, 0.5]
    """
    ranks = []
    for place, advantage in enumerate(advantages):
        recent = advantages[max(0, place + 1 - window) : place + 1]
        below, equal = sum(each < advantage for each in recent), sum(each == advantage for each in recent)
        ranks.append((below + 0.5 * equal) / len(recent))
    return ranks


def mean_and_error(values: Sequence[float]) -> tuple[float, float | None]:
    """The mean and its standard error; `None` for the error of a single value.

    Example:
        >>> mean_and_error([1.0, 2.0, 3.0])
        (2.0, 0.5773502691896258)
    """
    if len(values) < 2:
        return float(values[0]), None
    return float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(len(values)))


def running_mean(values: Sequence[float]) -> list[float]:
    """The mean of all values up to each, as a learning curve shows it.

    Example:
        >>> running_mean([1.0, 0.0, 1.0])
        [1.0, 0.5, 0.6666666666666666]
    """
    return [float(value) for value in np.cumsum(values) / np.arange(1, len(values) + 1)]
