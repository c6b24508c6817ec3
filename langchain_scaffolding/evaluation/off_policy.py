"""Off-policy estimates: what another policy would have earned on traffic that was logged with probabilities."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from langchain_scaffolding.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_scaffolding.performance import OutcomeStore

Method: TypeAlias = Literal["ips", "snips", "dr"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Logged:
    """One decision as it was logged.

    Attributes:
        task: The task.
        model: The model that was chosen.
        propensity: With what probability, above 0.
        reward: What it earned, such as feedback from 0 to 1.
    """

    task: str
    model: str
    propensity: float
    reward: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """An estimated mean reward.

    Attributes:
        value: The estimate.
        low: The lower end of its 95 % confidence interval.
        high: The upper end.
        effective: How many decisions of the new policy's own the log is worth (Kish's effective sample size).
        method: How it was estimated.
    """

    value: float
    low: float
    high: float
    effective: float
    method: Method

    def __str__(self) -> str:
        return (
            f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f}, worth {self.effective:.0f} decisions, {self.method})"
        )


def estimate(
    log: Sequence[Logged],
    target: Sequence[Mapping[str, float]],
    *,
    method: Method = "dr",
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """What a policy would have earned that had chosen each model with the given probabilities.

    "ips" weighs every logged reward by how much likelier the target is to choose what was chosen (Horvitz and Thompson,
    1952): unbiased, and noisy. "snips" divides by the sum of the weights (Swaminathan and Joachims, NIPS 2015): a
        little
    bias, less noise. "dr" adds the weighted residuals to a model of the reward, here the mean by task and model (Dudík,
    Langford and Li, ICML 2011): unbiased if either is right. The interval is that of the percentile bootstrap.

    Args:
        log: The logged decisions.
        target: For each of them the probability with which the policy in question chooses each model.
        method: The estimator.
        resamples: Bootstrap samples.
        seed: Seed of the bootstrap.

    Raises:
        ConfigurationError: The log is empty, the two differ in length, or a propensity is missing or not above 0:
            without it nothing can be estimated. Log with `policy="adaptive"`, which explores, and not with one that
            never does.

    Example:
        >>> log = [Logged(task="t", model=m, propensity=0.5, reward=r) for m, r in [("a", 1), ("b", 0)] * 50]
        >>> estimate(log, [{"a": 1.0}] * 100, method="snips").value
        1.0
    """
    _check(log, target)
    rewards = np.array([each.reward for each in log], dtype=float)
    weights = np.array(
        [chances.get(each.model, 0.0) / each.propensity for each, chances in zip(log, target, strict=True)], dtype=float
    )
    if method == "dr":
        means = _Means(log)
        expected = np.array(
            [
                sum(share * means(each.task, name) for name, share in chances.items())
                for each, chances in zip(log, target, strict=True)
            ]
        )
        parts = expected + weights * (rewards - np.array([means(each.task, each.model) for each in log]))
    else:
        parts = weights * rewards
    size = len(log)
    picks = np.random.default_rng(seed).integers(0, size, size=(resamples, size))
    if method == "snips":
        value = float(parts.sum() / weights.sum()) if weights.any() else math.nan
        sums = weights[picks].sum(axis=1)
        samples = parts[picks].sum(axis=1) / np.where(sums > 0, sums, np.nan)
    else:
        value = float(parts.mean())
        samples = parts[picks].mean(axis=1)
    low, high = (
        (float(edge) for edge in np.nanquantile(samples, (0.025, 0.975))) if weights.any() else (math.nan, math.nan)
    )
    squares = float((weights**2).sum())
    effective = float(weights.sum() ** 2 / squares) if squares else 0.0
    return Estimate(value=value, low=low, high=high, effective=effective, method=method)


def _check(log: Sequence[Logged], target: Sequence[Mapping[str, float]]) -> None:
    if not log or len(log) != len(target):
        msg = f"Give the target's probabilities for each logged decision: {len(log)} decisions, {len(target)} targets."
        raise ConfigurationError(msg)
    for place, each in enumerate(log):
        if not 0 < each.propensity <= 1:
            msg = (
                f"Decision {place} was logged with propensity {each.propensity!r}, not above 0 and at most 1. "
                'Only traffic of a policy that states its probabilities can be used, such as `policy="adaptive"`.'
            )
            raise ConfigurationError(msg)


class _Means:
    """Mean reward by task and model, drawn towards the model's mean where there is little."""

    def __init__(self, log: Sequence[Logged]) -> None:
        self._pairs: dict[tuple[str, str], list[float]] = {}
        self._models: dict[str, list[float]] = {}
        for each in log:
            self._pairs.setdefault((each.task, each.model), []).append(each.reward)
            self._models.setdefault(each.model, []).append(each.reward)
        self._all = sum(each.reward for each in log) / len(log)

    def __call__(self, task: str, model: str) -> float:
        of_model = self._models.get(model, [])
        wide = (sum(of_model) + self._all) / (len(of_model) + 1)
        of_pair = self._pairs.get((task, model), [])
        return (sum(of_pair) + 5 * wide) / (len(of_pair) + 5)


def logged(store: OutcomeStore, task: str | None = None) -> list[Logged]:
    """The decisions of a store that can be used for estimates: first choices with a probability and feedback."""
    return [
        Logged(task=row["task"], model=row["model"], propensity=row["propensity"], reward=row["feedback"])
        for row in store.history(task=task)
        if row["propensity"] is not None and row["feedback"] is not None and not row["pinned"]
    ]


def what_if(store: OutcomeStore, model: str, *, task: str | None = None, method: Method = "dr") -> Estimate:
    """What the recorded traffic would have earned, in mean feedback, if one model had answered all of it.

    Raises:
        ConfigurationError: No recorded decision has both a probability and feedback.
    """
    log = logged(store, task)
    return estimate(log, [{model: 1.0}] * len(log), method=method)
