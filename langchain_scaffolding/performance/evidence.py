"""`Evidence`: what was observed of one model at one task, in constant memory, older observations counting less.

Counters forget nothing; how means and quantiles fade stands in `means`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from langchain_scaffolding.outcomes import ErrorClass
from langchain_scaffolding.performance.means import BLOCK, DIGITS, CorrectableMean, Mean, Timing, rebasing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_scaffolding.performance.means import Forgetting

UNACCEPTABLE = frozenset({ErrorClass.REFUSAL, ErrorClass.EMPTY, ErrorClass.TRUNCATED, ErrorClass.INVALID_OUTPUT})
"""The errors of a model that answered, with an answer that cannot be used."""

# A first call this much slower than the warm ones loaded the model; below, there was nothing to load.
_COLD_FACTOR = 2.0


class Attempt(Protocol):
    """What is learned from: an `Outcome`, or a line of the store."""

    @property
    def error(self) -> str | None: ...  # noqa: D102
    @property
    def total_s(self) -> float | None: ...  # noqa: D102
    @property
    def first_token_s(self) -> float | None: ...  # noqa: D102
    @property
    def output_tokens(self) -> int | None: ...  # noqa: D102
    @property
    def measured(self) -> bool: ...  # noqa: D102
    @property
    def pinned(self) -> bool: ...  # noqa: D102


def seconds_per_token(total_s: float, first_token_s: float | None, tokens: int | None) -> float | None:
    """Seconds per token of an answer; `None` if its tokens were not counted."""
    if not tokens:
        return None
    if first_token_s is not None and tokens > 1:
        # the first token waits for the prompt to be read, the others follow each other
        return (total_s - first_token_s) / (tokens - 1)
    return total_s / tokens


_COUNTERS = ("calls", "errors", "measured", "deadline_misses", "feedback_count")
_FADING = ("success", "acceptance", "warm", "cold", "early", "token_seconds", "feedback")


class Evidence:
    """What was observed of one model at one task.

    It is a sum: evidence from several processes is put together by `absorb`, in any order.
    """

    __slots__ = (
        "acceptance",
        "block",
        "calls",
        "cold",
        "deadline_misses",
        "early",
        "errors",
        "feedback",
        "feedback_count",
        "last_at",
        "last_error",
        "last_error_at",
        "measured",
        "peak",
        "success",
        "token_seconds",
        "warm",
    )

    def __init__(self, block: int) -> None:
        self.block = block
        self.peak = 0.0
        self.calls = self.errors = self.measured = self.deadline_misses = self.feedback_count = 0
        self.last_at = self.last_error_at = -math.inf
        self.last_error: str | None = None
        self.success = Mean()
        self.acceptance = Mean()
        self.warm: Timing | None = None
        self.cold: Timing | None = None
        self.early: Mean | None = None
        self.token_seconds: Mean | None = None
        self.feedback: CorrectableMean | None = None

    def weigh(self, at: float, forgetting: Forgetting) -> float:
        """The weight of an observation at a time; moves the unit of all weights when it has grown out of range."""
        half_lives = at * forgetting.per_s - BLOCK * self.block
        if half_lives > 2 * BLOCK:
            self.rebase(forgetting.block(at))
            half_lives = at * forgetting.per_s - BLOCK * self.block
        weight: float = 2.0**half_lives
        self.peak = max(self.peak, weight)
        self.last_at = max(self.last_at, at)
        return weight

    def rebase(self, block: int) -> None:
        """Express all weights in the unit of a later block."""
        factor = rebasing(self.block, block)
        self.block = block
        self.peak *= factor
        for part in (
            self.success,
            self.acceptance,
            self.warm,
            self.cold,
            self.early,
            self.token_seconds,
            self.feedback,
        ):
            if part is not None:
                part.scale(factor)

    def learn(self, outcome: Attempt, at: float, forgetting: Forgetting, *, cold: bool, mean_s: float | None) -> None:
        """Count one attempt.

        Args:
            outcome: How it ended.
            at: When, in seconds since the epoch.
            forgetting: How fast evidence fades.
            cold: Whether the model may have had to be loaded first.
            mean_s: What the pair's mean latency was believed to be, from everything known; `None` without history.
        """
        weight = self.weigh(at, forgetting)
        cap = forgetting.memory * self.peak
        self.calls += 1
        if outcome.error is not None:
            self._learn_failure(outcome, outcome.error, at, weight, cap, mean_s)
        elif outcome.measured:
            self.measured += 1
            self.success.add(1.0, weight, cap)
            if not outcome.pinned:
                self.acceptance.add(1.0, weight, cap)
            if outcome.total_s is not None:
                self._learn_latency(outcome, outcome.total_s, weight, cap, cold=cold)
        elif outcome.total_s is not None and mean_s is not None:
            # left before its end, as the loser of a hedged call is
            self._learn_bound(outcome.total_s, weight, cap, mean_s)

    def _learn_latency(self, outcome: Attempt, total_s: float, weight: float, cap: float, *, cold: bool) -> None:
        first_token_s = outcome.first_token_s
        if cold:
            if self.cold is None:
                self.cold = Timing()
            self.cold.add(total_s, first_token_s, weight, cap)
            return
        if self.warm is None:
            self.warm = Timing()
        self.warm.add(total_s, first_token_s, weight, cap)
        per_token = seconds_per_token(total_s, first_token_s, outcome.output_tokens)
        if per_token is not None:
            if self.token_seconds is None:
                self.token_seconds = Mean()
            self.token_seconds.add(per_token, weight, cap)

    def _learn_failure(
        self, outcome: Attempt, error: str, at: float, weight: float, cap: float, mean_s: float | None
    ) -> None:
        self.errors += 1
        self.success.add(0.0, weight, cap)
        if error == ErrorClass.TIMEOUT:
            self.deadline_misses += 1
        if error in UNACCEPTABLE and not outcome.pinned:
            self.acceptance.add(0.0, weight, cap)
        if at >= self.last_error_at:
            self.last_error, self.last_error_at = str(error), at
        if outcome.total_s is None:
            return
        if mean_s is None:
            if self.early is None:
                self.early = Mean()
            self.early.add(outcome.total_s, weight, cap)
        else:
            self._learn_bound(outcome.total_s, weight, cap, mean_s)

    def _learn_bound(self, seconds: float, weight: float, cap: float, mean_s: float) -> None:
        """Count a censored observation: an answer would have taken at least this long.

        Beyond the mean it counts as that bound; below, it says nothing (a rejected key takes a millisecond).
        """
        if seconds > mean_s:
            if self.warm is None:
                self.warm = Timing()
            self.warm.add(seconds, None, weight, cap)

    def learn_feedback(self, score: float, at: float, forgetting: Forgetting) -> float:
        """Count one score; return what `unlearn_feedback` needs to take it out again."""
        weight = self.weigh(at, forgetting)
        if self.feedback is None:
            self.feedback = CorrectableMean()
        forgotten = self.feedback.forgotten
        self.feedback.add(score, weight, forgetting.memory * self.peak)
        self.feedback_count += 1
        return forgotten

    def unlearn_feedback(
        self, score: float, at: float, forgotten: float, holder: Evidence | None, forgetting: Forgetting
    ) -> None:
        """Take back, in this evidence, a score that stands in `holder`, which is only read.

        The two may differ, since only the sum over all sources counts: a part of it may well lie below zero.
        """
        self.feedback_count -= 1
        if holder is None or holder.feedback is None:
            return
        if holder.block > self.block:
            self.rebase(holder.block)
        left = holder.feedback.left_of(forgetting.weight(at, holder.block), forgotten)
        left *= rebasing(holder.block, self.block)
        if self.feedback is None:
            self.feedback = CorrectableMean()
        self.feedback.weight -= left
        self.feedback.total -= left * score

    def absorb(self, other: Evidence, *, quantiles: bool = True) -> None:
        """Count everything that another evidence counted; without the quantiles it takes a tenth of the time."""
        if other.block > self.block:
            self.rebase(other.block)
        factor = rebasing(other.block, self.block)
        self.peak = max(self.peak, other.peak * factor)
        for name in _COUNTERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.last_at = max(self.last_at, other.last_at)
        # the name breaks a tie, so that the order of absorbing does not
        if (other.last_error_at, other.last_error or "") > (self.last_error_at, self.last_error or ""):
            self.last_error, self.last_error_at = other.last_error, other.last_error_at
        for name in _FADING:
            theirs = getattr(other, name)
            if theirs is not None:
                if getattr(self, name) is None:
                    setattr(self, name, type(theirs)())
                if isinstance(theirs, Timing):
                    getattr(self, name).absorb(theirs, factor, quantiles=quantiles)
                else:
                    getattr(self, name).absorb(theirs, factor)

    def _loads(self) -> bool:
        """Whether cold starts are so slow that the model is evidently loaded first."""
        cold = None if self.cold is None else self.cold.seconds.value
        warm = None if self.warm is None else self.warm.seconds.value
        return cold is not None and warm is not None and cold > _COLD_FACTOR * warm

    def timing(self) -> Timing | None:
        """The durations to show: of warm calls, with the cold starts among them unless these are evidently slower."""
        if self.cold is None or self._loads():
            return self.warm
        if self.warm is None:
            return self.cold
        both = Timing()
        both.absorb(self.warm)
        both.absorb(self.cold)
        return both

    @property
    def measured_weight(self) -> float:
        """The weight of the evidence behind the mean latency, in fresh observations as of the last one."""
        weight = sum(timing.seconds.weight for timing in (self.warm, self.cold) if timing is not None)
        return weight / self.peak if self.peak > 0 else 0.0

    def copy(self) -> Evidence:
        """An evidence of its own with the same content."""
        twin = Evidence(self.block)
        twin.absorb(self)
        return twin


def _mean_of_one(warm: Timing | None, cold: Timing | None) -> float | None:
    if warm is None or cold is None:
        only = cold if warm is None else warm
        return None if only is None else only.seconds.value
    usual, first = warm.seconds, cold.seconds
    if first.total * usual.weight > _COLD_FACTOR * usual.total * first.weight:
        return usual.value
    weight = usual.weight + first.weight
    # nothing is left of what was observed very long ago
    return round((usual.total + first.total) / weight, DIGITS) if weight > 0 else None


def latency_mean_s(parts: Sequence[Evidence]) -> float | None:
    """Mean seconds of the measured successes and of the failures that took longer; `None` without a success.

    Cold starts count unless they are evidently slower than the warm calls. Only sums are read, so this is cheap enough
    to be asked after every call.
    """
    if len(parts) == 1:
        only = parts[0]
        if only.early is None or (only.warm is None and only.cold is None):
            # nearly every call comes here
            return _mean_of_one(only.warm, only.cold)
    block = max([part.block for part in parts], default=0)
    warm_weight = warm_total = cold_weight = cold_total = early_weight = early_total = 0.0
    for part in parts:
        factor = 1.0 if part.block == block else rebasing(part.block, block)
        if part.warm is not None:
            warm_weight += part.warm.seconds.weight * factor
            warm_total += part.warm.seconds.total * factor
        if part.cold is not None:
            cold_weight += part.cold.seconds.weight * factor
            cold_total += part.cold.seconds.total * factor
        if part.early is not None:
            early_weight += part.early.weight * factor
            early_total += part.early.total * factor
    weight, total = warm_weight, warm_total
    if cold_weight and (not warm_weight or cold_total * warm_weight <= _COLD_FACTOR * warm_total * cold_weight):
        weight, total = weight + cold_weight, total + cold_total
    if early_weight and early_total * weight > total * early_weight:
        weight, total = weight + early_weight, total + early_total
    # without a success there is no mean to compare the early failures with, and `weight` is theirs or nothing
    return round(total / weight, DIGITS) if warm_weight + cold_weight > 0 else None
