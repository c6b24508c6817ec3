"""Calibration: whether a stated probability of a good answer is right as often as it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from langchain_scaffolding.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """Predictions that are close to each other.

    Attributes:
        predicted: Their mean.
        observed: The mean of what came.
        count: How many they are.
    """

    predicted: float
    observed: float
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """How well predictions agree with what came.

    Attributes:
        bins: Predictions by size, in bins of equal width; empty ones are left out.
        error: Expected calibration error: the mean distance between the two in a bin (Naeini, Cooper and Hauskrecht,
            AAAI 2015).
        brier: Mean squared error of the predictions (Brier, 1950).
    """

    bins: tuple[Bin, ...]
    error: float
    brier: float


def calibration(predicted: Sequence[float], observed: Sequence[float], *, bins: int = 10) -> Calibration:
    """Compare predicted probabilities with what came, each from 0 to 1.

    Raises:
        ConfigurationError: The two differ in length, or there is none.

    Example:
        >>> found = calibration([0.2] * 5 + [0.8] * 5, [0, 0, 0, 0, 1, 1, 1, 1, 1, 0])
        >>> round(found.error, 3), round(found.brier, 3), len(found.bins)
        (0.0, 0.16, 2)
    """
    stated, came = np.asarray(predicted, dtype=float), np.asarray(observed, dtype=float)
    if not len(stated) or len(stated) != len(came):
        msg = f"Give as many predictions as outcomes, at least one: {len(stated)} and {len(came)}."
        raise ConfigurationError(msg)
    places = np.minimum((stated * bins).astype(int), bins - 1)
    found = tuple(
        Bin(predicted=float(stated[held].mean()), observed=float(came[held].mean()), count=int(held.sum()))
        for held in (places == place for place in range(bins))
        if held.any()
    )
    error = sum(each.count * abs(each.predicted - each.observed) for each in found) / len(stated)
    return Calibration(bins=found, error=error, brier=float(np.mean((stated - came) ** 2)))
