"""`Budget`: which texts may go to a dearer model, if only a share of all may."""

from __future__ import annotations

import math
from statistics import NormalDist

_TEMPER = 0.45
_STEP = 0.1
_MEMORY = 0.01
_LEAST_SPREAD = 1e-6


class Budget:
    """Gives the texts that gain most a way to the dearer model, and holds the share of those that go there.

    A text passes if what it gains lies above a line, in standard deviations from the gains of the texts before. The
    line rises with every text that passes and sinks with every one that does not, in proportion to the share, so that
    the share holds in the long run whatever the gains are: equal, rising, or in clusters. It is the quantile tracker of
    adaptive conformal inference (Gibbs and Candès, NeurIPS 2021).

    Args:
        share: The share of texts that may pass, from 0 to 1.

    Example:
        >>> budget = Budget(0.25)
        >>> passed = [budget.chance(gain) for gain in [0.1, 0.1, 0.1, 0.9] * 100]
        >>> round(sum(passed[200:]) / 200, 2), round(sum(passed[203::4]) / 50, 2)
        (0.25, 1.0)
    """

    def __init__(self, share: float) -> None:
        self.share = share
        self._line = NormalDist().inv_cdf(1.0 - share) if 0 < share < 1 else 0.0
        self._texts = 0
        self._mean = 0.0
        self._square = 0.0

    def chance(self, gain: float, doubt: float = 0.0) -> float:
        """The probability with which a text passes.

        Args:
            gain: What the dearer model is expected to gain.
            doubt: How much of that is not known; the more doubt, the nearer comes the probability to a half.
        """
        if not 0 < self.share < 1:
            return self.share
        self._texts += 1
        rate = max(1.0 / self._texts, _MEMORY)
        away = gain - self._mean
        self._mean += rate * away
        self._square = (1.0 - rate) * (self._square + rate * away * away)
        spread = max(math.sqrt(self._square), _LEAST_SPREAD)
        above = (gain - self._mean) / spread - self._line
        width = _TEMPER * doubt / spread
        chance = 0.5 * math.erfc(-above / (width * math.sqrt(2.0))) if width > 0 else float(above >= 0)
        self._line += _STEP * (chance - self.share)
        return chance
