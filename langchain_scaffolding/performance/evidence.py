"""`Evidence`: what was observed of one model at one task, in constant memory, older observations counting less.

Counters forget nothing; how means and quantiles fade stands in `means`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from langchain_scaffolding.outcomes import ErrorClass
from langchain_scaffolding.performance.means import BLOCK, DIGITS, NOTHING, plus, rebasing
from langchain_scaffolding.performance.sketch import Sketch, count, merge, scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_scaffolding.performance.means import Forgetting, Mean
    from langchain_scaffolding.performance.sources import Pair

UNACCEPTABLE = frozenset({ErrorClass.REFUSAL, ErrorClass.EMPTY, ErrorClass.TRUNCATED, ErrorClass.INVALID_OUTPUT})
"""The errors of a model that answered, with an answer that cannot be used."""

# A first call this much slower than the warm ones loaded the model; below, there was nothing to load.
_COLD_FACTOR = 2.0

_NEVER = -math.inf  # one object for all


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


_COUNTERS = ("calls", "errors", "unmeasured", "deadline_misses", "feedback_count")
_MEANS = ("success", "acceptance", "warm", "cold", "early", "token_seconds", "feedback")
_SKETCHES = ("totals", "first_tokens", "cold_totals", "cold_first_tokens")


class Evidence:
    """What was observed of one model at one task.

    It is a sum: evidence from several processes is put together by `absorb`, in any order.
    """

    __slots__ = (
        *_COUNTERS,
        *_MEANS,
        *_SKETCHES,
        "block",
        "forgotten",
        "last_at",
        "last_error",
        "last_error_at",
        "mean_s",
        "pair",
    )

    def __init__(self, pair: Pair, block: int) -> None:
        # one tuple for all that belongs to the pair
        self.pair = pair
        # the mean latency from everything known of the pair, kept ready by whoever knows it
        self.mean_s: float | None = None
        self.block = block
        self.calls = self.errors = self.unmeasured = self.deadline_misses = self.feedback_count = 0
        self.last_at = self.last_error_at = _NEVER
        self.last_error: str | None = None
        self.success = self.acceptance = self.warm = self.cold = NOTHING
        self.early = self.token_seconds = self.feedback = NOTHING
        # logarithm to base 2 of how much the cap has shrunk the feedback that was there from the beginning
        self.forgotten = 0.0
        self.totals: Sketch | None = None
        self.first_tokens: Sketch | None = None
        self.cold_totals: Sketch | None = None
        self.cold_first_tokens: Sketch | None = None

    def weigh(self, at: float, forgetting: Forgetting) -> tuple[float, float]:
        """The weight of an observation at a time, and that of all that a mean remembers.

        Moves the unit of all weights when it has grown out of range.
        """
        half_lives = at * forgetting.per_s - BLOCK * self.block
        if half_lives > 2 * BLOCK:
            self.rebase(forgetting.block(at))
            half_lives = at * forgetting.per_s - BLOCK * self.block
        weight: float = 2.0**half_lives
        if at < self.last_at:
            return weight, forgetting.memory * self.peak(forgetting)
        self.last_at = at
        return weight, forgetting.memory * weight

    def peak(self, forgetting: Forgetting) -> float:
        """The weight of a fresh observation, as of the last one."""
        return forgetting.weight(self.last_at, self.block) if self.last_at > _NEVER else 0.0

    def rebase(self, block: int) -> None:
        """Express all weights in the unit of a later block."""
        factor = rebasing(self.block, block)
        self.block = block
        for name in _MEANS:
            setattr(self, name, getattr(self, name) * factor)
        for name in _SKETCHES:
            sketch = getattr(self, name)
            if sketch is not None:
                scale(sketch, factor)

    def learn(self, outcome: Attempt, at: float, forgetting: Forgetting, *, cold: bool, mean_s: float | None) -> None:
        """Count one attempt.

        Args:
            outcome: How it ended.
            at: When, in seconds since the epoch.
            forgetting: How fast evidence fades.
            cold: Whether the model may have had to be loaded first.
            mean_s: What the pair's mean latency was believed to be, from everything known; `None` without history.
        """
        weight, cap = self.weigh(at, forgetting)
        self.calls += 1
        if outcome.error is not None:
            self._learn_failure(outcome, outcome.error, at, weight, cap, mean_s)
        elif outcome.measured:
            before = self.success
            self.success = plus(before, 1.0, weight, cap)
            if not outcome.pinned:
                # one object for both, as long as nothing tells them apart
                same = self.acceptance == before
                self.acceptance = self.success if same else plus(self.acceptance, 1.0, weight, cap)
            if outcome.total_s is not None:
                self._learn_latency(outcome, outcome.total_s, weight, cap, cold=cold)
        else:
            self.unmeasured += 1
            if outcome.total_s is not None and mean_s is not None:
                # left before its end, as the loser of a hedged call is
                self._learn_bound(outcome.total_s, weight, cap, mean_s)

    def _learn_latency(self, outcome: Attempt, total_s: float, weight: float, cap: float, *, cold: bool) -> None:
        first_token_s = outcome.first_token_s
        if cold:
            self.cold = plus(self.cold, total_s, weight, cap)
            self.cold_totals = count(self.cold_totals, total_s, weight)
            if first_token_s is not None:
                self.cold_first_tokens = count(self.cold_first_tokens, first_token_s, weight)
            return
        self.warm = plus(self.warm, total_s, weight, cap)
        self.totals = count(self.totals, total_s, weight)
        if first_token_s is not None:
            self.first_tokens = count(self.first_tokens, first_token_s, weight)
        per_token = seconds_per_token(total_s, first_token_s, outcome.output_tokens)
        if per_token is not None:
            self.token_seconds = plus(self.token_seconds, per_token, weight, cap)

    def _learn_failure(
        self, outcome: Attempt, error: str, at: float, weight: float, cap: float, mean_s: float | None
    ) -> None:
        self.errors += 1
        self.success = plus(self.success, 0.0, weight, cap)
        if error == ErrorClass.TIMEOUT:
            self.deadline_misses += 1
        if error in UNACCEPTABLE and not outcome.pinned:
            self.acceptance = plus(self.acceptance, 0.0, weight, cap)
        if at >= self.last_error_at:
            self.last_error, self.last_error_at = str(error), at
        if outcome.total_s is None:
            return
        if mean_s is None:
            self.early = plus(self.early, outcome.total_s, weight, cap)
        else:
            self._learn_bound(outcome.total_s, weight, cap, mean_s)

    def _learn_bound(self, seconds: float, weight: float, cap: float, mean_s: float) -> None:
        """Count a censored observation: an answer would have taken at least this long.

        Beyond the mean it counts as that bound; below, it says nothing (a rejected key takes a millisecond).
        """
        if seconds > mean_s:
            self.warm = plus(self.warm, seconds, weight, cap)
            self.totals = count(self.totals, seconds, weight)

    def learn_feedback(self, score: float, at: float, forgetting: Forgetting) -> float:
        """Count one score; return what `unlearn_feedback` needs to take it out again."""
        weight, cap = self.weigh(at, forgetting)
        forgotten, mass = self.forgotten, self.feedback.real + weight
        if mass > cap:
            self.forgotten += math.log2(cap / mass)
        self.feedback = plus(self.feedback, score, weight, cap)
        self.feedback_count += 1
        return forgotten

    def unlearn_feedback(
        self, score: float, at: float, forgotten: float, holder: Evidence | None, forgetting: Forgetting
    ) -> None:
        """Take back, in this evidence, a score that stands in `holder`, which is only read.

        The two may differ, since only the sum over all sources counts: a part of it may well lie below zero.
        """
        self.feedback_count -= 1
        if holder is None or not holder.feedback:
            return
        if holder.block > self.block:
            self.rebase(holder.block)
        left = forgetting.weight(at, holder.block) * math.pow(2.0, holder.forgotten - forgotten)
        left *= rebasing(holder.block, self.block)
        self.feedback -= complex(left, left * score)

    def absorb(self, other: Evidence, *, quantiles: bool = True) -> None:
        """Count everything that another evidence counted; without the quantiles it takes a tenth of the time."""
        if other.block > self.block:
            self.rebase(other.block)
        factor = rebasing(other.block, self.block)
        for name in _COUNTERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.last_at = max(self.last_at, other.last_at)
        # the name breaks a tie, so that the order of absorbing does not
        if (other.last_error_at, other.last_error or "") > (self.last_error_at, self.last_error or ""):
            self.last_error, self.last_error_at = other.last_error, other.last_error_at
        self.forgotten += other.forgotten
        for name in _MEANS:
            setattr(self, name, getattr(self, name) + getattr(other, name) * factor)
        for name in _SKETCHES if quantiles else ():
            theirs = getattr(other, name)
            if theirs is not None:
                if getattr(self, name) is None:
                    setattr(self, name, Sketch())
                merge(getattr(self, name), theirs, factor)

    def durations(self) -> tuple[Sketch | None, Sketch | None]:
        """Of answers and of their first tokens: of warm calls, and of cold starts unless these are evidently slower."""
        if not self.cold or _is_slower(self.cold, self.warm):
            return self.totals, self.first_tokens
        return _sum(self.totals, self.cold_totals), _sum(self.first_tokens, self.cold_first_tokens)

    @property
    def measured(self) -> int:
        """Successes that the model really computed."""
        return self.calls - self.errors - self.unmeasured

    def copy(self) -> Evidence:
        """An evidence of its own with the same content."""
        twin = Evidence(self.pair, self.block)
        twin.absorb(self)
        return twin


def _sum(one: Sketch | None, other: Sketch | None) -> Sketch | None:
    if one is None or other is None:
        return other if one is None else one
    both = Sketch(one)
    merge(both, other)
    return both


def _is_slower(cold: Mean, warm: Mean) -> bool:
    """Whether cold starts are so slow that the model is evidently loaded first."""
    return cold.imag * warm.real > _COLD_FACTOR * warm.imag * cold.real


def latency_mean_s(parts: Sequence[Evidence]) -> float | None:
    """Mean seconds of the measured successes and of the failures that took longer; `None` without a success.

    Cold starts count unless they are evidently slower than the warm calls. Only sums are read, so this is cheap enough
    to be asked after every call.
    """
    if len(parts) == 1:  # as nearly always
        warm, cold, early = parts[0].warm, parts[0].cold, parts[0].early
    else:
        block = max([part.block for part in parts], default=0)
        warm = cold = early = NOTHING
        for part in parts:
            factor = rebasing(part.block, block)
            warm += part.warm * factor
            cold += part.cold * factor
            early += part.early * factor
    mean = warm if _is_slower(cold, warm) else warm + cold
    if not mean.real > 0:
        # without a success there is nothing to compare the early failures with
        return None
    if early and early.imag * mean.real > mean.imag * early.real:
        mean += early
    return round(mean.imag / mean.real, DIGITS)
