"""`ChangeDetector`: whether a model has become better or worse than it used to be."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

Change: TypeAlias = Literal["better", "worse"]

_SHIFT = math.exp(1.5)  # a change worth finding multiplies the odds of a good answer by this, or divides them
_ALARM = 8.0
_USUAL, _WEIGHT = 0.5, 2.0
_ESTABLISHED = 10


class ChangeDetector:
    """Sums up, in both directions, how much likelier the latest answers are if the odds of a good one had shifted.

    This is Page's CUSUM (1954) on the likelihood ratio of an answer being good. Where nothing has changed, an alarm is
    as rare as one in exp(8) = 3,000 answers, whatever the odds are (Lorden, 1971). What it compares with is the mean of
    all answers since the last change, which a belief that follows the latest answers would not do.

    Example:
        >>> detector = ChangeDetector()
        >>> {detector.hear(score) for score in [1, 1, 1, 1, 1, 1, 1, 0, 1, 1] * 5}
        {None}
        >>> [detector.hear(0) for _ in range(8)][-2:]
        [None, 'worse']
    """

    __slots__ = ("_better", "_count", "_sum", "_worse")

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._count, self._sum = 0, 0.0
        self._worse = self._better = 0.0

    def hear(self, score: float) -> Change | None:
        """Take in how good an answer was, from 0 to 1; tell of a change, and begin anew."""
        if self._count >= _ESTABLISHED:
            usual = (self._sum + _USUAL * _WEIGHT) / (self._count + _WEIGHT)
            self._worse = max(self._worse + _evidence(usual, score, 1.0 / _SHIFT), 0.0)
            self._better = max(self._better + _evidence(usual, score, _SHIFT), 0.0)
            if max(self._worse, self._better) >= _ALARM:
                change: Change = "worse" if self._worse > self._better else "better"
                self._begin()
                return change
        self._count += 1
        self._sum += score
        return None


def _evidence(chance: float, score: float, shift: float) -> float:
    """The logarithm of how much likelier a score is with shifted odds."""
    # p' = p s / (1 - p + p s), so p' / p = s / (1 - p + p s) and (1 - p') / (1 - p) = 1 / (1 - p + p s)
    return score * math.log(shift) - math.log(1.0 - chance + chance * shift)
