"""`Weights` and `Standing`: what is known of a model from the tracker, and how much it counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from langchain_scaffolding.performance import PairStats

_USUAL_SUCCESS, _USUAL_WEIGHT = 0.95, 5.0
_LEAST_SUCCESS = 1e-3
_SLOWEST = 4.0
_UNJUDGED = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """What an answer is worth, in log-odds of a good answer.

    Attributes:
        quality: Worth of the log-odds of a good answer themselves.
        latency: Lost by an answer that takes as long as the task's deadline; half of that by one of half the time.
        cost: Lost by a model that is 10 times as dear as the mean of the candidates.
    """

    quality: float = 1.0
    latency: float = 0.5
    cost: float = 0.0


class Standing(NamedTuple):
    """What the tracker knows of a model at a task.

    Attributes:
        stats: What it was made of.
        judged: How many of its answers the policy has learned from itself.
        lost: Log-odds lost by failures and by latency.
        told: Log-odds of a good answer by feedback that was given elsewhere: to other processes, or before a restart.
        told_precision: The inverse of the variance of that; 0 without any.
        narrowing: What variances are multiplied by, since an answer that passed the checks, and that nobody complained
            of, says a little; that of a pinned call does not.
    """

    stats: PairStats
    judged: int
    lost: float
    told: float
    told_precision: float
    narrowing: float

    @classmethod
    def of(cls, stats: PairStats, judged: int, weights: Weights, deadline_s: float) -> Standing:
        """The standing of what the tracker has counted."""
        lost = -math.log(max(_shrunk_success(stats), _LEAST_SUCCESS))
        if stats.latency_mean_s is not None:
            lost += weights.latency * min(stats.latency_mean_s / deadline_s, _SLOWEST)
        told = precision = 0.0
        if stats.feedback is not None and stats.feedback_count > judged:
            mean = min(max(stats.feedback, 0.02), 0.98)
            told = math.log(mean / (1.0 - mean))
            precision = stats.feedback_weight * (1.0 - judged / stats.feedback_count) * mean * (1.0 - mean)
        accepted = 0.0 if stats.acceptance is None else stats.acceptance * stats.acceptance_weight
        unjudged = max(accepted - stats.feedback_weight, 0.0)
        return cls(stats, judged, lost, told, precision, 1.0 / (1.0 + unjudged / _UNJUDGED))

    def with_told(self, expected: float, variance: float) -> tuple[float, float]:
        """What is believed of a model's quality, and its variance, with what was told elsewhere."""
        precision = 1.0 / variance + self.told_precision
        return (expected / variance + self.told * self.told_precision) / precision, 1.0 / precision


def _shrunk_success(stats: PairStats) -> float:
    if stats.success is None:
        return _USUAL_SUCCESS
    total = stats.success * stats.success_weight + _USUAL_SUCCESS * _USUAL_WEIGHT
    return total / (stats.success_weight + _USUAL_WEIGHT)
