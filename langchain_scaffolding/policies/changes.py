"""`Watch`: which models have become better or worse than they used to be, and what that asks of the next decisions."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Literal, Self, TypeAlias

Change: TypeAlias = Literal["better", "worse"]

SHIFT = 1.5
"""A change worth finding adds this to the log-odds of a good answer, or takes it away."""

_ODDS = math.exp(SHIFT)
_ALARM = 8.0
_RETURN = 5.0
_USUAL, _WEIGHT = 0.5, 2.0
_ESTABLISHED = 10
_ALERT = 40  # decisions after a change that explore without temper


class ChangeDetector:
    """Sums up, in both directions, how much likelier the latest answers are if the odds of a good one had shifted.

    This is Page's CUSUM (1954) on the likelihood ratio of an answer being good. Where nothing has changed, an alarm is
    as rare as one in exp(8) = 3,000 answers, whatever the odds are (Lorden, 1971). What it compares with is the mean of
    all answers since the last change, which a belief that follows the latest answers would not do. After a fall it
    knows what to wait for: answers as good as before. So a false alarm ends after some good answers too.

    Attributes:
        former: How good answers were before they became worse; `None` unless they did and have not recovered.

    Example:
        >>> detector = ChangeDetector()
        >>> {detector.hear(score) for score in [1, 1, 1, 1, 1, 1, 1, 0, 1, 1] * 5}
        {None}
        >>> [detector.hear(0) for _ in range(8)][-2:]
        [None, 'worse']
        >>> [detector.hear(1) for _ in range(20)].count("better")
        1
    """

    __slots__ = ("_before", "_better", "_count", "_recovered", "_sum", "_worse", "former")

    def __init__(self) -> None:
        self._begin(former=None)

    def _begin(self, *, former: float | None) -> None:
        self.former = former
        self._count, self._sum, self._before = 0, 0.0, _USUAL
        self._worse = self._better = self._recovered = 0.0

    def hear(self, score: float) -> Change | None:
        """Take in how good an answer was, from 0 to 1; tell of a change, and begin anew."""
        usual = (self._sum + _USUAL * _WEIGHT) / (self._count + _WEIGHT)
        if self._count >= _ESTABLISHED:
            if self._worse == 0.0:
                self._before = usual  # what counts from here on may be the fall itself
            self._worse = max(self._worse + _evidence(usual, score, 1.0 / _ODDS), 0.0)
            self._better = max(self._better + _evidence(usual, score, _ODDS), 0.0)
        if self.former is not None:
            fallen = self.former / (self.former + (1.0 - self.former) * _ODDS)
            self._recovered = max(self._recovered + _evidence(fallen, score, _ODDS), 0.0)
        if max(self._better, self._worse) >= _ALARM:
            has_fallen = self._worse > self._better
            self._begin(former=self._before if has_fallen else None)
            return "worse" if has_fallen else "better"
        if self._recovered >= _RETURN:
            self._begin(former=None)
            return "better"
        self._count += 1
        self._sum += score
        return None


def _evidence(chance: float, score: float, shift: float) -> float:
    """The logarithm of how much likelier a score is with shifted odds."""
    # p' = p s / (1 - p + p s), so p' / p = s / (1 - p + p s) and (1 - p') / (1 - p) = 1 / (1 - p + p s)
    return score * math.log(shift) - math.log(1.0 - chance + chance * shift)


class Watch:
    """Hears of every judged answer, by task and model.

    Example:
        >>> watch = Watch()
        >>> [watch.hear("title", "small", score) for score in [1] * 20 + [0] * 8][-1]
        'worse'
        >>> sorted(watch.fallen("title")), watch.is_alert("title"), watch.is_alert("summary")
        (['small'], True, False)
    """

    def __init__(self) -> None:
        self._detectors: dict[tuple[str, str], ChangeDetector] = {}
        self._fallen: dict[str, set[str]] = {}
        self._alerts: dict[str, int] = {}

    def hear(self, task: str, model: str, score: float) -> Change | None:
        """Take in how good an answer was, from 0 to 1; tell of a change."""
        change = self._detectors.setdefault((task, model), ChangeDetector()).hear(score)
        if change is not None:
            self._alerts[task] = _ALERT
            fallen = self._fallen.setdefault(task, set())
            (fallen.add if change == "worse" else fallen.discard)(model)
        return change

    def fallen(self, task: str) -> Collection[str]:
        """The models that became worse at a task and have not recovered."""
        return self._fallen.get(task, ())

    def is_alert(self, task: str) -> bool:
        """Whether a model has just changed, so that the next decision should look around."""
        left = self._alerts.get(task, 0)
        if left:
            self._alerts[task] = left - 1
        return left > 0

    def __copy__(self) -> Self:
        """One that hears the same, and whose decisions leave this one's to be made."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__, _alerts=dict(self._alerts))
        return twin
