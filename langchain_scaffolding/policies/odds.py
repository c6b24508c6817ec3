"""Log-odds and probabilities."""

from __future__ import annotations

import math

_FARTHEST = 30.0


def chance_of(log_odds: float, variance: float = 0.0) -> float:
    """The probability of log-odds; with a variance its mean, if the log-odds are normally distributed (MacKay, 1992).

    Example:
        >>> round(chance_of(2.0), 2), round(chance_of(2.0, variance=4.0), 2)
        (0.88, 0.78)
    """
    flat = log_odds / math.sqrt(1.0 + math.pi / 8.0 * variance)
    return 1.0 / (1.0 + math.exp(-min(max(flat, -_FARTHEST), _FARTHEST)))
